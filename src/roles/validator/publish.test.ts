import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { createJournal } from './journal.ts'
import { publishLater } from './publish.ts'

const [FIRST, SECOND] = ['bafkreiA', 'bafkreiB'] as [Cid, Cid]
const EPOCH = 7 as EpochId
const judged = {
  epochId: EPOCH,
  state: 'withheld',
  reason: 'integrity',
  root: undefined,
  isDivergent: false,
  isLate: false,
  failureCount: 1,
} as const

/** What a validator has that judged two batches while IPFS was away. */
async function openStage() {
  const clock = createVirtualClock()
  let store = createFakeStore()
  const asked: string[] = []
  const events: string[] = []
  const journal = createJournal({ store })
  for (const batchCid of [FIRST, SECOND]) {
    await journal.noteEvidence({ epochId: EPOCH, batchCid, level: 'tally', failures: [], ownCids: [], ownRoot: undefined })
    await journal.noteUnpublished({ epochId: EPOCH, batchCid, attempts: 0 })
    await journal.note({ ...judged, batchCid, evidenceCid: undefined })
  }
  return {
    clock,
    asked,
    events,
    journal: () => createJournal({ store }),
    /** One life, which a power cut ends. */
    async live(durationMs: number, takes: (batchCid: string) => boolean) {
      const stopping = new AbortController()
      const ipfs = {
        async add(bytes: Uint8Array) {
          const { batchCid } = JSON.parse(new TextDecoder().decode(bytes)) as { readonly batchCid: Cid }
          asked.push(batchCid)
          if (!takes(batchCid)) throw new WeftError('IPFS_NOT_FOUND', { cid: batchCid, waitedMs: 1 })
          return `evidence of ${batchCid}` as Cid
        },
      }
      const report = (event: string, facts: unknown) => void events.push(`${event} ${(facts as { readonly batchCid: string }).batchCid}`)
      const work = publishLater({ journal: createJournal({ store }), ipfs, clock, report }, stopping.signal).catch(() => undefined)
      await clock.advance(durationMs)
      store = store.crash()
      stopping.abort(new Error('power is off'))
      await work
    },
  }
}

const HOUR_MS = 3_600_000

test('V22: what nobody takes is tried a bounded number of times, over all lives, then said, and kept', async () => {
  const stage = await openStage()
  for (const _ of [1, 2, 3, 4]) await stage.live(HOUR_MS / 2, () => false)
  expect(stage.asked.filter((batchCid) => batchCid === FIRST)).toHaveLength(120)
  expect(stage.events).toEqual([`evidence_given_up ${FIRST}`, `evidence_given_up ${SECOND}`])
  expect(stage.journal().unpublished(10)).toEqual([])
  expect(stage.journal().evidence(EPOCH, FIRST)?.failures).toEqual([])
})

test('V22: what nobody takes keeps nothing else from being published, once, with its CID in the record', async () => {
  const stage = await openStage()
  for (const _ of [1, 2]) await stage.live(60_000, (batchCid) => batchCid === SECOND)
  expect(stage.asked.filter((batchCid) => batchCid === SECOND)).toHaveLength(1)
  expect(stage.events).toEqual([`evidence_published ${SECOND}`])
  expect(stage.journal().batch(EPOCH, SECOND)).toEqual({ ...judged, batchCid: SECOND, evidenceCid: `evidence of ${SECOND}` })
  expect(
    stage
      .journal()
      .unpublished(10)
      .map(({ batchCid }) => batchCid),
  ).toEqual([FIRST])
})

test('what is to be published goes with the evidence of its epoch', async () => {
  const stage = await openStage()
  await stage.journal().letGo((EPOCH + 1) as EpochId, 100)
  expect(stage.journal().unpublished(10)).toEqual([])
})

test('a failure that does not pass ends the role', async () => {
  const { journal, clock } = await openStage()
  const ipfs = { add: () => Promise.reject(new Error('a bug')) }
  const work = publishLater({ journal: journal(), ipfs, clock, report: () => undefined }, new AbortController().signal)
  await expect(work).rejects.toThrow('a bug')
})
