import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import vectors from '../../test/vectors/proof/proofs.json' with { type: 'json' }
import { weft } from './cli.test-world.ts'

const { proof, trust } = vectors.proofs.projects
const OFFLINE = ['--block-hash', trust.blockHash, '--data-market', trust.dataMarket]

let folder = ''
let file = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-proof-'))
  file = written('proof.json', JSON.stringify(proof))
})
afterAll(() => rmSync(folder, { recursive: true }))
function written(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

describe('verify FILE', () => {
  test('prints a tick for each step, and the data when they are asked for', async () => {
    const { out, exitCode } = await weft({}, 'verify', file, ...OFFLINE, '--show')
    expect(exitCode).toBe(0)
    expect(out).toMatch(/ ✔ block .*\n {2}✔ contract .*[\s\S]*✔ cid .*\nverified\n\{"epochId":1,/)
  })

  test('prints one JSON object', async () => {
    const { out } = await weft({}, 'verify', file, ...OFFLINE, '--json', '--show')
    expect(JSON.parse(out)).toMatchObject({ ok: true, steps: expect.any(Array), endpoints: [], data: expect.stringContaining('price') })
  })

  test('names the step that fails, and exits with 1', async () => {
    const altered = written('altered.json', JSON.stringify({ ...proof, snapshot: btoa('{}') }))
    const { out, exitCode } = await weft({}, 'verify', altered, ...OFFLINE, '--show')
    expect(exitCode).toBe(1)
    expect(out).toMatch(/✘ cid .*\nnot verified: cid\n$/)
  })

  test('needs to be told which market is meant: anybody may deploy one', async () => {
    const { err, exitCode } = await weft({}, 'verify', file, '--block-hash', trust.blockHash)
    expect(exitCode).not.toBe(0)
    expect(err).toContain(
      `--data-market or --network is needed: the market that is meant, for anybody may deploy one; the file is about ${trust.dataMarket}`,
    )
  })
})

describe('hostile files end in words', () => {
  const deep = '['.repeat(2_000_000)
  test.each([
    ['nothing', '', 'it is no proof'],
    ['no JSON', 'weft-proof', 'it is no proof'],
    ['no object', '[1]', 'it is no proof'],
    ['one that was cut', JSON.stringify(proof).slice(0, -100), 'it is no proof: no JSON object, or not the whole of one'],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0x00), 'it is no proof'],
    ['lists without end', deep, 'it is no proof'],
    ['lists in lists', deep + ']'.repeat(2_000_000), 'it is no proof'],
    [
      'lists where a text belongs',
      `${JSON.stringify(proof).slice(0, -1)},"header":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'header: ',
    ],
    ['another format', JSON.stringify({ ...proof, format: 'x' }), '`format` is not weft-proof'],
    ['a later version', JSON.stringify({ ...proof, version: 2 }), 'version 2 of the form, and only version 1 is known here'],
    ['a version that is no number', JSON.stringify({ ...proof, version: 'x'.repeat(1_000) }), 'version "xxx'],
    ['an epoch beyond numbers', JSON.stringify(proof).replace('"epochId":1', '"epochId":1e999'), 'epochId: '],
    ['a field of the language', JSON.stringify(proof).replace('{', '{"__proto__":{"ok":true},'), 'form'],
    ['a hundred thousand nodes', JSON.stringify({ ...proof, nodes: Array.from({ length: 100_000 }, () => '0x') }), 'nodes: '],
    ['a node of a megabyte', JSON.stringify({ ...proof, nodes: [`0x${'00'.repeat(1_000_000)}`] }), 'nodes.0: '],
    ['a header of lists', JSON.stringify({ ...proof, header: `0x${'c1'.repeat(16_000)}` }), 'header'],
  ])('%s', async (_what, content, said) => {
    const { out, err, exitCode } = await weft({}, 'verify', written('hostile.json', content), ...OFFLINE)
    expect(exitCode).toBe(1)
    expect(out).toContain('not verified: ')
    expect(out).toContain(said)
    expect(out.length + err.length).toBeLessThan(3_000)
  })

  test.each([
    [
      'a file of a gigabyte is not read',
      () => {
        const path = written('large.json', '')
        truncateSync(path, 1_000_000_000)
        return path
      },
      'longer than',
    ],
    ['a folder is none', () => folder, 'FILE_UNREADABLE'],
    ['a device has no end', () => '/dev/zero', 'not a regular file'],
    ['there is no such file', () => join(folder, 'none'), 'FILE_UNREADABLE'],
  ])('%s', async (_what, path, said) => {
    const { err, exitCode } = await weft({}, 'verify', path(), ...OFFLINE)
    expect(exitCode).not.toBe(0)
    expect(err).toContain(said)
  })
})

describe('a block that endpoints agree on', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })
  /** An endpoint that says of every block that it has this hash. */
  async function endpoint(hash: string, chainId = 31_337): Promise<string> {
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += String(chunk)
      })
      request.on('end', () => {
        const answer = ({ id, method }: { id: number; method: string }) => ({
          jsonrpc: '2.0',
          id,
          result: method === 'eth_chainId' ? `0x${chainId.toString(16)}` : { hash },
        })
        const calls = JSON.parse(body) as { id: number; method: string } | { id: number; method: string }[]
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(Array.isArray(calls) ? calls.map(answer) : answer(calls)))
      })
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const LIE = `0x${'22'.repeat(32)}`
  const verify = (urls: readonly string[], ...more: string[]) =>
    weft({}, 'verify', file, '--data-market', trust.dataMarket, '--rpc', urls.join(','), ...more)

  test('is trusted when more than half know it, and the one that says otherwise is named', async () => {
    const [honest, liar, also] = [await endpoint(trust.blockHash), await endpoint(LIE), await endpoint(trust.blockHash)]
    const { out, exitCode } = await verify([honest, liar, also])
    expect(exitCode).toBe(0)
    expect(out).toMatch(new RegExp(`✘ endpoint +${liar} says that block \\d+ is ${LIE}`))
  })

  test('is not, when too few do', async () => {
    const urls = [await endpoint(trust.blockHash), await endpoint(LIE), await endpoint(trust.blockHash)]
    const { err, exitCode } = await verify(urls, '--agree', '3')
    expect(exitCode).toBe(1)
    expect(err).toMatch(/ENDPOINTS_DISAGREE .*agreeing: 2, needed: 3/)
    expect((await verify([await endpoint(LIE)])).err).toContain('ENDPOINTS_DISAGREE')
  })

  test('of another chain is another block', async () => {
    const url = await endpoint(trust.blockHash, 1)
    const { out, err } = await verify([url])
    expect(out).toContain('is of chain 1, not 31337')
    expect(err).toContain('ENDPOINTS_DISAGREE')
    // Who reads JSON has no line for each endpoint.
    expect((await verify([url], '--json')).err).toMatch(
      /ENDPOINTS_DISAGREE \(about: block .*: http\S+ is of chain 1, not 31337, agreeing: 0/,
    )
  })
})

test('verify batch: what is neither a file here nor a CID is told as that, and no network is looked for', async () => {
  for (const words of [['batch.jsn'], [file, '--after', 'batch.jsn']]) {
    const { out, err, exitCode } = await weft({}, 'verify', 'batch', ...words)
    expect([out, exitCode]).toEqual(['', 1])
    expect(err).toMatch(/FILE_UNREADABLE \(path: batch\.jsn, detail: no file has this name, and it is no CID\)\. /)
  }
})
