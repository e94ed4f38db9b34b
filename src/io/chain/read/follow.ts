import { isWeftError, WeftError } from '#domain/errors.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { BlockRef, ChainStep, ProtocolEvent } from '#io/chain/port.ts'
import { untilAborted } from '#domain/until-aborted.ts'

/** A block with everything in it that concerns the market. */
export interface BlockWithEvents {
  readonly block: BlockRef
  readonly events: readonly ProtocolEvent[]
}

/** What following needs of a chain. */
export interface BlockSource {
  head(): Promise<BlockRef>
  /** `undefined` above the head. */
  block(number: BlockNumber): Promise<BlockRef | undefined>
  /** Blocks from `from` on, none above `head`, ascending and each the child of the one before. None: whoever answered has not the first. */
  read(from: BlockNumber, head: BlockRef): Promise<readonly BlockWithEvents[]>
}

/** A failure that was waited out: reported, never thrown. */
export type OnTrouble = (failure: WeftError) => void

export interface FollowOptions {
  readonly from: BlockNumber
  readonly known: readonly BlockRef[]
  readonly signal: AbortSignal
  /** Deepest rewrite that can be undone: so many blocks are remembered. */
  readonly reorgDepthMax: number
  /** Waits before asking again; `attempt` counts failures in a row, 0 when there is just nothing new. Rejects when the signal aborts. */
  readonly pause: (attempt: number) => Promise<void>
  /**
   * Waits for another head, which is not asked for then; `undefined` is to ask again. Without it, or while there is more to be done than to wait for one, `pause`
   * and a question do. Rejects as it does.
   */
  readonly headAfter?: (head: BlockRef) => Promise<BlockRef | undefined>
  readonly onTrouble?: OnTrouble | undefined
}

/** The blocks the caller is known to hold, in ascending order, the last being the one that everything new must build upon. */
function createCursor(options: FollowOptions) {
  const depthMax = options.reorgDepthMax
  let held = options.known.slice(-(depthMax + 1))
  /** While nothing below was ever handed out, the block before `from` may be replaced without anybody having to undo it. */
  let isFresh = held.length === 0 || options.from === held[0]?.number
  return {
    held: (): readonly BlockRef[] => held,
    isFresh: (): boolean => isFresh,
    tip: (): BlockRef | undefined => held.at(-1),
    next: (): BlockNumber => (held.length === 0 ? options.from : (((held.at(-1) as BlockRef).number + 1) as BlockNumber)),
    append(block: BlockRef): void {
      held.push(block)
      if (held.length <= depthMax + 1) return
      held.shift()
      isFresh = false
    },
    /** `below`: the ancestors of the block that are held from now on. */
    cutAbove(block: BlockRef, below: readonly BlockRef[] = held.filter(({ number }) => number < block.number)): void {
      held = [...below, block]
    },
  }
}
type Cursor = ReturnType<typeof createCursor>

function inconsistent(detail: string): WeftError<'CHAIN_ANSWER_INVALID'> {
  return new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'chain', method: 'follow', detail })
}

/** The highest block that the caller holds and the chain still has; `undefined` when it has none of them. */
async function lastCommon(source: BlockSource, cursor: Cursor): Promise<BlockRef | undefined> {
  const held = cursor.held()
  const head = await source.head()
  const now = await Promise.all(held.map(({ number }) => (number > head.number ? undefined : source.block(number))))
  return held.findLast((block, index) => {
    const current = now[index]
    // A node that lags behind another one of the same endpoint: no evidence that the block is gone.
    if (current === undefined && block.number <= head.number) throw inconsistent(`block ${block.number} is below the head and not served`)
    return current?.hash === block.hash
  })
}

/** The blocks below one that the caller holds: it holds them too, and after this rewrite the next one may be as deep again. */
async function ancestors(source: BlockSource, of: BlockRef, depthMax: number): Promise<readonly BlockRef[]> {
  const from = Math.max(0, of.number - depthMax)
  const blocks = await Promise.all(Array.from({ length: of.number - from }, (_, index) => source.block((from + index) as BlockNumber)))
  let child = of
  for (const block of blocks.toReversed()) {
    if (block?.hash !== child.parentHash) throw inconsistent(`block ${child.number - 1} is not the parent of the one after it`)
    child = block
  }
  return blocks as BlockRef[]
}

