import { WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import type { ManyRecoverer, Random } from '#io/keys/port.ts'
import type { Shared } from '#io/log/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import { type Life, live } from '#life/live.ts'
import type { RuleBook } from '#life/rules.ts'
import { type Counters, createCounters } from '#roles/sequencer/counters.ts'
import { createIntake, type IntakeDeps } from '#roles/sequencer/intake/admit.ts'
import { createSlotRates, SLOT_LIMITS, type SlotLimits } from '#roles/sequencer/intake/slot-rates.ts'
import { createWaiting } from '#roles/sequencer/intake/waiting.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { createFollowing, type Following } from './follow-view.ts'
import { createPassOn } from './pass-on.ts'

/** Of how many partitions the slots are: the same in all processes of the sequencer. */
export interface PartOptions {
  readonly partitions: number
  readonly slotLimits?: SlotLimits
}

/** What listeners and boxes need alike. */
export interface PartDeps {
  readonly shared: Shared
  readonly chain: AnchorChain
  readonly rules: RuleBook
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly report: Report
  readonly tracer?: Tracer | undefined
}

export interface Part {
  /** Works until the signal aborts; rejects on a failure that needs a person or a new start. */
  run(signal: AbortSignal): Promise<void>
  stats(): { readonly isReady: boolean; readonly receipts: Readonly<Partial<Record<ReceiptCode, number>>> }
}

/** A listener: takes deliveries and verifies them, and leaves to the box of their slot what becomes of them. Remembers what it has passed on, until its epoch is over. */
export function createListening(
  options: PartOptions,
  deps: PartDeps & {
    readonly listener: SubmissionListener
    readonly recoverer: ManyRecoverer
    /** With each release: most of what came for the epoch before is there by then. */
    readonly onRelease?: () => void
  },
): Part {
  const { shared, clock, onRelease } = deps
  return createPart(deps, async ({ following, counters, life }) => {
    const { record, isWayFull, signerOf, close } = createPassOn(options.partitions, { shared, clock, counters }, life)
    const judging = judgingBy({ following, counters, isOpen: following.isReleased, isDiskFull: () => false }, options, deps)
    // Nothing is written here: `record` hands it on.
    const intake = createIntake(
      { ...judging, listener: deps.listener, recoverer: deps.recoverer, store: WRITES_NOTHING, record, isWayFull, signerOf },
      life,
    )
    return { intake, reacting: { onReleased: () => onRelease?.(), onClosed: close } }
  })
}

const WRITES_NOTHING = {
  commit: () => Promise.reject(new WeftError('STOPPED', { what: 'writing of a listener' })),
  onFull: () => () => undefined,
}

interface Beginning {
  readonly following: Following
  readonly counters: Counters
  readonly life: Life
}

interface Begun {
  readonly intake: ReturnType<typeof createIntake>
  readonly reacting: Omit<Parameters<Following['run']>[0], 'onReady' | 'onHead'>
  /** When neither takes anything any more. */
  close?(): Promise<void>
}

/** A process that follows the chain and takes deliveries. */
export function createPart(deps: PartDeps, begin: (beginning: Beginning) => Promise<Begun>): Part {
  const counters = createCounters()
  let following: Following | undefined
  return {
    run: (signal) =>
      live(signal, async (life) => {
        const followed = await createFollowing(deps, life)
        following = followed
        const { intake, reacting, close } = await begin({ following: followed, counters, life })
        const onReady = () => deps.report('ready', { headBlock: followed.view.head?.number ?? 0 })
        const works = [followed.run({ ...reacting, onReady, onHead: intake.judgeWaiting }), intake.listen(life.signal)]
        await Promise.all(works.map(life.spawn))
        await close?.()
      }),
    stats: () => ({ isReady: following?.isReady() ?? false, receipts: counters.total() }),
  }
}

/** What a delivery is judged by, in a listener and in a box. */
export function judgingBy(
  { following, counters, isOpen, isDiskFull }: Omit<Beginning, 'life'> & Pick<IntakeDeps, 'isOpen' | 'isDiskFull'>,
  { slotLimits = SLOT_LIMITS }: PartOptions,
  { chain, rules, clock, report, tracer }: PartDeps,
): Omit<IntakeDeps, 'listener' | 'recoverer' | 'store' | 'record' | 'signerOf'> {
  const { view, rulesOf, isReleased, isReady } = following
  return {
    served: { dataMarket: chain.dataMarket, protocolState: chain.protocolState, expectedProjects: undefined },
    view,
    rules,
    rulesOf,
    isReady,
    isOpen,
    isDiskFull,
    isReleased,
    isTaking: (epochId) => view.epoch(epochId) !== undefined,
    hasher: createSubmissionHasher(chain),
    slotRates: createSlotRates(slotLimits, clock.nowMs),
    clock,
    report,
    tracer,
    counters,
    waiting: createWaiting(),
  }
}
