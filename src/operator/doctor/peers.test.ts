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
import { lookAtIpfs } from './peers.ts'

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