/** Finds out how far the chain was rewritten and puts the cursor there. */
async function rollback(source: BlockSource, cursor: Cursor, options: FollowOptions): Promise<ChainStep[]> {
  const common = await lastCommon(source, cursor)
  if (common !== undefined) {
    cursor.cutAbove(common, cursor.isFresh() ? undefined : await ancestors(source, common, options.reorgDepthMax))
    return [{ kind: 'rollback', to: common }]
  }
  const oldest = cursor.held()[0] as BlockRef
  const tip = cursor.tip() as BlockRef
  const before = cursor.isFresh() && options.from > 0 ? await source.block((options.from - 1) as BlockNumber) : undefined
  if (before === undefined)
    throw new WeftError('CHAIN_REORG_TOO_DEEP', { depth: tip.number - oldest.number + 1, depthMax: options.reorgDepthMax })
  cursor.cutAbove(before)
  return tip.number === before.number ? [] : [{ kind: 'rollback', to: before }]
}

/**
 * Times in a row that the next block may be missing below the head before it is trouble. A node that lags, one of several behind one address,
 * has it a little later, and asking at the usual pace finds one that does not lag.
 */
const MISSES_MAX = 20

/** Puts the block before `from` under a cursor that holds nothing yet. Whether it is there. */
async function ground(source: BlockSource, cursor: Cursor, from: BlockNumber): Promise<boolean> {
  if (cursor.tip() !== undefined || from === 0) return true
  const before = await source.block((from - 1) as BlockNumber)
  if (before === undefined) return false
  cursor.append(before)
  return true
}

/** What lies ahead at this moment. */
interface Ahead {
  readonly steps: readonly ChainStep[]
  /** The head, where nothing is left ahead of it when they are taken. */
  readonly upTo?: BlockRef | undefined
}

/** `missing` when the next step is not served. `told`: the head, if it is known already. */
async function nextSteps(source: BlockSource, cursor: Cursor, options: FollowOptions, told?: BlockRef): Promise<Ahead | 'missing'> {
  if (!(await ground(source, cursor, options.from))) return { steps: [] }
  const head = told ?? (await source.head())
  const tip = cursor.tip()
  if (tip !== undefined && head.number <= tip.number) {
    const held = cursor.held().find(({ number }) => number === head.number)
    // Of one that has hardly begun, the blocks below are not known: nothing is wrong with them.
    if (held === undefined && cursor.isFresh()) return 'missing'
    if (held === undefined) throw inconsistent(`head ${head.number} is far below block ${tip.number}, which was served before`)
    // A lower head that we know is a node that lags, not a rewrite.
    return held.hash === head.hash ? { steps: [], upTo: head } : { steps: await rollback(source, cursor, options) }
  }
  if (head.number < cursor.next()) return { steps: [], upTo: head }
  const blocks = await source.read(cursor.next(), head)
  if (blocks.length === 0) return 'missing'
  if (tip !== undefined && blocks[0]?.block.parentHash !== tip.hash) return { steps: await rollback(source, cursor, options) }
  const steps = blocks.map(({ block, events }) => ({ kind: 'block', block, events }) as const)
  return { steps, upTo: blocks.at(-1)?.block.hash === head.hash ? head : undefined }
}

/**
 * Yields the chain block by block (the obligations are those of `AnchorChain.follow`). Failures that may pass are reported and waited
 * out here, with growing pauses, so that no block is ever skipped; others are thrown. Ends when the signal aborts.
 */
export async function* followBlocks(source: BlockSource, options: FollowOptions): AsyncGenerator<ChainStep, void, undefined> {
  const cursor = createCursor(options)
  const { signal } = options
  let failures = 0
  let misses = 0
  let told: BlockRef | undefined
  const rest = async (upTo: BlockRef | undefined): Promise<BlockRef | undefined> => {
    try {
      if (upTo !== undefined && options.headAfter !== undefined) return await options.headAfter(upTo)
      await options.pause(failures)
    } catch (cause) {
      if (!signal.aborted) throw cause
    }
    return undefined
  }
  while (!signal.aborted) {
    let ahead: Ahead = { steps: [] }
    try {
      const found = await untilAborted(nextSteps(source, cursor, options, told), signal)
      misses = found === 'missing' ? misses + 1 : 0
      if (misses > MISSES_MAX) throw inconsistent(`block ${cursor.next()} is below the head and not served`)
      if (found !== 'missing') ahead = found
      failures = 0
    } catch (failure) {
      if (signal.aborted) return
      if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
      failures += 1
      options.onTrouble?.(failure)
    }
    for (const step of ahead.steps) {
      if (signal.aborted) return
      if (step.kind === 'block') cursor.append(step.block)
      yield step
    }
    told = ahead.steps.length === 0 || ahead.upTo !== undefined ? await rest(ahead.upTo) : undefined
  }
}
