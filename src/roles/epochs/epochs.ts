import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import { type BlockNumber, type EpochId, parseBlockNumber } from '#domain/ids.ts'
import type { AnchorChain, ProtocolSender, SourceChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Store } from '#io/store/port.ts'
import { watchAppointment } from '#life/appointment.ts'
import { release } from './release.ts'
import { watch } from './watch.ts'

export interface EpochsOptions {
  /** How many blocks an epoch's end must lie below the source head, against reorganisations. */
  readonly headOffset: number
  /** First source block of a market's first epoch; 0 begins at the head. Without effect once an epoch was released. */
  readonly firstBlock: number
  readonly pollMs: number
}

export interface EpochsDeps {
  readonly chain: AnchorChain
  readonly source: SourceChain
  /** Of the market's epoch manager. */
  readonly sender: ProtocolSender
  readonly store: Store
  readonly clock: Clock
  readonly report: Report
}

export interface Epochs {
  /** Works until the signal aborts; then resolves. Rejects on a failure that needs a person, or a bug. */
  run(signal: AbortSignal): Promise<void>
}

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
export function openRefusals(store: Store) {
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
  const pauseMs = (failures: number): number => Math.min(options.pollMs * 2 ** failures, FAILURE_PAUSE_MAX_MS)

  async function rest(durationMs: number, signal: AbortSignal): Promise<void> {
    try {
      await deps.clock.sleep(durationMs, signal)
    } catch (cause) {
      if (!signal.aborted) throw cause
    }
  }

  const refusals = openRefusals(deps.store)

  /** One range on its way. Returns how often the contract has refused it by now, if it did. */
  async function releaseNext(epochSize: number, signal: AbortSignal): Promise<number | undefined> {
    const { begin } = await nextEpoch(options, deps)
    const epoch = await watch(begin, { ...options, epochSize }, deps, signal)
    // While the range ripened the anchor chain may have taken the one before it back, and a first epoch may begin anywhere (E1).
    const next = await nextEpoch(options, deps)
    if (next.begin !== begin) return undefined
    const outcome = await release({ ...epoch, epochId: next.epochId }, refusals.of(begin), deps, signal)
    return outcome.kind === 'refused' ? refusals.count(begin) : undefined
  }

  async function releaseAll(signal: AbortSignal): Promise<void> {
    let epochSize: number | undefined
    let failures = 0
    while (!signal.aborted) {
      let pause = 0
      try {
        epochSize ??= (await deps.chain.market()).epochSize
        const refused = await releaseNext(epochSize, signal)
        failures = 0
        // A market may be enabled, or the manager named, at any time.
        pause = refused === undefined ? 0 : pauseMs(refused)
      } catch (failure) {
        if (signal.aborted) return
        if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
        failures += 1
        // The same step again: a call that was sent is found by its intent, so nothing is skipped and nothing sent twice.
        deps.report('will_try_again', { ...toldOf(failure), doing: 'release', pauseMs: pauseMs(failures) })
        pause = pauseMs(failures)
      }
      if (pause > 0) await rest(pause, signal)
    }
  }

  return {
    async run(signal) {
      const stop = new AbortController()
      const ending = AbortSignal.any([signal, stop.signal])
      const fail = (failure: unknown) => stop.abort(failure)
      await Promise.all([releaseAll(ending).catch(fail), watchAppointment('epochManager', deps, ending).catch(fail)])
      if (stop.signal.aborted && !signal.aborted) throw stop.signal.reason
    },
  }
}
