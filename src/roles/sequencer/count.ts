import { credit, earnedIn, type SlotCounts } from '#domain/counts.ts'
import type { ChainStep } from '#domain/chain-step.ts'
import type { BlockNumber, Cid, EpochId } from '#domain/ids.ts'
import { isAttestationWindowOver, isLongOver, isSettled, type LaterWindows, lastBatchBlock } from '#domain/window.ts'
import type { ProtocolEvent, RewardRules } from '#io/chain/port.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import type { PlannedBatch } from './batch.ts'
import { countsAt, countsToBytes, fromBytes, readAt, toBytes } from './bytes.ts'
import type { CountedProject } from './finalize.ts'
import { COUNTED_OVER_KEY, COUNTED_PREFIX, countedKey, DAYS_PREFIX, dayKey, earnedKey, earnedPrefix, toldKey, totalsKey } from './keys.ts'

/** A day of the market, as the chain begins and ends it. */
export interface Day {
  readonly day: number
  /** Block of the event that began it; 0 when it had begun before anything was followed here. */
  readonly startedIn: BlockNumber
  /** Every epoch of it was followed. Of another day nobody here knows the totals. */
  readonly isWhole: boolean
  readonly firstEpochId: EpochId
  /** The newest epoch released on it. */
  readonly lastEpochId: EpochId
}

interface CountedBatch {
  readonly batchCid: Cid
  readonly block: BlockNumber
  /** Block in which a majority of validators stood behind another root. */
  readonly refutedIn?: BlockNumber | undefined
  readonly finalIn?: BlockNumber | undefined
  /** What it earned is in the totals of the day. */
  readonly isCounted: boolean
}

/** Of an epoch, what decides which of its batches count, and when. */
interface CountedEpoch {
  readonly epochId: EpochId
  readonly day: number
  readonly release: BlockNumber
  readonly endedIn?: BlockNumber | undefined
  readonly batches: readonly CountedBatch[]
}

/**
 * What slots earned, by day: derived from the followed chain alone, and undone with it (S15). A batch counts while it is on chain and no majority of
 * validators refutes it.
 */
export interface Counting {
  /** Before the first step: what the chain said from this block on is about to be said again. `now`, where nothing was ever counted, is the day that is. */
  begin(from: BlockNumber, now: () => Promise<{ readonly rules: RewardRules; readonly epochId: EpochId }>): Promise<void>
  /** Takes one step along the chain. */
  apply(step: ChainStep): void
  /** Days on record, ascending; the last is the current one. */
  days(): readonly Day[]
  /** By slot; empty for a day of which nothing is known. */
  totals(day: number): SlotCounts
  /** Whether an epoch at or after `bufferEpoch` is done, and nothing of the day can change any more but by a reorganisation. */
  isDecided(day: Day, bufferEpoch: EpochId): boolean
  /** Batches on chain of which it is not known what they earned: those of other sequencers. */
  unread(): readonly { readonly epochId: EpochId; readonly batchCid: Cid }[]
  /** What it earned is known now. */
  learn(epochId: EpochId, batchCid: Cid, earned: SlotCounts): void
}

export interface CountingDeps {
  readonly store: Pick<Store, 'get' | 'scan'>
  /** Writes that nobody waits for: they become durable before all that is written after them. */
  keep(writes: readonly StoreWrite[]): void
  readonly contract: LaterWindows
  readonly daysKept: number
}

/** What each batch of a plan will earn once it is on chain; to be committed with the plan (S4). */
export function earnedWrites(epochId: EpochId, counted: readonly CountedProject[], planned: readonly PlannedBatch[]): StoreWrite[] {
  const ballotsOf = new Map(counted.map(({ projectId, ballots }) => [projectId, ballots]))
  return planned.map(({ batchCid, projectIds, snapshotCids }) => {
    const submissions = projectIds.flatMap((projectId) => ballotsOf.get(projectId) ?? [])
    return { key: earnedKey(epochId, batchCid), value: countsToBytes(earnedIn({ submissions, projectIds, snapshotCids }, epochId)) }
  })
}

