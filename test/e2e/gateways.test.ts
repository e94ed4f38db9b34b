import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { startHeliaNode } from '#io/ipfs/helia.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { deliverFirst, openWorld, projectOf } from './world.ts'

/** A validator whose peers have nothing, or are gone, between gateways that lie and one that is the sequencer's own. */

const GONE = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
const ends: (() => unknown)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ends.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('G3, G11: what no peer has comes from a gateway, whatever other gateways do, and is attested and kept', async () => {
  const world = await openWorld({ chainId: 7_880, windowBlocks: 7, slots: 1 })
  ends.push(() => world.close())
  const folder = mkdtempSync(join(tmpdir(), 'weft-e2e-gateways-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  const peer = await startHeliaNode({ directory: folder })
  ends.push(() => peer.stop())
  const liar = await serve((_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'))
  const silent = await serve(() => undefined)
  const circle = await serve((request, response) => void response.writeHead(307, { location: request.url }).end())

  const sequencer = await world.startSequencer()
  const [gateway = ''] = sequencer.places['gateway'] ?? []
  const peers = [GONE, ...peer.addresses()].join(',')
  const ways = ['--ipfs-peers', peers, '--gateways', [liar, silent, circle, gateway].join(',')]
  const validator = await world.startValidator(sequencer, undefined, ways)
  const { epochId, header } = await world.releaseEpoch()
  const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
  ends.push(() => dialer.stop())
  const link = await dialer.dial(sequencer.places['p2p']?.[0] as string, AbortSignal.timeout(10_000))
  await deliverFirst(link, world.sign({ project: projectOf('one'), header, epochId }), sequencer)

  expect((await world.batched(epochId, sequencer)).size).toBe(1)
  const [batchCid] = await world.chain.batchCids(epochId)
  if (batchCid === undefined) throw new Error('the epoch ended without a batch')
  await validator.until('its attestation', () => world.chain.hasAttested(epochId, batchCid, world.accounts.owner.address))
  const troubled = [...validator.output().matchAll(/"gateway":"([^"]+)".*"msg":"gateway_trouble"/g)].map(([, url]) => url)
  expect(new Set(troubled)).toEqual(new Set([liar, silent, circle]))
  // From now on it has what the peer can ask it for.
  await peer.connect(validator.places['ipfs']?.[0] as string)
  expect((await peer.get(batchCid, { bytesMax: 1 << 20, timeoutMs: 20_000 })).length).toBeGreaterThan(0)
}, 120_000)
