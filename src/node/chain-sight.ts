import { type LabelsOf, reading, type Reading } from '#domain/metrics.ts'
import type { UnreadyReason } from '#domain/reasons.ts'
import type { Recorder } from '#domain/recorder.ts'
import type { AnchorChain, BlockRef, ChainStep, SourceChain } from '#io/chain/port.ts'
import type { EndpointUse, OnEndpointUse } from '#io/chain/rpc/health.ts'
import type { Unready } from './role.ts'

/** Beyond the block time of any chain that a market is on: as `./weft rpc check` has it. */
const OLD_AFTER_MS = 120_000
/** Clocks of chains and machines differ by seconds. */
const AHEAD_MAX_MS = 30_000
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
  /** When a question was answered last, and when none was. */
  readonly answeredMs: number
  readonly failedMs: number
  /** Whether what came last was of another chain. */
  readonly isExchanged: boolean
}

function reasonsOf({ name, newest, answeredMs, failedMs, isExchanged }: Seen, nowMs: number): UnreadyReason[] {
  if (failedMs > answeredMs && nowMs - answeredMs > UNANSWERED_MS) return [isExchanged ? `${name}_exchanged` : `${name}_unreachable`]
  // The source chain is read when an epoch asks for it: how old its newest block is says nothing.
  if (name === 'source' || newest === undefined) return []
  const ageMs = nowMs - 1_000 * newest.block.timestamp
  if (nowMs - newest.seenMs > OLD_AFTER_MS) return ['anchor_silent']
  if (ageMs > OLD_AFTER_MS) return ['anchor_old']
  return ageMs < -AHEAD_MAX_MS ? ['clock_behind'] : []
}

export function createChainSight(
  name: ChainName,
  { recorder, nowMs }: { readonly recorder: Recorder; readonly nowMs: () => number },
): ChainSight {
  let newest: Seen['newest']
  let [answeredMs, failedMs] = [0, 0]
  let isExchanged = false

  function saw(block: BlockRef): BlockRef {
    if (block.number > (newest?.block.number ?? -1)) newest = { block, seenMs: nowMs() }
    return block
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
    unready: () => reasonsOf({ name, newest, answeredMs, failedMs, isExchanged }, nowMs()).map((reason) => ({ reason })),
    readings: () =>
      newest === undefined
        ? []
        : [
            reading('weft_chain_head_block', newest.block.number, { chain: name }),
            reading('weft_chain_head_age_seconds', Math.round(nowMs() / 1_000 - newest.block.timestamp), { chain: name }),
          ],
  }
}
