import { credit, type Delivered, deliveredIn, eligibleSlots, nothingDelivered } from '#domain/counts.ts'
import { isWeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import { readAt } from '#roles/sequencer/bytes.ts'
import { createDayBook } from '#roles/sequencer/days/day-book.ts'
import { toldKey } from '#roles/sequencer/keys.ts'
import { createLedger } from '#roles/sequencer/ledger.ts'
import { BATCH_BYTES_MAX, parseBatch } from '#wire/batch-json.ts'
import type { Run } from './simulation.ts'

/** What slots delivered, counted again from the chain and IPFS alone, is what the sequencer has, and what the contract was told of days that are closed. */
export async function checkCounts(run: Run, report: (found: string) => void): Promise<void> {
  const { cast, world } = run
  const book = createDayBook(cast.sequencer.disk())
  const expected = await recounted(run)
  for (const { day } of book.days) {
    const wanted = inOrder(expected.get(day) ?? nothingDelivered())
    const got = inOrder(book.totals(day))
    if (got !== wanted) report(`the sequencer counts ${got} on day ${day}, the chain says ${wanted}`)
    if (readAt<{ readonly closed?: string }>(cast.sequencer.disk(), toldKey(day))?.closed !== 'told') continue
    const { dailySnapshotQuota } = await world.chain.rewardRules()
    const eligible = eligibleSlots(book.totals(day).won, dailySnapshotQuota)
    for (const { slotId, isActive } of await world.chain.slots()) {
      const { submissions, isRewarded } = await world.chain.slotDay(slotId, day)
      if (!isActive) continue
      if (submissions !== (book.totals(day).won.get(slotId) ?? 0))
        report(`day ${day} is told, and the contract has ${submissions} of slot ${slotId}`)
      if (isRewarded !== eligible.includes(slotId)) report(`day ${day} is told, and slot ${slotId} is ${isRewarded ? '' : 'not '}rewarded`)
    }
  }
}

const inOrder = ({ all, won }: Delivered): string =>
  JSON.stringify([all, won].map((counts) => [...counts].sort(([left], [right]) => left - right)))

/** By day, from the events of the chain as it is now. */
async function recounted({ cast, world }: Run): Promise<ReadonlyMap<number, Delivered>> {
  const { chain } = world
  const ledger = createLedger({ epochsKept: 1_000 }, { store: cast.sequencer.disk() })
  const days = new Map<number, Delivered>()
  let day = 1
  for (const { events } of chain.blocks())
    for (const event of events) {
      if (event.kind !== 'EpochReleased') continue
      const started = events.find((other) => other.kind === 'DayStartedEvent' && other.transactionHash === event.transactionHash)
      if (started?.kind === 'DayStartedEvent') day = started.day
      const totals = days.get(day) ?? nothingDelivered()
      days.set(day, totals)
      const own = new Set(ledger.plans(event.epochId).map(({ batchCid }) => batchCid))
      for (const batchCid of new Set(await chain.batchCids(event.epochId))) {
        const batch = await chain.batch(event.epochId, batchCid)
        // Of others a batch counts when validators have looked at it.
        if (batch?.isRefused !== true && (batch?.isFinalized === true || own.has(batchCid)))
          credit(totals, await earned(batchCid, event.epochId, world), 1)
      }
    }
  return days
}

/** What nobody serves earns nothing. */
async function earned(batchCid: Cid, epochId: EpochId, { clock, ipfs }: Run['world']): Promise<Delivered> {
  try {
    const reading = ipfs.node('reader').get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: 5_000 })
    const parsed = parseBatch(await clock.runUntil(reading, { limitMs: 10_000 }))
    return parsed.ok ? deliveredIn(parsed.batch, epochId) : nothingDelivered()
  } catch (failure) {
    if (!isWeftError(failure)) throw failure
    return nothingDelivered()
  }
}
