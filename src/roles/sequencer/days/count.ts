import type { BlockRef, ChainStep } from '#domain/chain-step.ts'
import { type Delivered, deliveredIn } from '#domain/counts.ts'
import type { BlockNumber, Cid, ContractNumber, EpochId } from '#domain/ids.ts'
import { isAttestationWindowOver, isBatchWindowOver, isLongOver, isSettled, type LaterWindows } from '#domain/window.ts'
import type { ProtocolEvent, RewardRules } from '#io/chain/port.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import { deliveredAt, deliveredToBytes, fromBytes, readAt, toBytes } from '#roles/sequencer/bytes.ts'
import { COUNTED_OVER_KEY, COUNTED_PREFIX, countedKey, earnedKey, earnedPrefix } from '#roles/sequencer/keys.ts'
import type { PlannedBatch } from '#roles/sequencer/seal/batch.ts'
import type { CountedProject } from '#roles/sequencer/seal/finalize.ts'
import { createDayBook, type Day } from './day-book.ts'

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
  /** The same block's number for contracts. */
  readonly windowsFrom: ContractNumber
  readonly endedIn?: BlockNumber | undefined
  readonly batches: readonly CountedBatch[]
}

/**
 * What slots earned, by day: derived from the followed chain alone, and undone with it (S17). A batch counts while it is on chain and no majority of
 * validators refutes it.
 */
export interface Counting {
  /**
   * Before the first step: what the chain said from this block on is about to be said again. `now` is asked where nothing was ever counted: which day
   * and which epoch it is.
   */
  begin(from: BlockNumber, now: () => Promise<{ readonly rules: RewardRules; readonly epochId: EpochId }>): Promise<void>
  /** Takes one step along the chain. */
  apply(step: ChainStep): void
  /** Days on record, ascending; the last is the current one. */
  days(): readonly Day[]
  /** Nothing for a day of which nothing is known. */
  totals(day: number): Delivered
  /** Whether an epoch at or after `bufferEpoch` is done, and nothing of the day can change any more but by a reorganisation. */
  isDecided(day: Day, bufferEpoch: EpochId): boolean
  /** Final batches of which it is not known what they earned: those of other sequencers. */
  unread(): readonly { readonly epochId: EpochId; readonly batchCid: Cid }[]
  /** What it earned is known now. */
  learn(epochId: EpochId, batchCid: Cid, earned: Delivered): void
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
    return { key: earnedKey(epochId, batchCid), value: deliveredToBytes(deliveredIn({ submissions, projectIds, snapshotCids }, epochId)) }
  })
}

