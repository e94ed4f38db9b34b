import type { BlockRef, ChainStep } from '#domain/chain-step.ts'
import { isWeftError } from '#domain/errors.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { IndexDatabase } from '#io/database/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { createRecentMarket } from '#roles/api/recent-market.ts'
import type { Bell } from './bell.ts'

/** Blocks that are taken at once while the index catches up: one transaction, some tens of milliseconds. */
const STEPS_MAX = 256
/** Turns that the steps of one answer take to come, one after the other: none of them waits for anybody. */
const TURNS_MAX = 16
const PROGRESS_EVERY_MS = 5_000

export interface FollowDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly database: IndexDatabase
  readonly clock: Clock
  /** Rung when more is in the tables. */
  readonly bell: Bell
  /** Called when the head of the chain is reached. */
  readonly onCurrent?: () => void
}

/**
 * Follows the anchor chain from where the index is, or from the block that created the market, and takes every step into the tables: cursor and
 * what it stands for in one transaction (A1). However deep a reorganisation is, what it took away is undone. Ends with the signal, or when the database does not take it.
 */
export async function follow(deps: FollowDeps, signal: AbortSignal): Promise<void> {
  const { chain, database } = deps
  const first = await persist({ doing: 'read_deployment', attempt: () => chain.deploymentBlock(), signal }, deps)
  const progress = createProgress(deps)
  const market = createRecentMarket(deps)
  const windows = () => persist({ doing: 'read_market', attempt: market, signal }, deps)
  while (!signal.aborted) {
    const known = await database.knownBlocks()
    const from = known.length === 0 ? first : (((known.at(-1) as BlockRef).number + 1) as BlockNumber)
    const ending = new AbortController()
    try {
      for await (const steps of together(chain.follow({ from, known, signal: AbortSignal.any([signal, ending.signal]) }))) {
        await database.apply(steps, await windows())
        deps.bell.ring()
        await progress.look(steps, signal)
      }
    } catch (failure) {
      if (!isWeftError(failure, 'CHAIN_REORG_TOO_DEEP')) throw failure
      const to = await persist({ doing: 'find_common_block', attempt: () => lastCommon(deps, first), signal }, deps)
      deps.report('index_rewound', { fromBlock: from - 1, toBlock: to.number })
      await database.apply([{ kind: 'rollback', to }], await windows())
      deps.bell.ring()
    } finally {
      ending.abort()
    }
  }
}

/** Steps that are there at once, at most so many, in one piece. */
async function* together(steps: AsyncIterable<ChainStep>): AsyncGenerator<readonly ChainStep[]> {
  const iterator = steps[Symbol.asyncIterator]()
  let next = iterator.next()
  for (;;) {
    const first = await next
    if (first.done) return
    const some = [first.value]
    next = iterator.next()
    while (some.length < STEPS_MAX) {
      const more = await atOnce(next)
      if (more === undefined || more.done) break
      some.push(more.value)
      next = iterator.next()
    }
    // Who stops listening does not hear how the next one fails.
    next.catch(() => undefined)
    yield some
  }
}

/** What a promise gives if it has it already. */
async function atOnce<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  let value: Value | undefined
  promise.then(
    (given) => {
      value = given
    },
    () => undefined,
  )
  for (let turn = 0; turn < TURNS_MAX && value === undefined; turn += 1) await undefined
  return value
}

/** The newest block that told something and is still on the chain; below all of them, the block before the market. */
async function lastCommon({ chain, database }: FollowDeps, first: BlockNumber): Promise<BlockRef> {
  for (let below: number = Number.MAX_SAFE_INTEGER, stride = 0; ; ) {
    const mark = below < first ? undefined : await database.landmark(below as BlockNumber)
    if (mark === undefined) return { number: first - 1 } as BlockRef
    const now = await chain.block(mark.number)
    if (now?.hash === mark.hash) return now
    below = mark.number - 1 - stride
    stride = stride * 2 + 1
  }
}

/** Tells how far it is while it is behind, and once that it is there. */
function createProgress({ chain, clock, report, onCurrent }: FollowDeps) {
  let toldMs = clock.nowMs()
  let isThere = false
  return {
    async look(steps: readonly ChainStep[], signal: AbortSignal): Promise<void> {
      const last = steps.at(-1)
      if (isThere || signal.aborted || last?.kind !== 'block') return
      const isFew = steps.length < STEPS_MAX
      if (!isFew && clock.nowMs() - toldMs < PROGRESS_EVERY_MS) return
      toldMs = clock.nowMs()
      // Only for people: whoever does not answer now is asked the next time.
      const head = await chain.head().catch(() => undefined)
      if (head === undefined) return
      isThere = last.block.number >= head.number
      const facts = { block: last.block.number, headBlock: head.number }
      if (isThere) onCurrent?.()
      if (isThere) report('index_current', facts)
      else report('index_behind', facts)
    },
  }
}
