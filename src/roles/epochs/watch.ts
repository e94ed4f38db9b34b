import type { Report } from '#domain/events.ts'
import type { BlockNumber, Hash } from '#domain/ids.ts'
import type { BlockRef, HeadTag, SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Store } from '#io/store/port.ts'

/** A full range of source blocks, deep enough below the head. */
export interface RipeEpoch {
  readonly begin: BlockNumber
  readonly end: BlockNumber
  /** Of the block before `begin`. */
  readonly parentHash: Hash
  /** Of block `end`. */
  readonly endHash: Hash
}

export interface WatchDeps {
  readonly source: SourceChain
  readonly store: Store
  readonly clock: Clock
  readonly report: Report
}

/** How far an epoch must lie below the source head, and how often the head is asked for. */
export interface WatchOptions {
  readonly epochSize: number
  readonly headOffset: number
  /** Beside that it must be what the source chain calls so. */
  readonly headTag: HeadTag
  readonly pollMs: number
}

/** The newest source block that an epoch may end with (E2). */
export async function ripeUpTo(
  { headOffset, headTag }: Pick<WatchOptions, 'headOffset' | 'headTag'>,
  source: SourceChain,
): Promise<number> {
  const [head, tagged] = await Promise.all([source.head(), headTag === 'latest' ? undefined : source.head(headTag)])
  return Math.min(head.number - headOffset, tagged?.number ?? Number.POSITIVE_INFINITY)
}

/** The epoch worked on last: written down before it is released, so that the next one is known to continue it. */
const PLAN_KEY = 'epochs/plan'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

function readPlan(store: Store): RipeEpoch | undefined {
  const value = store.get(PLAN_KEY)
  return value && (JSON.parse(decoder.decode(value)) as RipeEpoch)
}

/** The hash that the block before `begin` had when it was last looked at; `undefined` when it never was. */
function rememberedParent(store: Store, begin: BlockNumber): Hash | undefined {
  const plan = readPlan(store)
  if (plan?.begin === begin) return plan.parentHash
  return plan?.end === begin - 1 ? plan.endHash : undefined
}

/** The blocks of the range, if each is the child of the one before (E2); `undefined` while the source chain is being rewritten. */
async function readRange(begin: BlockNumber, end: BlockNumber, source: SourceChain): Promise<RipeEpoch | undefined> {
  const numbers = Array.from({ length: end - begin + 1 }, (_, index) => (begin + index) as BlockNumber)
  const blocks = await Promise.all(numbers.map((number) => source.block(number)))
  const isChain = blocks.every((block, index) => block !== undefined && (index === 0 || block.parentHash === blocks[index - 1]?.hash))
  const [first, last] = [blocks[0], blocks.at(-1)] as [BlockRef, BlockRef]
  return isChain ? { begin, end, parentHash: first.parentHash, endHash: last.hash } : undefined
}

/** Waits until the epoch that begins at `begin` is complete below the head, checks that its blocks are one chain, and writes it down. */
export async function watch(begin: BlockNumber, options: WatchOptions, deps: WatchDeps, signal: AbortSignal): Promise<RipeEpoch> {
  const { source, store, clock, report } = deps
  const end = (begin + options.epochSize - 1) as BlockNumber
  for (;;) {
    signal.throwIfAborted()
    const epoch = (await ripeUpTo(options, source)) >= end ? await readRange(begin, end, source) : undefined
    if (epoch !== undefined) {
      const expected = rememberedParent(store, begin)
      // What was released stays released: nobody can take an epoch back. People must know, and the offset is too small.
      if (expected !== undefined && expected !== epoch.parentHash)
        report('source_rewritten', { block: begin - 1, releasedHash: expected, hash: epoch.parentHash })
      await store.commit([{ key: PLAN_KEY, value: encoder.encode(JSON.stringify(epoch)) }])
      return epoch
    }
    await clock.sleep(options.pollMs, signal)
  }
}