/** The epochs of which anything can change, with their batches, and the days to which these are credited. */
function createEpochs({ store }: Pick<CountingDeps, 'store'>) {
  const book = createDayBook(store)
  const epochs = new Map(
    store
      .scan(COUNTED_PREFIX)
      .map(({ value }) => fromBytes<CountedEpoch>(value))
      // Earlier versions knew only chains on which contracts see the block's own number.
      .map((epoch): CountedEpoch => ({ ...epoch, windowsFrom: epoch.windowsFrom ?? epoch.release }))
      .map((epoch) => [epoch.epochId, epoch]),
  )
  /** Newest epoch of which nothing can change any more: what the chain says of it once more counts no more. */
  let over = readAt<EpochId>(store, COUNTED_OVER_KEY) ?? (0 as EpochId)
  let writes: StoreWrite[] = []
  const earnedBy = (epochId: EpochId, batchCid: Cid) => deliveredAt(store, earnedKey(epochId, batchCid))

  function takeBack({ epochId, day }: CountedEpoch, { batchCid, isCounted }: CountedBatch): void {
    if (isCounted) book.credit(day, earnedBy(epochId, batchCid) as Delivered, -1)
  }

  return {
    book,
    all: (): CountedEpoch[] => [...epochs.values()],
    get: (epochId: EpochId) => epochs.get(epochId),
    isOver: (epochId: EpochId) => epochId <= over,
    /** One of another sequencer counts once it is final: before that nobody has looked at what it holds. */
    isUnread: (epochId: EpochId, { batchCid, finalIn, isCounted }: CountedBatch): boolean =>
      !isCounted && finalIn !== undefined && earnedBy(epochId, batchCid) === undefined,
    /** Keeps the epoch, with those of its batches counted that should be. Batches that it had and has no more are taken back. */
    put(epoch: CountedEpoch): void {
      const { epochId, day } = epoch
      const known = epochs.get(epochId)
      for (const gone of known?.batches.slice(epoch.batches.length) ?? []) takeBack(epoch, gone)
      const batches = epoch.batches.map((batch) => {
        const isWanted = batch.refutedIn === undefined || batch.finalIn !== undefined
        const earned = isWanted === batch.isCounted ? undefined : earnedBy(epochId, batch.batchCid)
        if (earned === undefined) return batch
        book.credit(day, earned, isWanted ? 1 : -1)
        return { ...batch, isCounted: isWanted }
      })
      epochs.set(epochId, { ...epoch, batches })
      writes.push({ key: countedKey(epochId), value: toBytes({ ...epoch, batches }) })
    },
    /** Its release is gone. What its batches earn stays known: they may be anchored again. */
    drop(epoch: CountedEpoch): void {
      for (const batch of epoch.batches) takeBack(epoch, batch)
      epochs.delete(epoch.epochId)
      writes.push({ key: countedKey(epoch.epochId) })
    },
    /** Nothing of it can change any more: its share of the totals stays. */
    finish({ epochId }: CountedEpoch): void {
      epochs.delete(epochId)
      over = epochId
      const earned = store.scan(earnedPrefix(epochId)).map(({ key }) => ({ key }))
      writes.push({ key: countedKey(epochId) }, ...earned, { key: COUNTED_OVER_KEY, value: toBytes(epochId) })
    },
    /** What has changed since the last call, in one commit. */
    takeWrites(): readonly StoreWrite[] {
      const taken = [...writes, ...book.takeWrites()]
      writes = []
      return taken
    },
  }
}
type Epochs = ReturnType<typeof createEpochs>

/** The chain above the block is gone, or about to be told again. */
function undoAbove(block: BlockNumber, epochs: Epochs): void {
  const { book } = epochs
  const stays = (number: BlockNumber | undefined) => (number !== undefined && number <= block ? number : undefined)
  for (const epoch of epochs.all()) {
    const { release, endedIn, batches } = epoch
    if (release > block) epochs.drop(epoch)
    else if ([endedIn, ...batches.flatMap((one) => [one.block, one.refutedIn, one.finalIn])].some((number) => stays(number) !== number)) {
      const left = batches.filter((batch) => batch.block <= block)
      const unmarked = left.map((batch) => ({ ...batch, refutedIn: stays(batch.refutedIn), finalIn: stays(batch.finalIn) }))
      epochs.put({ ...epoch, endedIn: stays(endedIn), batches: unmarked })
    }
  }
  for (const day of book.days.filter(({ startedIn, firstEpochId }) => startedIn > block && !epochs.isOver(firstEpochId))) book.drop(day)
  const last = book.days.at(-1)
  if (last === undefined || epochs.isOver(last.lastEpochId)) return
  const released = epochs.all().filter(({ day }) => day === last.day)
  book.put({ ...last, lastEpochId: (released.at(-1)?.epochId ?? last.firstEpochId) as EpochId })
}

/** An epoch is released; `startedDay` began in the same transaction. */
function takeRelease(epochId: EpochId, block: BlockRef, startedDay: number | undefined, epochs: Epochs): void {
  const { book } = epochs
  if (epochs.isOver(epochId)) return
  const current = book.days.at(-1) as Day
  const isFirst = startedDay === current.day && epochId === current.firstEpochId
  const day =
    startedDay === undefined || startedDay === current.day
      ? { ...current, isWhole: current.isWhole || isFirst, lastEpochId: epochId }
      : { day: startedDay, startedIn: block.number, isWhole: true, firstEpochId: epochId, lastEpochId: epochId }
  book.put(day)
  epochs.put({ epochId, day: day.day, release: block.number, windowsFrom: block.contractNumber, batches: [] })
}

