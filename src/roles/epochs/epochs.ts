import { codeOf } from '#domain/contract-codes.ts'
import type { Report } from '#domain/events.ts'
import { type BlockNumber, type EpochId, parseBlockNumber } from '#domain/ids.ts'
import type { AnchorChain, HeadTag, MarketState, ProtocolSender, SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Random } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import { watchAppointment } from '#life/appointment.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { live } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { type CatchUp, createCatchUp } from './catch-up.ts'
import { release } from './release.ts'
import { watch } from './watch.ts'

export interface EpochsOptions {
  /** How many blocks an epoch's end must lie below the source head, against reorganisations. */
  readonly headOffset: number
  /** First source block of a market's first epoch; 0 begins at the head. Without effect once an epoch was released. */
  readonly firstBlock: number
  /** What the source chain must call a block before an epoch may end with it, beside the offset. */
  readonly headTag: HeadTag
  readonly catchUp: CatchUp
  readonly pollMs: number
}

export interface EpochsDeps {
  readonly chain: AnchorChain
  readonly source: SourceChain
  /** Of the market's epoch manager. */
  readonly sender: ProtocolSender
  readonly store: Store
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly report: Report
}

export interface EpochsStats {
  /** Epochs released since the start. */
  readonly released: number
  /** Releases that the contract refused. */
  readonly refused: number
  /** Steps that failed and were begun again. */
  readonly retries: number
}

export interface Epochs {
  /** Works until the signal aborts; then resolves. Rejects on a failure that needs a person, or a bug. */
  run(signal: AbortSignal): Promise<void>
  stats(): EpochsStats
}

/** The contract's code for a skip by anybody but the market's owner. */
const NOT_THE_OWNER = 'E03'
const FIRST_KEY = 'epochs/first'
const REFUSALS_PREFIX = 'epochs/refused/'
/** Refused ranges that are remembered: more than any reorganisation takes back. */
const REFUSED_RANGES_MAX = 256
/** Longest pause after failures or refusals in a row. */
const FAILURE_PAUSE_MAX_MS = 30_000

export interface NextEpoch {
  readonly epochId: EpochId
  readonly begin: BlockNumber
}

/** The next epoch, and where it begins: after the contract's last one, or, before the first, where it was once decided to begin (E1). */
export async function nextEpoch(options: EpochsOptions, deps: EpochsDeps): Promise<NextEpoch> {
  const { epochId, end } = await deps.chain.currentEpoch()
  return { epochId: (epochId + 1) as EpochId, begin: epochId > 0 ? ((end + 1) as BlockNumber) : await firstBegin(options, deps) }
}

async function firstBegin(options: EpochsOptions, { source, store }: EpochsDeps): Promise<BlockNumber> {
  const decided = store.get(FIRST_KEY)
  if (decided !== undefined) return parseBlockNumber(new TextDecoder().decode(decided))
  const first = options.firstBlock > 0 ? options.firstBlock : (await source.head()).number
  // Written down before anything is sent: after a crash the head would be another, and the first epoch released might not be the one waited for.
  await store.commit([{ key: FIRST_KEY, value: new TextEncoder().encode(String(first)) }])
  return first as BlockNumber
}

/**
 * How often the contract has refused a range, which is the number of its next intent. On disk: a release that a reorganisation took back,
 * or that a restart finds under way, goes out under the intent that it had and no other (E4).
 */
function openRefusals(store: Store) {
  const keyOf = (begin: BlockNumber): string => `${REFUSALS_PREFIX}${String(begin).padStart(16, '0')}`
  function of(begin: BlockNumber): number {
    const times = store.get(keyOf(begin))
    return times === undefined ? 0 : Number(new TextDecoder().decode(times))
  }
  return {
    of,
    /** Resolves when it is on disk. */
    async count(begin: BlockNumber): Promise<number> {
      const times = of(begin) + 1
      const kept = store.scan(REFUSALS_PREFIX).filter(({ key }) => key !== keyOf(begin))
      const forgotten = kept.slice(0, Math.max(0, kept.length + 1 - REFUSED_RANGES_MAX))
      await store.commit([...forgotten.map(({ key }) => ({ key })), { key: keyOf(begin), value: new TextEncoder().encode(String(times)) }])
      return times
    },
  }
}

/** Releases one epoch after the other, without a gap: next range → complete and one chain → on the anchor chain. */
export function createEpochs(options: EpochsOptions, deps: EpochsDeps): Epochs {
  const backoff: Backoff = { firstMs: options.pollMs * 2, lastMs: FAILURE_PAUSE_MAX_MS }
  const refusals = openRefusals(deps.store)
  const counts = { released: 0, refused: 0, retries: 0 }

  const catchUp = createCatchUp(options, deps)

  /** One range on its way. Returns how often the contract has refused it by now, if it did. */
  async function releaseNext(market: MarketState, signal: AbortSignal): Promise<number | undefined> {
    const last = await nextEpoch(options, deps)
    const isStillNext = async () => (await nextEpoch(options, deps)).begin === last.begin
    const before = { epochId: (last.epochId - 1) as EpochId, end: (last.begin - 1) as BlockNumber }
    const skipped = await catchUp.turn(before, market, isStillNext, signal)
    if (skipped === undefined) return undefined
    const begin = (last.begin + skipped * market.epochSize) as BlockNumber
    const epoch = await watch(begin, { ...options, epochSize: market.epochSize }, deps, signal)
    // While the range ripened the anchor chain may have taken the one before it back, and a first epoch may begin anywhere (E1).
    const next = await nextEpoch(options, deps)
    if (next.begin !== last.begin) return undefined
    const outcome = await release({ ...epoch, epochId: (next.epochId + skipped) as EpochId, skipped }, refusals.of(begin), deps, signal)
    counts[outcome.kind === 'refused' ? 'refused' : 'released'] += 1
    if (outcome.kind === 'done') return undefined
    const times = await refusals.count(begin)
    const isForTheOwner = skipped > 0 && codeOf(outcome.reason) === NOT_THE_OWNER
    if (isForTheOwner) catchUp.skipNoMore()
    // Another generator was first: there is nothing to wait for.
    return isForTheOwner || !(await isStillNext()) ? undefined : times
  }

  async function releaseAll(signal: AbortSignal): Promise<void> {
    let market: MarketState | undefined
    let isRetry = false
    async function attempt(): Promise<number | undefined> {
      if (isRetry) counts.retries += 1
      isRetry = true
      market ??= await deps.chain.market()
      return releaseNext(market, signal)
    }
    while (!signal.aborted) {
      isRetry = false
      // The same step again: a call that was sent is found by its intent, so nothing is skipped and nothing sent twice.
      const refused = await persist({ doing: 'release', attempt, signal, backoff }, deps)
      // A market may be enabled, or the manager named, at any time.
      if (refused !== undefined) await deps.clock.sleep(pauseMs(backoff, refused, deps.random), signal)
    }
  }

  return {
    run: (signal) =>
      live(signal, (life) => {
        void life.spawn(releaseAll(life.signal))
        void life.spawn(watchAppointment('epochManager', deps, life.signal))
      }),
    stats: () => ({ ...counts }),
  }
}
