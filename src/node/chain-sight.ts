import { lateAfterSeconds } from '#domain/beat.ts'
import { type LabelsOf, reading, type Reading } from '#domain/metrics.ts'
import type { UnreadyReason } from '#domain/reasons.ts'
import type { Recorder } from '#domain/recorder.ts'
import type { AnchorChain, BlockRef, ChainStep, SourceChain } from '#io/chain/port.ts'
import type { EndpointUse, OnEndpointUse } from '#io/chain/rpc/health.ts'
import type { Unready } from './role.ts'

/** By so many of its last blocks the pace of a chain is told. */
const PACE_BLOCKS = 32
/** Clocks of chains and machines differ by seconds. */
const AHEAD_MAX_MS = 30_000
/** So long after the newest block was seen nothing is made below it: it has gone, or never was. */
const GONE_AFTER_MS = 60_000
/** One question that fails is asked again: only what fails for so long is told. */
const UNANSWERED_MS = 10_000

type ChainName = LabelsOf<'weft_chain_head_block'>['chain'] & ('anchor' | 'source')

/** What the endpoints of one chain have told the role in passing: nothing is asked for it. */
export interface ChainSight {
  readonly onUse: OnEndpointUse
  /** The same of a request that another role of the process counts. */
  readonly onUseOfAll: OnEndpointUse
  /** The same chain, whose heads are noted. */
  anchor(chain: AnchorChain): AnchorChain
  source(chain: SourceChain): SourceChain
  head(): BlockRef | undefined
  unready(): readonly Unready[]
  readings(): readonly Reading[]
}

interface Seen {
  readonly name: ChainName
  readonly newest: { readonly block: BlockRef; readonly seenMs: number } | undefined
  /** From one block to the next, where several were seen. */
  readonly blockSeconds: number | undefined
  /** When a question was answered last, and when none was. */
  readonly answeredMs: number
  readonly failedMs: number
  /** Whether what came last was of another chain. */
  readonly isExchanged: boolean
}

function reasonsOf({ name, newest, blockSeconds, answeredMs, failedMs, isExchanged }: Seen, nowMs: number): UnreadyReason[] {
  if (failedMs > answeredMs && nowMs - answeredMs > UNANSWERED_MS) return [isExchanged ? `${name}_exchanged` : `${name}_unreachable`]
  // The source chain is read when an epoch asks for it: how old its newest block is says nothing.
  if (name === 'source' || newest === undefined) return []
  const [ageMs, lateAfterMs] = [nowMs - 1_000 * newest.block.timestamp, 1_000 * lateAfterSeconds(blockSeconds)]
  if (nowMs - newest.seenMs > lateAfterMs) return ['anchor_silent']
  if (ageMs > lateAfterMs) return ['anchor_old']
  return ageMs < -AHEAD_MAX_MS ? ['clock_behind'] : []
}

export function createChainSight(
  name: ChainName,
  { recorder, nowMs }: { readonly recorder: Recorder; readonly nowMs: () => number },
): ChainSight {
  let newest: Seen['newest']
  let [answeredMs, failedMs, lookedMs] = [0, 0, 0]
  let isExchanged = false
  const last: BlockRef[] = []

  /** What one endpoint said once, of a chain that never went so far, would be the newest block for ever. */
  function letGoOfGone({ number, timestamp }: BlockRef): void {
    if (newest === undefined || number >= newest.block.number || 1_000 * timestamp - newest.seenMs <= GONE_AFTER_MS) return
    newest = undefined
    last.length = 0
  }

  function saw(block: BlockRef): BlockRef {
    letGoOfGone(block)
    // Whoever reads older blocks has not looked at its end.
    if (block.number >= (newest?.block.number ?? -1)) lookedMs = nowMs()
    if (block.number > (newest?.block.number ?? -1)) {
      newest = { block, seenMs: nowMs() }
      last.push(block)
      if (last.length > PACE_BLOCKS) last.shift()
    }
    return block
  }

  function blockSeconds(): number | undefined {
    const [first, newest] = [last[0], last.at(-1)]
    if (first === undefined || newest === undefined || first === newest) return undefined
    return Math.max(0, newest.timestamp - first.timestamp) / (newest.number - first.number)
  }

  /** Of the newest block, which there is. */
  function readingsOf({ number, timestamp }: BlockRef): readonly Reading[] {
    const pace = blockSeconds()
    return [
      reading('weft_chain_head_block', number, { chain: name }),
      reading('weft_chain_head_age_seconds', Math.round(nowMs() / 1_000 - timestamp), { chain: name }),
      reading('weft_chain_looked_seconds', Math.round((nowMs() - lookedMs) / 1_000), { chain: name }),
      ...(pace === undefined ? [] : [reading('weft_chain_block_seconds', pace, { chain: name })]),
    ]
  }

  function looked<Result extends IteratorResult<ChainStep>>(result: Result): Result {
    if (result.done !== true && result.value.kind === 'block') saw(result.value.block)
    return result
  }

  /** By the iterator itself: another generator between would hand out each step some turns later. */
  function followed(steps: AsyncIterable<ChainStep>): AsyncIterable<ChainStep> {
    return {
      [Symbol.asyncIterator]() {
        const iterator = steps[Symbol.asyncIterator]()
        return {
          next: () => iterator.next().then(looked),
          return: () => iterator.return?.() ?? Promise.resolve({ done: true, value: undefined }),
        }
      },
    }
  }

  function onUseOfAll(use: EndpointUse): void {
    if ('lagBlocks' in use) return
    isExchanged = use.outcome === 'wrong_chain'
    if (use.outcome === 'ok') answeredMs = nowMs()
    else failedMs = nowMs()
  }

  return {
    onUseOfAll,
    onUse(use) {
      onUseOfAll(use)
      const { endpoint } = use
      if ('lagBlocks' in use) return recorder.set('weft_rpc_lag_blocks', { chain: name, endpoint }, use.lagBlocks)
      recorder.add('weft_rpc_requests_total', { chain: name, endpoint, outcome: use.outcome })
      if (use.tookMs !== undefined) recorder.add('weft_rpc_seconds_total', { chain: name, endpoint }, use.tookMs / 1_000)
    },
    anchor: (chain) => ({
      ...chain,
      head: async () => saw(await chain.head()),
      follow: (options) => followed(chain.follow(options)),
    }),
    source: (chain) => ({
      ...chain,
      head: async (tag) => saw(await chain.head(tag)),
      async block(number) {
        const block = await chain.block(number)
        return block && saw(block)
      },
    }),
    head: () => newest?.block,
    unready: () =>
      reasonsOf({ name, newest, blockSeconds: blockSeconds(), answeredMs, failedMs, isExchanged }, nowMs()).map((reason) => ({ reason })),
    readings: () => (newest === undefined ? [] : readingsOf(newest.block)),
  }
}