export function createCounting({ store, keep, contract, daysKept }: CountingDeps): Counting {
  const days = readAll<Day>(store, DAYS_PREFIX)
  const epochs = new Map(readAll<CountedEpoch>(store, COUNTED_PREFIX).map((epoch) => [epoch.epochId, epoch]))
  const totals = new Map(days.map(({ day }) => [day, countsAt(store, totalsKey(day)) ?? new Map()]))
  /** Newest epoch of which nothing can change any more: what the chain says of it once more counts no more. */
  let over = readAt<EpochId>(store, COUNTED_OVER_KEY) ?? (0 as EpochId)
  let head = 0 as BlockNumber
  let writes: StoreWrite[] = []
  let touched = new Set<number>()

  const totalsOf = (day: number): SlotCounts => totals.get(day) ?? new Map()

  function putDay(day: Day): void {
    const index = days.findIndex((known) => known.day === day.day)
    if (index < 0) days.push(day)
    else days[index] = day
    if (!totals.has(day.day)) totals.set(day.day, new Map())
    writes.push({ key: dayKey(day.day), value: toBytes(day) })
  }

  function dropDay(day: Day): void {
    days.splice(days.indexOf(day), 1)
    totals.delete(day.day)
    writes.push({ key: dayKey(day.day) }, { key: totalsKey(day.day) })
  }

  /** Keeps the epoch, with those of its batches counted that should be. */
  function put(epoch: CountedEpoch): void {
    const batches = epoch.batches.map((batch) => {
      const isWanted = batch.refutedIn === undefined || batch.finalIn !== undefined
      if (isWanted === batch.isCounted) return batch
      const earned = countsAt(store, earnedKey(epoch.epochId, batch.batchCid))
      if (earned === undefined) return batch
      credit(totalsOf(epoch.day), earned, isWanted ? 1 : -1)
      touched.add(epoch.day)
      return { ...batch, isCounted: isWanted }
    })
    epochs.set(epoch.epochId, { ...epoch, batches })
    writes.push({ key: countedKey(epoch.epochId), value: toBytes({ ...epoch, batches }) })
  }

  function takeBack({ epochId, day, batches }: CountedEpoch, isGone: (batch: CountedBatch) => boolean): readonly CountedBatch[] {
    for (const { batchCid, isCounted } of batches.filter(isGone)) {
      if (!isCounted) continue
      credit(totalsOf(day), countsAt(store, earnedKey(epochId, batchCid)) as SlotCounts, -1)
      touched.add(day)
    }
    return batches.filter((batch) => !isGone(batch))
  }

  function commit(): void {
    const all = [
      ...writes,
      ...[...touched].filter((day) => totals.has(day)).map((day) => ({ key: totalsKey(day), value: countsToBytes(totalsOf(day)) })),
    ]
    writes = []
    touched = new Set()
    if (all.length > 0) keep(all)
  }

  /** The chain above the block is gone, or about to be told again. */
  function undoAbove(block: BlockNumber): void {
    const stays = (number: BlockNumber | undefined) => (number !== undefined && number <= block ? number : undefined)
    for (const epoch of [...epochs.values()]) {
      if (epoch.release > block) {
        takeBack(epoch, () => true)
        epochs.delete(epoch.epochId)
        writes.push({ key: countedKey(epoch.epochId) })
        continue
      }
      const isOlder = [epoch.endedIn, ...epoch.batches.flatMap((one) => [one.block, one.refutedIn, one.finalIn])].every(
        (number) => stays(number) === number,
      )
      if (isOlder) continue
      const batches = takeBack(epoch, (batch) => batch.block > block)
      put({
        ...epoch,
        endedIn: stays(epoch.endedIn),
        batches: batches.map((batch) => ({ ...batch, refutedIn: stays(batch.refutedIn), finalIn: stays(batch.finalIn) })),
      })
    }
    for (const day of days.filter(({ startedIn, firstEpochId }) => startedIn > block && firstEpochId > over)) dropDay(day)
    const last = days.at(-1)
    if (last === undefined) return
    const released = [...epochs.values()].filter(({ day }) => day === last.day).map(({ epochId }) => epochId)
    const lastEpochId = Math.max(last.firstEpochId, over, ...released) as EpochId
    if (lastEpochId < last.lastEpochId) putDay({ ...last, lastEpochId })
  }

  function takeRelease(epochId: EpochId, block: BlockNumber, startedDay: number | undefined): void {
    if (epochId <= over) return
    const current = days.at(-1)
    if (startedDay !== undefined && startedDay !== current?.day) {
      putDay({ day: startedDay, startedIn: block, isWhole: true, firstEpochId: epochId, lastEpochId: epochId })
      for (const old of days.filter(({ day }) => day < startedDay - daysKept)) {
        dropDay(old)
        writes.push({ key: toldKey(old.day) })
      }
    } else if (current !== undefined) {
      const isFirst = startedDay === current.day && epochId === current.firstEpochId
      putDay({ ...current, isWhole: current.isWhole || isFirst, lastEpochId: epochId })
    }
    const { day } = days.at(-1) as Day
    put({ epochId, day, release: block, batches: [] })
  }

  function take(event: ProtocolEvent, startedDay: number | undefined): void {
    if (event.kind === 'EpochReleased') return takeRelease(event.epochId, event.block.number, startedDay)
    const epoch = 'epochId' in event ? epochs.get(event.epochId) : undefined
    if (epoch === undefined) return
    const block = event.block.number
    if (event.kind === 'BatchSubmissionsCompleted') put({ ...epoch, endedIn: block })
    if (event.kind === 'SnapshotBatchSubmitted')
      put({ ...epoch, batches: [...epoch.batches, { batchCid: event.batchCid, block, isCounted: false }] })
    if (event.kind !== 'TriggerBatchResubmission' && event.kind !== 'SnapshotBatchFinalized') return
    // Of one sent again under its CID, the later is meant.
    const index = epoch.batches.findLastIndex(({ batchCid }) => batchCid === event.batchCid)
    const mark = event.kind === 'TriggerBatchResubmission' ? { refutedIn: block } : { finalIn: block }
    if (index >= 0) put({ ...epoch, batches: epoch.batches.map((batch, at) => (at === index ? { ...batch, ...mark } : batch)) })
  }

  /** Nothing of them can change any more: their share of the totals stays. */
  function forgetOver(): void {
    for (const { epochId, release } of epochs.values()) {
      if (!isLongOver(release, head, contract)) return
      epochs.delete(epochId)
      over = epochId
      writes.push({ key: countedKey(epochId) }, ...store.scan(earnedPrefix(epochId)).map(({ key }) => ({ key })), {
        key: COUNTED_OVER_KEY,
        value: toBytes(epochId),
      })
    }
  }

  const isUnread = (epochId: EpochId, { batchCid, refutedIn, isCounted }: CountedBatch): boolean =>
    !isCounted && refutedIn === undefined && store.get(earnedKey(epochId, batchCid)) === undefined

  function isOpen(epoch: CountedEpoch): boolean {
    const { epochId, release, endedIn, batches } = epoch
    const isWindowOver = isAttestationWindowOver(release, head, contract)
    // A corrected batch may come, in a round of its own.
    if (batches.some(({ refutedIn, finalIn }) => refutedIn !== undefined && finalIn === undefined))
      return !isSettled(release, head, contract)
    if (isWindowOver) return false
    return endedIn === undefined || batches.some((batch) => batch.finalIn === undefined || isUnread(epochId, batch))
  }

  const isDone = ({ release, endedIn }: CountedEpoch): boolean => endedIn !== undefined || head > lastBatchBlock(release, contract)

  return {
    async begin(from, now) {
      undoAbove((from - 1) as BlockNumber)
      if (days.length === 0) {
        const { rules, epochId } = await now()
        // Whoever is there from the market's first epoch on has missed nothing.
        putDay({ day: rules.day, startedIn: 0 as BlockNumber, isWhole: epochId <= 1, firstEpochId: epochId, lastEpochId: epochId })
      }
      commit()
    },
    apply(step) {
      if (step.kind === 'rollback') undoAbove(step.to.number)
      else {
        head = step.block.number
        const started = new Map(
          step.events.flatMap((event) => (event.kind === 'DayStartedEvent' ? [[event.transactionHash, event.day]] : [])),
        )
        for (const event of step.events) take(event, started.get(event.transactionHash))
        forgetOver()
      }
      commit()
    },
    days: () => days,
    totals: totalsOf,
    isDecided(day, bufferEpoch) {
      const newest = days.at(-1)?.lastEpochId ?? 0
      const isLate =
        [...epochs.values()].some((epoch) => epoch.epochId >= bufferEpoch && isDone(epoch)) || (newest >= bufferEpoch && over >= newest)
      return isLate && ![...epochs.values()].some((epoch) => epoch.day === day.day && isOpen(epoch))
    },
    unread: () =>
      [...epochs.values()].flatMap((epoch) =>
        isAttestationWindowOver(epoch.release, head, contract)
          ? []
          : epoch.batches.filter((batch) => isUnread(epoch.epochId, batch)).map(({ batchCid }) => ({ epochId: epoch.epochId, batchCid })),
      ),
    learn(epochId, batchCid, earned) {
      const known = epochs.get(epochId)
      if (known === undefined) return
      keep([{ key: earnedKey(epochId, batchCid), value: countsToBytes(earned) }])
      put(known)
      commit()
    },
  }
}

function readAll<Value>(store: Pick<Store, 'scan'>, prefix: string): Value[] {
  return store.scan(prefix).map(({ value }) => fromBytes<Value>(value))
}
