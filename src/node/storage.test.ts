import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { placeOf } from '#io/ipfs/block-folder.ts'
import { openBlocks } from '#io/ipfs/blocks.ts'
import { openKept } from '#io/ipfs/kept.ts'
import { importContent, parseCid } from '#io/ipfs/unixfs.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { guardKey } from '#roles/validator/keys.ts'
import { prune, storageOf } from './storage.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-storage-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const encoder = new TextEncoder()
const EPOCHS = 30
const OVER = 20
const blocksIn = (home: string): string => join(home, 'ipfs', 'blocks')
const openStoreIn = (home: string) => openSqliteStore({ path: join(home, 'state.sqlite') })

/** What a role leaves that has lived for thirty epochs, of which it has seen twenty to be long over: a block of 100 bytes and a guard of each. */
async function lived(home: string, over = OVER): Promise<void> {
  const store = openStoreIn(home)
  const blocks = openBlocks(blocksIn(home), { kept: openKept(store) })
  for (let epoch = 1; epoch <= EPOCHS; epoch += 1) {
    const epochId = epoch as EpochId
    const cid = await importContent(new Uint8Array(100).fill(epoch), (block, bytes) => blocks.write(block, bytes, epochId))
    await store.commit([
      { key: guardKey(epochId, cid), value: encoder.encode('root') },
      { key: 'cursor', value: encoder.encode('7') },
      { key: `out\t${String(epoch + 3).padStart(16, '0')}\tproject/x\t1`, value: new Uint8Array(1) },
    ])
  }
  await store.commit([{ key: 'retention/over', value: encoder.encode(String(over)) }])
  await store.close()
}

const countOf = async (home: string, kind: string) => (await storageOf(home))[0]?.held.find((held) => held.kind === kind)

test('what a role holds is told by kind, with bytes and the oldest epoch', async () => {
  await lived(folder)
  const [{ held } = { held: [] }] = await storageOf(folder)
  expect(held).toContainEqual({ kind: 'blocks', count: EPOCHS, bytes: 100 * EPOCHS })
  expect(held).toContainEqual({ kind: 'guard', count: EPOCHS, bytes: expect.any(Number), oldestEpoch: 1 })
  expect(held).toContainEqual({ kind: 'out', count: EPOCHS, bytes: expect.any(Number), oldestEpoch: 4 })
  expect(held).toContainEqual({ kind: 'cursor', count: 1, bytes: 'cursor7'.length })
})

test('the folders of a devnet are told each by its name, and what is no role is left out', async () => {
  for (const name of ['validator-1', 'sequencer']) await lived(join(folder, name))
  mkdirSync(join(folder, 'logs'))
  expect((await storageOf(folder)).map(({ role }) => role)).toEqual(['sequencer', 'validator-1'])
})

test.each([
  ['no folder', 'nowhere'],
  ['an empty one', ''],
])('%s is DATA_DIR_EMPTY', async (_, name) => {
  await expect(storageOf(join(folder, name))).rejects.toMatchObject({ code: 'DATA_DIR_EMPTY', facts: { dataDir: join(folder, name) } })
  await expect(prune(join(folder, name), { epochsKept: 1, ipfsEpochsKept: 1, isDryRun: false })).rejects.toMatchObject({
    code: 'DATA_DIR_EMPTY',
  })
  expect(readdirSync(folder)).toEqual([])
})

test('V2, V8: what is old and long over goes, blocks and guards each by their number of epochs; a dry run says the same and touches nothing', async () => {
  await lived(folder)
  const options = { epochsKept: 1, ipfsEpochsKept: 25 }
  const told = { role: expect.any(String), blocks: 5, blockBytes: 500, guards: OVER, records: 0, unfinished: 0, adopted: 0, over: OVER }
  expect(await prune(folder, { ...options, isDryRun: true })).toEqual([told])
  expect([await countOf(folder, 'blocks'), await countOf(folder, 'guard')]).toMatchObject([{ count: EPOCHS }, { count: EPOCHS }])
  expect(await prune(folder, { ...options, isDryRun: false })).toEqual([told])
  expect([await countOf(folder, 'blocks'), await countOf(folder, 'guard')]).toMatchObject([
    { count: 25, bytes: 2_500 },
    { count: 10, oldestEpoch: OVER + 1 },
  ])
  expect(await prune(folder, { ...options, isDryRun: false })).toMatchObject([{ blocks: 0, guards: 0 }])
})

/** As a role leaves its mark on what is its own. */
const ownedBy = (role: string) => ({ key: 'home/role', value: encoder.encode(role) })
const padded = (epoch: number): string => String(epoch).padStart(16, '0')

test('S13: of a sequencer the oldest finished epochs go, with their votes, plans and evidence, and none that is not finished', async () => {
  await lived(folder)
  const store = openStoreIn(folder)
  const release = { number: 1, contractNumber: 1, hash: '0x1', timestamp: 1 }
  for (let epoch = 1; epoch <= EPOCHS; epoch += 1) {
    const state = epoch === 3 ? 'closed' : 'ended'
    await store.commit([
      {
        key: `epoch/${padded(epoch)}`,
        value: encoder.encode(JSON.stringify({ epochId: epoch, state, release, projects: [], batches: [] })),
      },
      ...['vote', 'evidence', 'plan', 'plan-file'].map((kind) => ({ key: `${kind}/${padded(epoch)} 1`, value: new Uint8Array(1) })),
      ownedBy('sequencer'),
    ])
  }
  await store.close()
  const options = { epochsKept: 10, ipfsEpochsKept: 1_000 }
  const kinds = ['epoch', 'vote', 'evidence', 'plan', 'plan-file']
  const counts = async () => {
    const [{ held } = { held: [] }] = await storageOf(folder)
    return kinds.map((wanted) => held.find(({ kind }) => kind === wanted)?.count)
  }
  expect(await prune(folder, { ...options, isDryRun: true })).toMatchObject([{ records: 19 }])
  expect(await counts()).toEqual(kinds.map(() => EPOCHS))
  expect(await prune(folder, { ...options, isDryRun: false })).toMatchObject([{ records: 19 }])
  expect(await counts()).toEqual(kinds.map(() => 11))
  expect(await countOf(folder, 'vote')).toMatchObject({ oldestEpoch: 3 })
})