/** What happened to a batch, or to the epoch as a whole. */
function takeEvent(event: ProtocolEvent, epochs: Epochs): void {
  const epoch = 'epochId' in event ? epochs.get(event.epochId) : undefined
  if (epoch === undefined) return
  const block = event.block.number
  if (event.kind === 'BatchSubmissionsCompleted') epochs.put({ ...epoch, endedIn: block })
  if (event.kind === 'SnapshotBatchSubmitted')
    epochs.put({ ...epoch, batches: [...epoch.batches, { batchCid: event.batchCid, block, isCounted: false }] })
  if (event.kind !== 'TriggerBatchResubmission' && event.kind !== 'SnapshotBatchFinalized') return
  // Of one sent again under its CID, the later is meant.
  const index = epoch.batches.findLastIndex(({ batchCid }) => batchCid === event.batchCid)
  const mark = event.kind === 'TriggerBatchResubmission' ? { refutedIn: block } : { finalIn: block }
  if (index >= 0) epochs.put({ ...epoch, batches: epoch.batches.map((batch, at) => (at === index ? { ...batch, ...mark } : batch)) })
}

export function createCounting({ store, keep, contract, daysKept }: CountingDeps): Counting {
  const epochs = createEpochs({ store })
  const { book } = epochs
  let head = 0 as ContractNumber

  function commit(): void {
    const writes = epochs.takeWrites()
    if (writes.length > 0) keep(writes)
  }

  function takeBlock({ block, events }: ChainStep & { readonly kind: 'block' }): void {
    head = block.contractNumber
    const started = new Map(events.flatMap((event) => (event.kind === 'DayStartedEvent' ? [[event.transactionHash, event.day]] : [])))
    for (const event of events) {
      if (event.kind === 'EpochReleased') takeRelease(event.epochId, block, started.get(event.transactionHash), epochs)
      else takeEvent(event, epochs)
    }
    if (started.size > 0) book.forgetBefore((book.days.at(-1) as Day).day - daysKept)
    for (const epoch of epochs.all()) {
      if (!isLongOver(epoch.windowsFrom, head, contract)) break
      epochs.finish(epoch)
    }
  }

  const isRefuted = ({ batches }: CountedEpoch) =>
    batches.some(({ refutedIn, finalIn }) => refutedIn !== undefined && finalIn === undefined)

  /** Whether batches of it may still come or be judged: corrected ones in rounds of their own, after its windows. */
  const isUndecided = (epoch: CountedEpoch): boolean =>
    isRefuted(epoch) ? !isSettled(epoch.windowsFrom, head, contract) : !isAttestationWindowOver(epoch.windowsFrom, head, contract)

  function isOpen(epoch: CountedEpoch): boolean {
    const { epochId, endedIn, batches } = epoch
    const isComplete = endedIn !== undefined && batches.every((batch) => batch.finalIn !== undefined && !epochs.isUnread(epochId, batch))
    return isUndecided(epoch) && (isRefuted(epoch) || !isComplete)
  }

  const isDone = ({ windowsFrom, endedIn }: CountedEpoch): boolean =>
    endedIn !== undefined || isBatchWindowOver(windowsFrom, head, contract)

  return {
    async begin(from, now) {
      undoAbove((from - 1) as BlockNumber, epochs)
      if (book.days.length === 0) {
        const { rules, epochId } = await now()
        // Whoever is there from the market's first epoch on has missed nothing.
        book.put({ day: rules.day, startedIn: 0 as BlockNumber, isWhole: epochId <= 1, firstEpochId: epochId, lastEpochId: epochId })
      }
      commit()
    },
    apply(step) {
      if (step.kind === 'rollback') undoAbove(step.to.number, epochs)
      else takeBlock(step)
      commit()
    },
    days: () => book.days,
    totals: book.totals,
    isDecided(day, bufferEpoch) {
      const newest = book.days.at(-1)?.lastEpochId ?? (0 as EpochId)
      const isLate =
        newest >= bufferEpoch && (epochs.isOver(newest) || epochs.all().some((epoch) => epoch.epochId >= bufferEpoch && isDone(epoch)))
      return isLate && !epochs.all().some((epoch) => epoch.day === day.day && isOpen(epoch))
    },
    unread: () =>
      epochs
        .all()
        .filter(isUndecided)
        .flatMap(({ epochId, batches }) =>
          batches.filter((batch) => epochs.isUnread(epochId, batch)).map(({ batchCid }) => ({ epochId, batchCid })),
        ),
    learn(epochId, batchCid, earned) {
      const known = epochs.get(epochId)
      if (known === undefined) return
      keep([{ key: earnedKey(epochId, batchCid), value: deliveredToBytes(earned) }])
      epochs.put(known)
      commit()
    },
  }
}
