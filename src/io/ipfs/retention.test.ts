import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { type HeliaNode, startHeliaNode } from './helia.ts'

/** A real folder, and a real store beside it. */
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-kept-'))
})
afterEach(() => rm(root, { recursive: true }))

const EPOCHS = 120
const KEPT = 20
const LIMITS = { bytesMax: 1_000_000, timeoutMs: 20_000 }

/** What three projects say in an epoch; the third is the same in all of them, and long enough for several blocks. */
function contentsOf(epochId: number): readonly Uint8Array[] {
  return [new TextEncoder().encode(`first ${epochId}`), new TextEncoder().encode(`second ${epochId}`), new Uint8Array(600_000).fill(3)]
}

async function sizeOf(directory: string): Promise<{ readonly count: number; readonly bytes: number }> {
  const names = await readdir(join(directory, 'blocks'), { recursive: true })
  const files = (await Promise.all(names.map((name) => stat(join(directory, 'blocks', name))))).filter((found) => found.isFile())
  return { count: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) }
}

test('G3, G12: a folder stays as large as the epochs that are kept, what they share stays once, also across restarts', async () => {
  const directory = join(root, 'ipfs')
  let store = openSqliteStore({ path: join(root, 'state.sqlite') })
  let node: HeliaNode = await startHeliaNode({ directory }, { store })
  const sizes: number[] = []
  for (let epochId = 1; epochId <= EPOCHS; epochId += 1) {
    for (const bytes of contentsOf(epochId)) await node.add(bytes, epochId as EpochId)
    while ((await node.letGo((epochId - KEPT + 1) as EpochId, 8)) > 0);
    if (epochId % 40 === 0) {
      await node.stop()
      await store.close()
      store = openSqliteStore({ path: join(root, 'state.sqlite') })
      node = await startHeliaNode({ directory }, { store })
    }
    sizes.push((await sizeOf(directory)).count)
  }
  // Two contents of each epoch, and of the shared one a whole chunk that it has twice, the rest, and the node above them.
  expect(sizes.slice(KEPT)).toEqual(sizes.slice(KEPT).map(() => 2 * KEPT + 3))
  for (const bytes of [...contentsOf(EPOCHS), ...contentsOf(EPOCHS - KEPT + 1)]) {
    const cid = await node.add(bytes, EPOCHS as EpochId)
    expect((await node.get(cid, LIMITS)).length).toBe(bytes.length)
  }
  expect(store.scan('ipfs-').length).toBe(2 * (2 * KEPT + 3) + 1)
  await node.stop()
  await store.close()
})

test('G3: what a peer brought is kept for the epoch that it is pinned for, every block of it', async () => {
  const server = await startHeliaNode({ directory: join(root, 'server') })
  const bytes = Uint8Array.from({ length: 600_000 }, (_, index) => index >> 12)
  const cid = await server.add(bytes)
  const store = openSqliteStore({ path: join(root, 'state.sqlite') })
  const node = await startHeliaNode({ directory: join(root, 'reader'), peers: server.addresses() }, { store })
  await node.get(cid, LIMITS)
  await node.pin(cid, 7 as EpochId)
  await node.letGo(7 as EpochId, 8)
  expect(await node.has(cid)).toBe(true)
  // Three chunks, and the node above them.
  expect(await node.letGo(8 as EpochId, 8)).toBe(4)
  await Promise.all([node.stop(), server.stop()])
  await store.close()
})
