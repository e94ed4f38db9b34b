import type { EpochId, SlotId, Address, BlockNumber } from '#domain/ids.ts'
import { isPastWindow, type LaterWindows, type WindowRule, windowOf } from '#domain/window.ts'
import type { AnchorChain, BlockRef, ProtocolEvent } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { createNews, type News } from './news.ts'
import type { PlanOf } from './plan.ts'
import type { EpochRecord, Records } from './records.ts'

/** Epochs looked back for at the very first start; windows that hold more of them at once do not exist. */
const LOOK_BACK_EPOCHS = 64

/** Called in the order of the chain; the next step waits for none of them. */
export interface WatchHandlers {
  /** An epoch is released and its window open. Also called once per epoch found open after a restart. */
  onOpen(epoch: EpochRecord): void
  /** The epoch's window is over, the epoch never having been opened here (N1). */
  onSkipped(epoch: EpochRecord): void
  /** A block was followed, and is the head now; after a rollback it may be lower than the one before. */
  onHead(head: BlockRef): void
  /** The releases of these epochs are no longer on the chain. */
  onUndone(epochs: readonly EpochRecord[]): void
  /** Without a signer the slot is burned. */
  onSigner(slotId: SlotId, signer: Address | undefined): void
  onRollback(): void
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
  readonly rule: WindowRule
  readonly market: LaterWindows
  readonly planOf: PlanOf
  readonly handlers: WatchHandlers
}

/**
 * Follows the anchor chain from where the records end. Not on an `AnchorView`: that is for judging the votes of others, with the headers and
 * signers of the past, and is read again after a restart. What is needed here are the epochs and the blocks of own votes, which lie on disk.
 */
export async function createWatch(deps: WatchDeps, signal: AbortSignal): Promise<Watch> {
  const { chain, records, handlers } = deps
  const news = createNews()
  const target = await persist({ doing: 'read_head', attempt: () => chain.head(), signal }, deps)
  const known = records.blocks()
  const tip = known.at(-1)
  const findFirst = () => firstBlock(chain, target, deps.rule)
  const from = tip ? ((tip.number + 1) as BlockNumber) : await persist({ doing: 'read_current_epoch', attempt: findFirst, signal }, deps)
  let head = tip ?? target
  /** While we catch up, an old release looks open at its own block; only the head at start tells. */
  let isCaughtUp = tip !== undefined && head.number >= target.number
  /** Recorded as open, not yet handed to the role. */
  const waiting = new Map(
    records
      .epochs()
      .filter((epoch) => epoch.state === 'open')
      .map((epoch) => [epoch.epochId, epoch]),
  )

  async function openWaiting(): Promise<void> {
    for (const epoch of waiting.values()) {
      waiting.delete(epoch.epochId)
      if (!isPastWindow(windowOf({ release: epoch.release, ...deps.rule }), head) || records.projects(epoch.epochId).length > 0) {
        handlers.onOpen(epoch)
        continue
      }
      const skipped: EpochRecord = { ...epoch, state: 'skipped' }
      await records.saveEpoch(skipped, deps.market)
      handlers.onSkipped(skipped)
    }
  }

  async function takeBlock(block: BlockRef, events: readonly ProtocolEvent[]): Promise<void> {
    const released = events.flatMap((event) => (event.kind === 'EpochReleased' ? [recordOf(event, deps)] : []))
    // The cursor and what the block brought become durable together, before anything is done about it (N1).
    await records.saveBlock(block, released)
    head = block
    for (const epoch of released) waiting.set(epoch.epochId, epoch)
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
    const { undone, reopened } = changedBy(to, head, deps)
    const saved = records.saveRollback(to, [...undone, ...reopened])
    head = to
    for (const epoch of undone) waiting.delete(epoch.epochId)
    for (const epoch of reopened) waiting.set(epoch.epochId, epoch)
    // In the same turn: a hand-over recorded in between would not be forgotten with the others.
    handlers.onUndone(undone)
    await saved
    handlers.onRollback()
    news.tellRollback()
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

function recordOf(
  { epochId, begin, end, block }: ProtocolEvent & { readonly kind: 'EpochReleased' },
  { records, planOf }: { readonly records: Records; readonly planOf: PlanOf },
): EpochRecord {
  const { number, timestamp } = block
  const before = records.epoch(epochId)
  const rollbacks = before?.rollbacks
  // One that was undone and comes again may have data that is signed already: then with that plan, or it would have data of two.
  const isBegun = records.projects(epochId).some(({ snapshotCid }) => snapshotCid !== undefined)
  const sets = (isBegun ? before?.sets : undefined) ?? planOf(epochId).sets
  return { epochId, begin, end, release: { number, timestamp }, sets, state: 'open', ...(rollbacks === undefined ? {} : { rollbacks }) }
}

/** What a rollback to `to` makes of the epochs on record; `head` is the block before it. */
function changedBy(to: BlockRef, head: BlockRef, { records, rule }: WatchDeps) {
  const undone = records
    .epochs()
    .filter((epoch) => epoch.release.number > to.number && epoch.state !== 'undone')
    .map((epoch): EpochRecord => ({ ...begunAnew(epoch), state: 'undone' }))
  // Votes that name a block above count for nothing any more: while their window is open they are given again, naming another (N9).
  const isOpenAgain = ({ epochId, release }: EpochRecord) =>
    release.number <= to.number && !isPastWindow(windowOf({ release, ...rule }), head) && records.hasHandedAbove(epochId, to.number)
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

/** The release of the oldest epoch whose window is still open, or the head: nothing before it can be helped. */
async function firstBlock(chain: AnchorChain, head: BlockRef, rule: WindowRule): Promise<BlockNumber> {
  let from = head.number
  const current = await chain.currentEpoch()
  for (let back = 0; back < LOOK_BACK_EPOCHS && current.epochId - back > 0; back += 1) {
    const { releaseBlock, timestamp } = await chain.epochInfo((current.epochId - back) as EpochId)
    if (releaseBlock === 0 || isPastWindow(windowOf({ release: { number: releaseBlock, timestamp }, ...rule }), head)) break
    from = Math.min(from, releaseBlock) as BlockNumber
  }
  return from
}
