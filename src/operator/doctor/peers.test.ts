import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { blockFiles } from '#io/ipfs/block-folder.ts'
import { startHeliaNode } from '#io/ipfs/helia.ts'
import { ipfsFolder } from '#node/adapters.ts'
import { serveGateway } from '#node/gateway.ts'
import { createStarted } from '#node/stop.ts'
import { lookAtGateways, lookAtIpfs } from './peers.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'weft-doctor-peers-'))
const started = createStarted()
afterAll(async () => {
  await started.stop()
  rmSync(dataDir, { recursive: true, force: true })
})
const run = { role: 'snapshotter', processId: process.pid, startedMs: 1, version: '0' }
const own = async (...given: Parameters<typeof lookAtIpfs>) =>
  (await lookAtIpfs(...given)).filter(({ check }) => check === 'IPFS node' || check === 'gateway')

test('from the node of a role that runs a block of its own is fetched, over its peers and over its gateway', async () => {
  const node = await startHeliaNode({ directory: ipfsFolder(dataDir) })
  started.add('IPFS node', node)
  const gateway = await serveGateway({ blocks: node })
  const [address = ''] = node.addresses()
  const announced = { ipfs: [address], gateway: [gateway.url] }
  writeFileSync(join(dataDir, 'endpoints.json'), JSON.stringify(announced))
  expect(await own({ dataDir }), 'it does not run').toEqual([])
  expect(await own({ dataDir }, run)).toMatchObject([
    { check: 'IPFS node', state: 'good', detail: expect.stringContaining('holds nothing yet') },
  ])
  const cid = await node.add(new TextEncoder().encode('own'), 1 as EpochId)
  expect(await own({ dataDir }, run)).toEqual([
    { check: 'IPFS node', state: 'good', detail: `${address} of the role gave ${cid}, 3 bytes` },
    { check: 'gateway', state: 'good', detail: `${gateway.url} gave it too` },
  ])
  await gateway.stop()
  expect(await own({ dataDir }, run)).toMatchObject([
    { check: 'IPFS node', state: 'good' },
    { check: 'gateway', state: 'bad', detail: `${gateway.url}: no answer for ${cid}` },
  ])
  const path = blockFiles(join(ipfsFolder(dataDir), 'blocks')).next().value?.path ?? ''
  expect(existsSync(path)).toBe(true)
  await started.stop()
  expect(await own({ dataDir }, run)).toMatchObject([
    { check: 'IPFS node', state: 'bad', detail: expect.stringContaining('LINK_FAILED'), mend: expect.stringContaining('--ipfs-listen') },
  ])
})

test('a gateway that answers as one does is good, whether it has the block or not; any other is named, with what it does', async () => {
  const servers: Server[] = []
  const serve = async (answer: RequestListener): Promise<string> => {
    const server = createServer(answer)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const [has, lacks, lies, moved] = [
    await serve((_request, response) => void response.end()),
    await serve((_request, response) => void response.writeHead(404).end()),
    await serve((_request, response) => void response.end('<html>')),
    await serve((_request, response) => void response.writeHead(301, { location: '/' }).end()),
  ]
  const gone = await serve(() => undefined)
  await new Promise((resolve) => servers.pop()?.close(resolve))
  const bad = (detail: string) => ({
    check: 'IPFS gateway',
    state: 'bad',
    detail: expect.stringContaining(detail),
    mend: expect.any(String),
  })
  expect(await lookAtGateways({ gateways: [has, lacks, lies, moved, `${gone}/key`] })).toEqual([
    { check: 'IPFS gateway', state: 'good', detail: `${has} gave a block` },
    { check: 'IPFS gateway', state: 'good', detail: `${lacks} answers` },
    bad(`${lies}: lies`),
    bad(`${moved}: redirects, HTTP 301`),
    bad(`${gone}: unreachable, ECONNREFUSED`),
  ])
  expect(await lookAtGateways({})).toEqual([])
  for (const server of servers) server.close()
})
