import { isWeftError } from '#domain/errors.ts'
import type { EpochId, SlotId, Address, BlockNumber } from '#domain/ids.ts'
import { type BlockTime, isPastWindow, isBatchWindowOver, type SubmissionWindow, windowOf } from '#domain/window.ts'
import type { AnchorChain, BlockRef, MarketState, ProtocolEvent } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { tellHeld } from '#life/rules.ts'
import { createNews, type News } from './news.ts'
import type { EpochTerms, Terms } from './plan.ts'
import { BLOCKS_KEPT, type EpochRecord, type Records } from './records.ts'

/** Epochs looked back for at the very first start; windows that hold more of them at once do not exist. */
const LOOK_BACK_EPOCHS = 64

/** Called in the order of the chain; the next step waits for none of them but `onRollback`. */
export interface WatchHandlers {
  /** An epoch is released, and its window open unless `head` says otherwise. Also called once per epoch found open after a restart. */
  onOpen(epoch: EpochRecord, terms: EpochTerms, head: BlockRef): void
  /** The epoch's window is over, or its rules never came (N11), the epoch never having been opened here (N1). */
  onSkipped(epoch: EpochRecord): void
  /** A block was followed, and is the head now; after a rollback it may be lower than the one before. */
  onHead(head: BlockRef): void
  /** The releases of these epochs are no longer on the chain. */
  onUndone(epochs: readonly EpochRecord[]): void
  /** Without a signer the slot is burned. */
  onSigner(slotId: SlotId, signer: Address | undefined): void
  onRollback(): Promise<void>
}

export interface Watch {
  /** The newest block of the canonical chain that was followed. */
  head(): BlockRef
  readonly news: News['wait']
  readonly tellOwn: News['tellOwn']
  /** Follows until the signal aborts (then it resolves) or the chain cannot be followed (then it rejects). */
  run(signal: AbortSignal): Promise<void>
}

export interface WatchDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly records: Records
  readonly market: Pick<MarketState, 'snapshotWindowBlocks' | 'batchWindowBlocks' | 'attestationWindowBlocks'>
  /** What the market asks for in each epoch. */
  readonly terms: Terms
  /** Read before anything else that is followed from then on: what changes after it comes as an event. */
  readonly headAtStart: BlockRef
  /** N23: nothing is begun for it and those before. */
  readonly restored?: EpochId | undefined
  readonly handlers: WatchHandlers
}

/**
 * Follows the anchor chain from where the records end. Not on an `AnchorView`: that is for judging the votes of others, with the headers and
 * signers of the past, and is read again after a restart. What is needed here are the epochs and the blocks of own votes, which lie on disk.
 */
