import { expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { type EpochRecord, openRecords, type ProjectRecord } from './records.ts'

const blockOf = (number: number): BlockRef => ({
  number: number as BlockNumber,
  hash: `0x${number}` as Hash,
  parentHash: `0x${number - 1}` as Hash,
  timestamp: number,
})
const epochOf = (epochId: number, state: EpochRecord['state'] = 'open'): EpochRecord => ({
  epochId: epochId as EpochId,
  begin: epochId as BlockNumber,
  end: epochId as BlockNumber,
  release: { number: epochId as BlockNumber, timestamp: 0 },
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
const keysOf = (store: FakeStore, prefix = '') => store.scan(prefix).map(({ key }) => key)

/** An epoch with everything that is ever recorded about one. */
async function fill(store: FakeStore, epochId: number, state: EpochRecord['state']): Promise<void> {
  const records = openRecords(store)
  await records.saveBlock(blockOf(epochId), [epochOf(epochId)])
  await records.saveProject(epochId as EpochId, project)
  await records.saveHandOver(epochId as EpochId, PROJECT, 1 as SlotId, 1 as BlockNumber)
  if (state !== 'open') await records.saveEpoch(epochOf(epochId, state))
}

test('epochs that are over are kept 30 more, with their projects and hand-overs; then nothing is left of them', async () => {
  const store = createFakeStore()
  for (let epochId = 1; epochId <= 31; epochId += 1) await fill(store, epochId, epochId % 2 === 0 ? 'done' : 'skipped')
  const records = openRecords(store)
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

test('an epoch that is open is never dropped, and does not count', async () => {
  const store = createFakeStore()
  await fill(store, 1, 'open')
  for (let epochId = 2; epochId <= 33; epochId += 1) await fill(store, epochId, 'done')
  const records = openRecords(store)
  expect(records.epochs().map(({ epochId }) => epochId)).toEqual([1, ...Array.from({ length: 31 }, (_, index) => index + 3)])
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
  expect(await records.finishEpoch(epochOf(1))).toBe(false)
  expect(records.epochs()).toEqual([again])
  expect(await records.finishEpoch(again)).toBe(true)
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
