import { expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId } from '#domain/ids.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { type BatchRecord, createJournal } from './journal.ts'

const [CID, OTHER] = ['bafkreiA', 'bafkreiB'] as Cid[] as [Cid, Cid]
const record = (epochId: number, batchCid = CID): BatchRecord => ({
  epochId: epochId as EpochId,
  batchCid,
  state: 'withheld',
  reason: 'integrity',
  root: undefined,
  isDivergent: false,
  isLate: false,
  failureCount: 1,
  evidenceCid: undefined,
})
const evidence = (epochId: number, batchCid = CID) => ({
  epochId: epochId as EpochId,
  batchCid,
  level: 'tally' as const,
  failures: [],
  ownCids: [],
  ownRoot: undefined,
})
const open = (store: FakeStore = createFakeStore()) => createJournal({ store })

test('V6: a power cut right after its write takes neither record nor evidence nor cursor', async () => {
  /** What is found after a power cut at the moment at which the write resolved. */
  async function afterCut<Result>(write: (journal: ReturnType<typeof open>) => Promise<Result>) {
    const store = createFakeStore()
    const result = await write(open(store))
    return { result, journal: open(store.crash()) }
  }
  const noted = await afterCut((journal) => journal.note(record(4)))
  expect(noted.journal.batch(4 as EpochId, CID)).toEqual(JSON.parse(JSON.stringify(record(4))))
  const kept = await afterCut((journal) => journal.noteEvidence(evidence(4)))
  expect(kept.journal.evidence(4 as EpochId, CID)).toEqual(JSON.parse(new TextDecoder().decode(kept.result)))
  const saved = await afterCut((journal) => journal.saveCursor(17 as BlockNumber))
  expect(saved.journal.cursor()).toBe(17)
})

test('a fresh disk knows nothing, which is not block 0', () => {
  const journal = open()
  expect([journal.cursor(), journal.batch(1 as EpochId, CID), journal.evidence(1 as EpochId, CID)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(journal.batches(1 as EpochId)).toEqual([])
})

test('the batches of an epoch are its own', async () => {
  const journal = open()
  for (const each of [record(1), record(1, OTHER), record(11)]) await journal.note(each)
  expect(journal.batches(1 as EpochId).map(({ epochId, batchCid }) => [epochId, batchCid])).toEqual([
    [1, CID],
    [1, OTHER],
  ])
})

test('V8: records and evidence of epochs that are too old go, no more at once than asked for; guards and everything else stay', async () => {
  const store = createFakeStore()
  const journal = open(store)
  await store.commit([{ key: `guard/0000000000000001 ${CID}`, value: new TextEncoder().encode('0x01') }])
  // Evidence may stand alone: a batch that a reorganisation took away has no record.
  await journal.noteEvidence(evidence(0))
  for (const epochId of [1, 2, 10]) {
    for (const batchCid of [CID, OTHER]) {
      await journal.noteEvidence(evidence(epochId, batchCid))
      await journal.note(record(epochId, batchCid))
    }
  }
  expect([await journal.letGo(10 as EpochId, 3), await journal.letGo(10 as EpochId, 3), await journal.letGo(10 as EpochId, 4)]).toEqual([
    3, 3, 3,
  ])
  expect(await journal.letGo(10 as EpochId, 4)).toBe(0)
  expect(store.scan('').map(({ key }) => key)).toEqual(
    [
      ...[CID, OTHER].map((cid) => `batch/0000000000000010 ${cid}`),
      ...[CID, OTHER].map((cid) => `evidence/0000000000000010 ${cid}`),
      `guard/0000000000000001 ${CID}`,
    ].sort(),
  )
})
