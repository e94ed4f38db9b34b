import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { type FinalChain, openFinalChain, PROJECTS, SEQUENCER, snapshotOf } from '#roles/consumer/proof/final.test-chain.ts'
import { weft } from './cli.test-world.ts'

/** Commands against the real contracts, and a gateway that serves what is asked for. */
let world: FinalChain
let gateway: Server
let folder: string
let place: readonly string[]
beforeAll(async () => {
  world = await openFinalChain()
  gateway = createServer((request, response) => {
    const bytes = world.files.get(/^\/ipfs\/(\w+)/.exec(request.url ?? '')?.[1] ?? '')
    response.writeHead(bytes === undefined ? 404 : 200, { 'content-type': 'application/vnd.ipld.raw' }).end(bytes)
  })
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', () => resolve()))
  folder = mkdtempSync(join(tmpdir(), 'weft-prove-'))
  const { chainId, protocolState, dataMarket } = world.chain
  const network = { chainId, protocolState, dataMarket, nodes: protocolState, factory: protocolState, deploymentBlock: 1 }
  writeFileSync(join(folder, 'network.json'), JSON.stringify(network))
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
  place = ['--rpc', world.rpcUrl, '--network', join(folder, 'network.json'), '--gateway', url]
})
afterAll(async () => {
  gateway.close()
  rmSync(folder, { recursive: true })
  await world.stop()
})

const PROJECT = PROJECTS[8] as (typeof PROJECTS)[number]
const text = (epochId: 1 | 2): string => new TextDecoder().decode(snapshotOf(PROJECT, epochId as never))

describe('a proof from the command line', () => {
  test.each([1, 2] as const)(
    'of epoch %s is written, and checked with what it says of its block, and with the endpoint',
    async (epochId) => {
      const out = join(folder, `proof-${epochId}.json`)
      const made = await weft({}, 'proof', PROJECT, String(epochId), '--out', out, ...place)
      expect(made.err).toBe('')
      const command = made.out.trimEnd().split('\n').at(-1) ?? ''
      expect(command).toMatch(/^\.\/weft verify \S+ --data-market 0x[0-9a-f]{40} --block-hash 0x[0-9a-f]{64}$/)
      const offline = await weft({}, ...command.split(' ').slice(1), '--show')
      expect(offline.out).toMatch(/\nverified\n/)
      expect(offline.out).toContain(text(epochId))
      const asked = await weft({}, 'verify', out, ...place)
      expect([asked.exitCode, asked.out]).toEqual([0, expect.stringMatching(/✔ endpoint .* has block \d+ as well\n.*✔ form/)])
    },
  )

  test('is printed without --out, of a part of the id', async () => {
    const { out } = await weft({}, 'proof', '0x08', 'latest', ...place)
    expect(JSON.parse(out)).toMatchObject({ format: 'weft-proof', projectId: PROJECT, epochId: 1 })
  })

  test('of what is not final is refused', async () => {
    const { err, exitCode } = await weft({}, 'proof', PROJECT, '3', ...place)
    expect(exitCode).not.toBe(0)
    expect(err).toMatch(/PROOF_IMPOSSIBLE .*pending, not final/)
  })
})

describe('what the market holds, from chain and gateway', () => {
  test('is printed', async () => {
    expect((await weft({}, 'get', PROJECT, '1..2', ...place)).out).toBe(`${text(1)}\n${text(2)}\n`)
    expect((await weft({}, 'get', PROJECT, '9', ...place)).err).toContain('absent, epoch 9 is not released yet, the newest is 3')
    expect((await weft({}, 'projects', '0x08', ...place)).out).toBe(`${PROJECT}\n`)
    expect(await weft({}, 'projects', 'none', ...place)).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('of the newest ended epoch'),
    })
    const statuses = async (): Promise<string[]> => {
      const released = JSON.parse((await weft({}, 'released', '--json', ...place)).out) as { epochs: { status: string }[] }
      return released.epochs.map(({ status }) => status)
    }
    expect(await statuses()).toEqual(['open', 'open', 'open'])
    for (const epochId of [1, 2, 3] as EpochId[]) await world.perform(SEQUENCER, { kind: 'endBatchSubmissions', epochId })
    expect(await statuses()).toEqual(['pending', 'finalized', 'finalized'])
  })

  test('a batch is looked at by its CID', async () => {
    const { out } = await weft({}, 'verify', 'batch', String((await world.chain.batchCids(1 as never))[0]), ...place)
    expect(out).toMatch(/✔ form +JSON, 0 submissions, 10 projects/)
    expect(out).toMatch(/✘ structure +no submission for /)
  })
})

describe('several endpoints', () => {
  const proxies: Server[] = []
  afterEach(() => {
    for (const proxy of proxies.splice(0)) proxy.close()
  })
  /** Passes all on, and says of blocks that they have another hash. */
  async function liar(): Promise<string> {
    const proxy = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += String(chunk)
      })
      request.on('end', async () => {
        const answer = await fetch(world.rpcUrl, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
        response.setHeader('content-type', 'application/json')
        response.end((await answer.text()).replaceAll(/"hash":"0x[0-9a-f]{64}"/g, `"hash":"0x${'66'.repeat(32)}"`))
      })
    })
    proxies.push(proxy)
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', () => resolve()))
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  }
  const verify = (rpc: string, ...more: string[]) => weft({}, 'verify', PROJECT, '1', ...place.slice(2), '--rpc', rpc, ...more)

  test('are each asked; what most say counts, and who says otherwise is named', async () => {
    const lying = await liar()
    const { out } = await verify([world.rpcUrl, lying, world.rpcUrl].join(','))
    expect(out).toMatch(new RegExp(`✘ endpoint +${lying}: .*; block \\d+ is 0x${'66'.repeat(32)}`))
    expect(out.match(/✔ endpoint +http:\S+ \(number [13]\): finalized/g)).toHaveLength(2)
    // The batch of this chain has no votes.
    expect(out).toMatch(/✔ cid .*\n.*✘ batch .*holds no submission for that CID\nnot verified: batch\n$/)
  })

  test('that do not answer agree with nobody', async () => {
    const two = [world.rpcUrl, 'http://127.0.0.1:9'].join(',')
    expect((await verify(two)).err).toMatch(/ENDPOINTS_DISAGREE .*http:\/\/127.0.0.1:9 .*agreeing: 1, needed: 2/)
    expect((await verify(two, '--agree', '1')).out).toMatch(/✘ endpoint +http:\/\/127.0.0.1:9: /)
  })
})