export async function createWatch(deps: WatchDeps, signal: AbortSignal): Promise<Watch> {
  const { chain, records, headAtStart: target, handlers } = deps
  const news = createNews()
  const known = records.blocks()
  const tip = known.at(-1)
  const findFirst = () => firstBlock(target, deps)
  const from = tip ? followedFrom(known) : await persist({ doing: 'read_current_epoch', attempt: findFirst, signal }, deps)
  let head = tip ?? target
  /** Of the chain that took the place of another: until its blocks are followed, a window that is over on it looks open. */
  let headAfterRollback: BlockRef | undefined
  /** While we catch up, an old release looks open at its own block; only the head at start tells. */
  let isCaughtUp = tip !== undefined && head.number >= target.number
  /** Recorded as open, not yet handed to the role. */
  const waiting = new Map(
    records
      .epochs()
      .filter((epoch) => epoch.state === 'open')
      .map((epoch): [EpochId, Waiting] => [epoch.epochId, { epoch, terms: undefined }]),
  )

  async function skip(epoch: EpochRecord): Promise<void> {
    waiting.delete(epoch.epochId)
    const skipped: EpochRecord = { ...epoch, state: 'skipped' }
    await records.saveEpoch(skipped, deps.market)
    handlers.onSkipped(skipped)
  }

  /** One whose rules are not known yet goes on waiting for them, for as long as they could help: it is begun by no others (N11). */
  async function openWaiting(): Promise<void> {
    const newest = headAfterRollback !== undefined && headAfterRollback.number > head.number ? headAfterRollback : head
    for (const { epoch, terms: known } of waiting.values()) {
      if (epoch.epochId <= (deps.restored ?? -1)) {
        await skip(epoch)
        continue
      }
      const terms = known ?? (await askTerms(epoch.epochId, deps))
      if (terms === undefined && !isBatchWindowOver(epoch.release.contractNumber, head.contractNumber, deps.market)) continue
      const isOpen = terms !== undefined && !isPastWindow(windowIn(terms, epoch.release, deps), newest)
      if (terms === undefined || (!isOpen && records.projects(epoch.epochId).length === 0)) {
        await skip(epoch)
        continue
      }
      waiting.delete(epoch.epochId)
      const begun = begunBy(terms, epoch)
      // Durable before anything of it is signed (N10).
      if (epoch.sets === undefined || epoch.windowUnit !== begun.windowUnit) await records.saveEpoch(begun, deps.market)
      handlers.onOpen(begun, terms, newest)
    }
  }

  async function takeBlock(block: BlockRef, events: readonly ProtocolEvent[]): Promise<void> {
    const released = await releasedBy(events, deps)
    // The cursor and what the block brought become durable together, before anything is done about it (N1).
    await records.saveBlock(
      block,
      released.map(({ epoch }) => epoch),
    )
    head = block
    for (const each of released) waiting.set(each.epoch.epochId, each)
    for (const event of events) {
      if (event.kind === 'SnapshotterAddressChanged') handlers.onSigner(event.slotId, event.signer)
      if (event.kind === 'NodeBurned') handlers.onSigner(event.slotId, undefined)
    }
    isCaughtUp ||= block.number >= target.number
    if (isCaughtUp) await openWaiting()
    handlers.onHead(head)
    news.tellBlock(block, events)
  }

  async function takeRollback(to: BlockRef): Promise<void> {
    const { undone, reopened } = changedBy(to, deps)
    const saved = records.saveRollback(to, [...undone, ...reopened])
    head = to
    for (const epoch of undone) waiting.delete(epoch.epochId)
    for (const epoch of reopened) waiting.set(epoch.epochId, { epoch, terms: undefined })
    // In the same turn: a hand-over recorded in between would not be forgotten with the others.
    handlers.onUndone(undone)
    await saved
    const taken = handlers.onRollback()
    news.tellRollback()
    const now = persist({ doing: 'read_head', attempt: () => chain.head(), signal }, deps)
    // Both at once: of two that fail, as when the process ends, none may be left that nobody listens to.
    ;[headAfterRollback] = await Promise.all([now, taken])
  }

  return {
    head: () => head,
    news: news.wait,
    tellOwn: news.tellOwn,
    async run(signal) {
      if (isCaughtUp) await openWaiting()
      for await (const step of chain.follow({ from, known, signal })) {
        if (step.kind === 'block') await takeBlock(step.block, step.events)
        else await takeRollback(step.to)
      }
    },
  }
}

/** An epoch that is to be begun, and what the market asks for in it, once that is known. */
interface Waiting {
  readonly epoch: EpochRecord
  readonly terms: EpochTerms | undefined
}

/** The epochs that a block releases. Their terms are asked for at once, so that what they are begun with is on disk with the release. */
async function releasedBy(events: readonly ProtocolEvent[], deps: WatchDeps): Promise<Waiting[]> {
  const released: Waiting[] = []
  for (const event of events) {
    if (event.kind !== 'EpochReleased') continue
    const terms = await askTerms(event.epochId, deps)
    const epoch = recordOf(event, deps.records)
    released.push({ epoch: terms === undefined ? epoch : begunBy(terms, epoch), terms })
  }
  return released
}

/** What an epoch was begun with once it keeps: other data must not be signed for it (N10). */
const begunBy = ({ plan, rules }: EpochTerms, epoch: EpochRecord): EpochRecord => ({
  ...epoch,
  sets: epoch.sets ?? plan.sets,
  windowUnit: rules.windowUnit,
})