test('V8: of a validator records and evidence go, and what begins alike at another role stays', async () => {
  for (const role of ['validator', 'snapshotter']) {
    const home = join(folder, role)
    await lived(home)
    const store = openStoreIn(home)
    for (let epoch = 1; epoch <= EPOCHS; epoch += 1)
      await store.commit([
        ...['batch', 'evidence'].map((kind) => ({ key: `${kind}/${padded(epoch)} cid`, value: new Uint8Array(1) })),
        ownedBy(role),
      ])
    await store.close()
  }
  const options = { epochsKept: 1, ipfsEpochsKept: 1_000 }
  for (const isDryRun of [true, false])
    expect(await prune(folder, { ...options, isDryRun })).toMatchObject([
      { role: 'snapshotter', records: 0 },
      { role: 'validator', records: 2 * OVER },
    ])
  for (const [role, count] of [
    ['validator', EPOCHS - OVER],
    ['snapshotter', EPOCHS],
  ] as const)
    for (const kind of ['batch', 'evidence']) expect(await countOf(join(folder, role), kind)).toMatchObject({ count })
})

test('CAR files in the folders of a role are counted, half-written ones too, whether it runs or not, and nothing else there', async () => {
  await lived(folder)
  const cars = join(folder, 'cars')
  mkdirSync(join(cars, 'ab'), { recursive: true })
  for (const name of ['x.car', 'y.car.new', 'z.txt']) writeFileSync(join(cars, 'ab', name), '1234')
  writeFileSync(join(folder, 'endpoints.json'), JSON.stringify({ cars: [cars, join(folder, 'gone')], ipfs: 7 }))
  const held = { kind: `cars in ${cars}`, count: 2, bytes: 8 }
  expect((await storageOf(folder))[0]?.held).toContainEqual(held)
  const running = openStoreIn(folder)
  const store = { kind: 'store', count: 1, bytes: expect.any(Number) }
  expect((await storageOf(folder))[0]?.held).toEqual([{ kind: 'blocks', count: EPOCHS, bytes: 100 * EPOCHS }, held, store])
  await running.close()
  writeFileSync(join(folder, 'endpoints.json'), 'no JSON')
  expect((await storageOf(folder))[0]?.held).not.toContainEqual(held)
})

test('V2, G6: without a word of the chain nothing goes', async () => {
  await lived(folder, 0)
  expect(await prune(folder, { epochsKept: 1, ipfsEpochsKept: 1, isDryRun: false })).toMatchObject([{ blocks: 0, guards: 0, over: 0 }])
  expect(await countOf(folder, 'guard')).toMatchObject({ count: EPOCHS })
})

test('of a role that runs the blocks are told and the size of its store, and nothing is removed, not of the others either', async () => {
  for (const name of ['a', 'b']) await lived(join(folder, name))
  const running = openStoreIn(join(folder, 'b'))
  await running.commit([{ key: 'large', value: new Uint8Array(1e6) }])
  const told = await storageOf(folder)
  expect(told).toMatchObject([{ role: 'a' }, { role: 'b', usedBy: String(process.pid), held: [{ kind: 'blocks' }, { kind: 'store' }] }])
  // In its log, or in its file already.
  expect(told[1]?.held[1]?.bytes).toBeGreaterThan(1e6)
  await expect(prune(folder, { epochsKept: 1, ipfsEpochsKept: 1, isDryRun: false })).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
  await running.close()
  expect(await countOf(join(folder, 'a'), 'blocks')).toMatchObject({ count: EPOCHS })
})

test('blocks of an earlier version are kept as those of the newest epoch, and half-written files go', async () => {
  await lived(folder)
  const cid = await importContent(encoder.encode('stray'), async () => undefined)
  const { dir } = placeOf(parseCid(cid))
  const stray = join(blocksIn(folder), dir, cid)
  mkdirSync(join(blocksIn(folder), dir), { recursive: true })
  writeFileSync(stray, 'stray')
  writeFileSync(join(blocksIn(folder), dir, `.${cid}.tmp`), 'st')
  const foreign = join(blocksIn(folder), dir, 'notes.txt')
  writeFileSync(foreign, 'of somebody else')
  const options = { epochsKept: 1_000, ipfsEpochsKept: 1, isDryRun: false }
  expect(await prune(folder, { ...options, isDryRun: true })).toMatchObject([{ unfinished: 1, adopted: 1, blocks: OVER }])
  expect(existsSync(join(blocksIn(folder), dir, `.${cid}.tmp`))).toBe(true)
  expect(await prune(folder, options)).toMatchObject([{ unfinished: 1, adopted: 1, blocks: OVER }])
  expect(existsSync(join(blocksIn(folder), dir, `.${cid}.tmp`))).toBe(false)
  expect(existsSync(stray)).toBe(true)
  const store = openStoreIn(folder)
  await store.commit([{ key: 'retention/over', value: encoder.encode('99') }])
  await openKept(store).note('x', 99 as EpochId)
  await store.close()
  await prune(folder, { ...options, ipfsEpochsKept: 1 })
  expect([existsSync(stray), existsSync(foreign)]).toEqual([false, true])
})
