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
const open = (store: FakeStore = createFakeStore(), epochsKept = 3) => createJournal({ epochsKept }, { store })

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
  const journal = open(createFakeStore(), 20)
  for (const each of [record(1), record(1, OTHER), record(11)]) await journal.note(each)
  expect(journal.batches(1 as EpochId).map(({ epochId, batchCid }) => [epochId, batchCid])).toEqual([
    [1, CID],
    [1, OTHER],
  ])
})

test('records and evidence of epochs that are too old go, guards and everything else stay', async () => {
  const store = createFakeStore()
  const journal = open(store)
  await store.commit([{ key: `guard/0000000000000001 ${CID}`, value: new TextEncoder().encode('0x01') }])
  for (const epochId of [1, 2]) {
    for (const batchCid of [CID, OTHER]) {
      await journal.noteEvidence(evidence(epochId, batchCid))
      await journal.note(record(epochId, batchCid))
    }
  }
  await journal.note(record(4))
  expect(journal.batches(1 as EpochId)).toHaveLength(2)
  await journal.note(record(5))
  expect(store.scan('').map(({ key }) => key)).toEqual(
    [
      ...[CID, OTHER].map((cid) => `batch/0000000000000002 ${cid}`),
      `batch/0000000000000004 ${CID}`,
      `batch/0000000000000005 ${CID}`,
      ...[CID, OTHER].map((cid) => `evidence/0000000000000002 ${cid}`),
      `guard/0000000000000001 ${CID}`,
    ].sort(),
  )
})

test('V6: evidence of a batch that has no record goes with its epoch too, and is never left behind for want of records', async () => {
  const store = createFakeStore()
  const journal = open(store)
  await journal.noteEvidence(evidence(1))
  await journal.noteEvidence(evidence(2))
  await journal.note(record(4))
  expect(journal.evidence(1 as EpochId, CID)).toBeDefined()
  await journal.note(record(5))
  expect([1, 2].map((epochId) => journal.evidence(epochId as EpochId, CID) !== undefined)).toEqual([false, true])
  await journal.note(record(6))
  expect(store.scan('evidence/')).toEqual([])
})

test('forgetting is one commit with the record that makes it due', async () => {
  const store = createFakeStore()
  const commits: number[] = []
  const journal = createJournal(
    { epochsKept: 1 },
    {
      store: {
        ...store,
        commit: (writes) => {
          commits.push(writes.length)
          return store.commit(writes)
        },
      },
    },
  )
  await journal.noteEvidence(evidence(1))
  await journal.note(record(1))
  await journal.note(record(9))
  expect(commits).toEqual([1, 1, 3])
})
