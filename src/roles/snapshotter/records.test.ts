import { describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { LaterWindows } from '#domain/window.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import type { StoreEntry } from '#io/store/port.ts'
import { type EpochRecord, openRecords, type ProjectRecord } from './records.ts'

const blockOf = (number: number): BlockRef => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0x${number}` as Hash,
  parentHash: `0x${number - 1}` as Hash,
  timestamp: number,
})
const epochOf = (epochId: number, state: EpochRecord['state'] = 'open'): EpochRecord => ({
  epochId: epochId as EpochId,
  begin: epochId as BlockNumber,
  end: epochId as BlockNumber,
  release: { number: epochId as BlockNumber, contractNumber: epochId as ContractNumber, timestamp: 0 },
  state,
})
const PROJECT = 'a:TEST' as ProjectId
const project: ProjectRecord = {
  projectId: PROJECT,
  state: 'submitted',
  detail: '',
  snapshotCid: 'cid' as Cid,
  begin: 1 as BlockNumber,
  end: 1 as BlockNumber,
}
/** In which nothing is asked for after its epoch. */
const NO_WINDOWS: LaterWindows = { batchWindowBlocks: 0, attestationWindowBlocks: 0 }
const keysOf = (store: FakeStore, prefix = '') => store.scan(prefix).map(({ key }) => key)

/** An epoch with everything that is ever recorded about one. */
async function fill(store: FakeStore, epochId: number, state: EpochRecord['state'], windows = NO_WINDOWS): Promise<void> {
  const records = openRecords(store)
  await records.saveBlock(blockOf(epochId), [epochOf(epochId)])
  await records.saveProject(epochId as EpochId, project)
  await records.saveHandOver(epochId as EpochId, PROJECT, 1 as SlotId, 1 as BlockNumber)
  await records.saveOutcome(epochId as EpochId, { projectId: PROJECT, asOf: epochId as BlockNumber, concludedMs: 0, verdict: 'none' })
  if (state !== 'open') await records.saveEpoch(epochOf(epochId, state), windows)
}

test('epochs that are over are kept 30 more, with their projects and hand-overs; then nothing is left of them', async () => {
  const store = createFakeStore()
  for (let epochId = 1; epochId <= 31; epochId += 1) await fill(store, epochId, epochId % 2 === 0 ? 'done' : 'skipped')
  const records = openRecords(store)
  await records.recomputed.saveProject(1 as EpochId, project)
  expect(records.epochs()).toHaveLength(31)
  await fill(store, 32, 'undone')
  expect(records.epochs().map(({ epochId }) => epochId)).toEqual(Array.from({ length: 31 }, (_, index) => index + 2))
  expect(records.epoch(1 as EpochId)).toBeUndefined()
  expect(records.projects(1 as EpochId)).toEqual([])
  expect(records.isHandedOver(1 as EpochId, PROJECT, 1 as SlotId)).toBe(false)
  expect(records.projects(2 as EpochId)).toEqual([project])
  expect(records.isHandedOver(2 as EpochId, PROJECT, 1 as SlotId)).toBe(true)
  expect(keysOf(store).filter((key) => key.split('/')[1] === '0000000000000001')).toEqual(['block/0000000000000001'])
})

test('an epoch whose outcome is open is kept until the outcome is known, or nobody can tell it any more', async () => {
  const store = createFakeStore()
  const records = openRecords(store)
  const outcome = { projectId: PROJECT, asOf: 1 as BlockNumber, concludedMs: 0, verdict: 'none' } as const
  await fill(store, 1, 'done')
  await fill(store, 2, 'done')
  for (const id of [1, 2]) await records.saveOutcome(id as EpochId, { ...outcome, openUntil: 9 as ContractNumber })
  for (let epochId = 3; epochId <= 33; epochId += 1) await fill(store, epochId, 'done')
  expect(records.epochs().map(({ epochId }) => epochId)).toEqual(Array.from({ length: 33 }, (_, index) => index + 1))
  await records.saveOutcome(1 as EpochId, outcome)
  await records.saveEpoch(epochOf(33, 'done'), NO_WINDOWS)
  expect([records.epoch(1 as EpochId), records.epoch(2 as EpochId)?.state]).toEqual([undefined, 'done'])
  // Far beyond all windows.
  await fill(store, 2_000, 'done')
  expect(records.epoch(2 as EpochId)).toBeUndefined()
})

test('an outcome that comes after its epoch is gone leaves nothing behind', async () => {
  const store = createFakeStore()
  await openRecords(store).saveOutcome(1 as EpochId, { projectId: PROJECT, asOf: 1 as BlockNumber, concludedMs: 0, verdict: 'same' })
  expect(keysOf(store)).toEqual([])
})

test('an epoch that is open is never dropped, and does not count', async () => {
  const store = createFakeStore()
  await fill(store, 1, 'open')
  for (let epochId = 2; epochId <= 33; epochId += 1) await fill(store, epochId, 'done')
  const records = openRecords(store)
  expect(records.epochs().map(({ epochId }) => epochId)).toEqual([1, ...Array.from({ length: 31 }, (_, index) => index + 3)])
})

test('N14: epochs that may be undecided for one that is worked on are kept, however many', async () => {
  const windows: LaterWindows = { batchWindowBlocks: 40, attestationWindowBlocks: 60 }
  const keptOf = (store: FakeStore) =>
    openRecords(store)
      .epochs()
      .map(({ epochId }) => epochId)
  const store = createFakeStore()
  for (let epochId = 1; epochId <= 99; epochId += 1) await fill(store, epochId, 'done', windows)
  // The release of epoch 99 lies in the last block for attestations of epoch 39.
  expect(keptOf(store)[0]).toBe(39)
  // An epoch before them asks for none of them.
  await fill(store, 1, 'open')
  await fill(store, 100, 'open')
  for (let epochId = 101; epochId <= 120; epochId += 1) await fill(store, epochId, 'done', windows)
  expect(keptOf(store).slice(0, 2)).toEqual([1, 40])
})

describe('N5: our own snapshot of an epoch', () => {
  const OTHER = 'b:TEST' as ProjectId

  test('is the one that was recorded for its release as it is now', async () => {
    const store = createFakeStore()
    const records = openRecords(store)
    expect(records.own(1 as EpochId, PROJECT)).toBeUndefined()
    await fill(store, 1, 'open')
    expect(records.own(1 as EpochId, PROJECT)).toBe('cid')
    expect(records.own(1 as EpochId, OTHER)).toBeUndefined()
    await records.saveRollback(blockOf(0), [epochOf(1, 'undone')])
    expect(records.own(1 as EpochId, PROJECT)).toBeUndefined()
    await records.saveBlock(blockOf(1), [{ ...epochOf(1), begin: 2 as BlockNumber }])
    expect(records.own(1 as EpochId, PROJECT)).toBeUndefined()
    await records.saveBlock(blockOf(1), [{ ...epochOf(1), end: 2 as BlockNumber }])
    expect(records.own(1 as EpochId, PROJECT)).toBeUndefined()
    await records.saveBlock(blockOf(1), [epochOf(1)])
    expect(records.own(1 as EpochId, PROJECT)).toBe('cid')
  })

  test('is known not to be only where the epoch is done and has no such project', async () => {
    const store = createFakeStore()
    const records = openRecords(store)
    const isUnplanned = () => [PROJECT, OTHER].map((projectId) => records.isUnplanned(1 as EpochId, projectId))
    expect(isUnplanned()).toEqual([false, false])
    for (const state of ['open', 'skipped', 'undone'] as const) {
      await fill(store, 1, state)
      expect(isUnplanned()).toEqual([false, false])
    }
    await fill(store, 1, 'done')
    expect(isUnplanned()).toEqual([false, true])
  })

  test('N13: stands in for one that nobody serves when its epoch is long forgotten', async () => {
    const store = createFakeStore()
    let records = openRecords(store)
    for (let epochId = 1; epochId <= 2; epochId += 1) await fill(store, epochId, 'done')
    await records.saveStandIn(1 as EpochId, PROJECT, 'cid' as Cid)
    await records.saveStandIn(1 as EpochId, PROJECT, 'another' as Cid)
    for (let epochId = 3; epochId <= 40; epochId += 1) await fill(store, epochId, 'done')
    records = openRecords(store.crash())
    expect(records.epoch(1 as EpochId)).toBeUndefined()
    expect(records.own(1 as EpochId, PROJECT)).toBe('cid')
    expect(records.own(2 as EpochId, PROJECT)).toBeUndefined()
  })

  test('N13: 8192 stand in, the oldest being forgotten first', async () => {
    const store = createFakeStore()
    const records = openRecords(store)
    await records.saveStandIn(1 as EpochId, PROJECT, 'cid' as Cid)
    const [{ key, value }] = store.scan('stand-in/') as [StoreEntry]
    const keyOf = (epochId: number) => key.replace(/[0-9]{16}/, String(epochId).padStart(16, '0'))
    await store.commit(Array.from({ length: 8_191 }, (_, index) => ({ key: keyOf(index + 2), value })))
    for (const epochId of [8_193, 8_194]) await records.saveStandIn(epochId as EpochId, PROJECT, 'cid' as Cid)
    expect(keysOf(store, 'stand-in/')).toHaveLength(8_192)
    expect([2, 3, 8_194].map((epochId) => records.own(epochId as EpochId, PROJECT))).toEqual([undefined, 'cid', 'cid'])
  })
})

test('128 blocks are kept, in their order, also past a power of ten', async () => {
  const store = createFakeStore()
  const records = openRecords(store)
  for (let number = 50; number < 300; number += 1) await records.saveBlock(blockOf(number), [])
  expect(records.blocks()).toEqual(Array.from({ length: 128 }, (_, index) => blockOf(index + 172)))
})

test('N1: a rollback takes blocks above, hand-overs of what is undone and the new states in one commit; CIDs stay', async () => {
  const store = createFakeStore()
  for (const epochId of [1, 2, 3]) await fill(store, epochId, 'done')
  const records = openRecords(store)
  await records.saveRollback(blockOf(1), [epochOf(2, 'undone'), epochOf(3, 'undone')])
  expect(records.blocks().map(({ number }) => number)).toEqual([1])
  expect(records.epochs().map(({ state }) => state)).toEqual(['done', 'undone', 'undone'])
  const handed = (epochId: number) => records.isHandedOver(epochId as EpochId, PROJECT, 1 as SlotId)
  expect([1, 2, 3].map(handed)).toEqual([true, false, false])
  expect(records.project(3 as EpochId, PROJECT)).toEqual(project)
})

test('N1: what an earlier version has written down of blocks and releases has for contracts the number of the block', async () => {
  const store = createFakeStore()
  await fill(store, 7, 'open')
  const without = (key: string, change: (value: never) => object): Promise<void> => {
    const value = JSON.parse(new TextDecoder().decode(store.get(key) as Uint8Array)) as never
    return store.commit([{ key, value: new TextEncoder().encode(JSON.stringify(change(value))) }])
  }
  await without('block/0000000000000007', ({ contractNumber: _, ...block }: BlockRef) => block)
  await without('epoch/0000000000000007', (epoch: EpochRecord) => ({ ...epoch, release: { number: 7, timestamp: 0 } }))
  const records = openRecords(store)
  expect([records.blocks(), records.block(7 as BlockNumber)]).toEqual([[blockOf(7)], blockOf(7)])
  expect([records.epoch(7 as EpochId), records.epochs()]).toEqual([epochOf(7), [epochOf(7)]])
})

test('N9: a hand-over of a version that did not note the block is forgotten by any rollback, since its block may be gone', async () => {
  const store = createFakeStore()
  await fill(store, 1, 'done')
  await store.commit([{ key: `handed/0000000000000001/${PROJECT}/0000000000000002`, value: new Uint8Array(0) }])
  const records = openRecords(store)
  expect(records.hasHandedAbove(1 as EpochId, 5 as BlockNumber)).toBe(true)
  await records.saveRollback(blockOf(5), [epochOf(1, 'open')])
  expect([1, 2].map((slotId) => records.isHandedOver(1 as EpochId, PROJECT, slotId as SlotId))).toEqual([true, false])
})

test('N1: a rollback of which the disk knows nothing is none', async () => {
  const store = createFakeStore()
  for (const epochId of [1, 2]) await fill(store, epochId, 'done')
  void openRecords(store).saveRollback(blockOf(1), [epochOf(2, 'undone')])
  const after = openRecords(store.crash())
  expect(after.blocks().map(({ number }) => number)).toEqual([1, 2])
  expect(after.epochs().map(({ state }) => state)).toEqual(['done', 'done'])
  expect(after.isHandedOver(2 as EpochId, PROJECT, 1 as SlotId)).toBe(true)
})

test('N9: an epoch that a rollback has begun anew is finished by its new life only', async () => {
  const records = openRecords(createFakeStore())
  await records.saveBlock(blockOf(1), [epochOf(1)])
  const again: EpochRecord = { ...epochOf(1), rollbacks: 1 }
  await records.saveRollback(blockOf(1), [again])
  expect(await records.finishEpoch(epochOf(1), NO_WINDOWS)).toBe(false)
  expect(records.epochs()).toEqual([again])
  expect(await records.finishEpoch(again, NO_WINDOWS)).toBe(true)
  expect(records.epochs()).toEqual([{ ...again, state: 'done' }])
})

test('N1: a block of which the disk knows nothing brings no epoch', async () => {
  const store = createFakeStore()
  await fill(store, 1, 'done')
  void openRecords(store).saveBlock(blockOf(2), [epochOf(2)])
  const after = openRecords(store.crash())
  expect([after.blocks().length, after.epochs().length]).toEqual([1, 1])
})

test('hand-overs are kept apart by epoch, project and slot', async () => {
  const records = openRecords(createFakeStore())
  await records.saveHandOver(1 as EpochId, PROJECT, 1 as SlotId, 1 as BlockNumber)
  expect(records.isHandedOver(1 as EpochId, PROJECT, 1 as SlotId)).toBe(true)
  expect(records.isHandedOver(1 as EpochId, PROJECT, 2 as SlotId)).toBe(false)
  expect(records.isHandedOver(2 as EpochId, PROJECT, 1 as SlotId)).toBe(false)
  expect(records.isHandedOver(1 as EpochId, 'b:TEST' as ProjectId, 1 as SlotId)).toBe(false)
})