/** Its rules, one attempt; `undefined` while they are not known, which is said aloud. Throws bugs. */
async function askTerms(epochId: EpochId, { terms, report }: Pick<WatchDeps, 'terms' | 'report'>): Promise<EpochTerms | undefined> {
  try {
    return await terms.termsAt(epochId)
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind === 'bug') throw failure
    tellHeld(failure, { epochId }, report)
    return undefined
  }
}

const windowIn = ({ rules }: Pick<EpochTerms, 'rules'>, release: BlockTime, { market }: Pick<WatchDeps, 'market'>): SubmissionWindow =>
  windowOf({ release, unit: rules.windowUnit, length: market.snapshotWindowBlocks })

function recordOf({ epochId, begin, end, block }: ProtocolEvent & { readonly kind: 'EpochReleased' }, records: Records): EpochRecord {
  const { number, contractNumber, timestamp } = block
  const before = records.epoch(epochId)
  const rollbacks = before?.rollbacks
  // One that was undone and comes again may have data that is signed already: then with that plan, or it would have data of two.
  const isBegun = records.projects(epochId).some(({ snapshotCid }) => snapshotCid !== undefined)
  const sets = isBegun ? before?.sets : undefined
  return {
    epochId,
    begin,
    end,
    release: { number, contractNumber, timestamp },
    state: 'open',
    ...(sets && { sets }),
    ...(rollbacks === undefined ? {} : { rollbacks }),
  }
}

/** What a rollback to `to` makes of the epochs on record. A window that was over on the chain that is gone may be open on this one. */
function changedBy(to: BlockRef, { records, market, terms }: WatchDeps) {
  const undone = records
    .epochs()
    .filter((epoch) => epoch.release.number > to.number && epoch.state !== 'undone')
    .map((epoch): EpochRecord => ({ ...begunAnew(epoch), state: 'undone' }))
  // Votes that name a block above count for nothing any more: while their window is open they are given again, naming another (N9).
  // Only what an earlier version has begun lacks its unit, and that knew one alone.
  const windowOfRecord = ({ release, windowUnit = terms.present.rules.windowUnit }: EpochRecord) =>
    windowOf({ release, unit: windowUnit, length: market.snapshotWindowBlocks })
  const isOpenAgain = (epoch: EpochRecord) =>
    epoch.release.number <= to.number && !isPastWindow(windowOfRecord(epoch), to) && records.hasHandedAbove(epoch.epochId, to.number)
  const reopened = records
    .epochs()
    .filter(isOpenAgain)
    .map((epoch): EpochRecord => ({ ...begunAnew(epoch), state: 'open' }))
  return { undone, reopened }
}

/** Whoever still works on the epoch as it was has no say any more about how it ends (N9). */
function begunAnew(epoch: EpochRecord): EpochRecord {
  return { ...epoch, rollbacks: (epoch.rollbacks ?? 0) + 1 }
}

/** Whoever has fewer blocks than are kept has all that it ever had, and there is nothing below that a reorganisation could take from it. */
function followedFrom(known: readonly BlockRef[]): BlockNumber {
  const [first, tip] = [known[0] as BlockRef, known.at(-1) as BlockRef]
  return known.length < BLOCKS_KEPT ? first.number : ((tip.number + 1) as BlockNumber)
}

/** The release of the oldest epoch whose window is still open, or the head: nothing before it can be helped. */
async function firstBlock(head: BlockRef, deps: WatchDeps): Promise<BlockNumber> {
  const { chain } = deps
  let from = head.number
  const current = await chain.currentEpoch()
  for (let back = 0; back < LOOK_BACK_EPOCHS && current.epochId - back > 0; back += 1) {
    const epochId = (current.epochId - back) as EpochId
    const release = await chain.release(epochId)
    if (release === undefined) break
    const terms = await askTerms(epochId, deps)
    // Whose window nobody knows may be open.
    if (terms !== undefined && isPastWindow(windowIn(terms, release, deps), head)) break
    from = Math.min(from, release.number) as BlockNumber
  }
  return from
}
