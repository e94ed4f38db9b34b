import { type AnchorView, createAnchorView, type ReleasedEpoch } from '#domain/anchor-view.ts'
import type { EpochState } from '#domain/epoch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import { isBatchWindowOver } from '#domain/window.ts'
import type { AnchorChain, MarketState, ProtocolSender } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { ManyRecoverer, Random, Signer } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import { watchAppointment } from '#life/appointment.ts'
import type { Held } from '#life/copies.ts'
import { type Life, live } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { restoredUpTo } from '#life/restored.ts'
import { retain } from '#life/retention.ts'
import type { RuleBook } from '#life/rules.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { type Counters, createCounters, type LastSeen } from './counters.ts'
import { createAccounts } from './days/accounts.ts'
import type { RewardOptions } from './days/reward.ts'
import type { Tallies } from './days/tallies.ts'
import { createEpochRules, type RulesOfEpochs } from './epoch-rules.ts'
import { createIntake, type IntakeDeps } from './intake/admit.ts'
import { type Ballots, createBallots } from './intake/record.ts'
import { createSlotRates, SLOT_LIMITS, type SlotLimits } from './intake/slot-rates.ts'
import type { ServedMarket } from './intake/verify.ts'
import { createWaiting, type Waiting } from './intake/waiting.ts'
import { createLedger, type EpochEntry, type Ledger } from './ledger.ts'
import type { GatherDeps, Gathering } from './scale-out/gather.ts'
import { noteVoid } from './seal/outcome.ts'
import { createPlannedVotes } from './seal/planned-votes.ts'
import { createSealing } from './seal/sealing.ts'
import { watch } from './watch.ts'

export interface SequencerOptions extends RewardOptions {
  /** When given, only these projects are taken, and those that nobody submits are reported as missed. */
  readonly expectedProjects?: readonly ProjectId[]
  /** Of a batch file, unless a single project takes more. */
  readonly batchBytesMax: number
  /** Finished epochs whose votes and evidence stay on disk. */
  readonly epochsKept: number
  /** Newest epochs whose batches stay on IPFS here. */
  readonly ipfsEpochsKept: number
  /** Days before the current one whose counts stay. */
  readonly daysKept: number
  readonly slotLimits?: SlotLimits
}

export interface SequencerDeps {
  readonly store: Store
  readonly chain: AnchorChain
  /** What the market asks for. */
  readonly rules: RuleBook
  readonly sender: ProtocolSender
  readonly ipfs: Ipfs
  /** Says when enough places hold a batch. Without it the node's own copy is enough. */
  readonly copies?: Held | undefined
  readonly listener: SubmissionListener
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly recoverer: ManyRecoverer
  /** Signs receipts, with the account that anchors; without it they are sent unsigned. */
  readonly receiptSigner?: Pick<Signer, 'signHashOf'> | undefined
  readonly report: Report
  readonly tracer?: Tracer | undefined
  /** Where the votes come from, if not from an intake of its own. */
  readonly gather?: ((deps: GatherDeps) => Gathering) | undefined
  /** Called when the sequencer has done all it can for an epoch. */
  readonly onEpoch?: (record: EpochEntry) => void
}

export interface SequencerStats {
  readonly isReady: boolean
  readonly headBlock: number | undefined
  /** Deliveries by what their receipt said, since the start. */
  readonly receipts: Readonly<Partial<Record<ReceiptCode, number>>>
  /** Votes taken after their signed deadline; deployed nodes may sign without any buffer, so this is no rejection. */
  readonly pastDeadline: number
  /** Deliveries that no receipt would reach, kept until the chain decides about them. */
  readonly waiting: number
  readonly unfinishedEpochs: number
}

export interface Sequencer {
  /** Works until the signal aborts; then resolves when nothing is under way any more. Rejects on a failure that needs a person, or a bug. */
  run(signal: AbortSignal): Promise<void>
  stats(): SequencerStats
  statsOfSlot(slotId: SlotId): Readonly<Partial<Record<ReceiptCode, number>>>
  /** What is known of an epoch; live while it is open. `undefined` when it was never seen, or is too old. */
  epoch(epochId: EpochId): EpochEntry | undefined
  /** The highest epoch that was seen released; 0 before the first. */
  newestEpochId(): EpochId
  /** When a slot last submitted, with its own signature, since the start. */
  lastSeen(slotId: SlotId): LastSeen
  /** What slots have delivered, by day. Throws `DAYS_NOT_READ` while the chain is still being read. */
  tallies(): Tallies
}

/** What the two halves of the flow share. */
export interface Sequencing extends Omit<IntakeDeps, 'store'>, SequencerDeps {
  readonly options: SequencerOptions
  readonly contract: MarketState
  readonly epochRules: RulesOfEpochs
  readonly view: AnchorView
  readonly ledger: Ledger
  readonly ballots: Ballots
  readonly gathering: Gathering | undefined
  /** S32: not all that was taken and sent for it is known here. */
  isRestored(epochId: EpochId): boolean
}

/** States in which votes may be taken while the window is open: of what is planned it is so only after a reorganisation (S10). */
const TAKING: ReadonlySet<EpochState | undefined> = new Set<EpochState>(['released', 'planned', 'anchored', 'ended'])

interface Memory {
  readonly ledger: Ledger
  readonly counters: Counters
  readonly waiting: Waiting
  isReady(): boolean
}

function isStillToBeJudged(epoch: ReleasedEpoch, { view, contract }: Sequencing): boolean {
  const isThere = view.epoch(epoch.epochId) === epoch
  return isThere && !isBatchWindowOver(epoch.release.contractNumber, view.head?.contractNumber, contract)
}

/** Reads what the contracts say, once. */
async function prepare(options: SequencerOptions, deps: SequencerDeps, memory: Memory, life: Life): Promise<Sequencing> {
  const { chain } = deps
  const { ledger } = memory
  const contract = await persist({ doing: 'read_market', attempt: () => chain.market(), signal: life.signal }, deps)
  const view = createAnchorView()
  const restored = await restoredUpTo(deps, life)
  const isRestored = (epochId: EpochId): boolean => restored !== undefined && epochId <= restored
  const epochRules = createEpochRules({ ...deps, contract }, life)
  const rulesOf = epochRules.of
  const { expectedProjects } = options
  const served: ServedMarket = {
    dataMarket: chain.dataMarket,
    protocolState: chain.protocolState,
    expectedProjects: expectedProjects && new Set(expectedProjects),
  }
  const gathering = deps.gather?.({ store: deps.store, view, contract })
  const ballots = gathering?.ballots ?? createBallots({ store: deps.store, view, rulesOf, isLeftOut: createPlannedVotes(ledger) })
  return {
    ...deps,
    ...memory,
    options,
    contract,
    view,
    served,
    epochRules,
    rulesOf,
    ballots,
    gathering,
    isRestored,
    record: ballots.record,
    signerOf: ballots.signerOf,
    isTaking: (epochId) => view.epoch(epochId) !== undefined && ledger.stateOf(epochId) === 'released' && !isRestored(epochId),
    isOpen: (epochId) => ledger.isReleased(epochId) && TAKING.has(ledger.stateOf(epochId)) && !isRestored(epochId),
    isReleased: (epochId) => ledger.isReleased(epochId),
    isDiskFull: deps.store.isFull,
    hasher: createSubmissionHasher(chain),
    slotRates: createSlotRates(options.slotLimits ?? SLOT_LIMITS, deps.clock.nowMs),
  }
}

export function createSequencer(options: SequencerOptions, deps: SequencerDeps): Sequencer {
  const ledger = createLedger(options, deps)
  const counters = createCounters()
  const waiting = createWaiting()
  let work: Sequencing | undefined
  let isReady = false
  let tallies: Tallies | undefined

  async function begin(life: Life): Promise<void> {
    work = await prepare(options, deps, { ledger, counters, waiting, isReady: () => isReady }, life)
    const sequencing = work
    const sealing = createSealing(sequencing, life)
    const intake = createIntake(sequencing, life)
    const accounts = createAccounts(sequencing, life)
    tallies = accounts.tallies
    const watching = {
      ...sequencing,
      onReady() {
        isReady = true
        deps.report('ready', { headBlock: sequencing.view.head?.number ?? 0 })
      },
      windowOf: (epoch: ReleasedEpoch) => sequencing.rulesOf(epoch)?.window,
      onReleased: (epoch: ReleasedEpoch) => sequencing.epochRules.learn(epoch, () => isStillToBeJudged(epoch, sequencing)),
      onVoid: (epochId: EpochId) => noteVoid(epochId, sequencing),
      onBegin: accounts.onBegin,
      onStep: accounts.onStep,
      async onHead() {
        await intake.judgeWaiting()
        sequencing.gathering?.onHead()
        accounts.wake()
      },
      onClosed: sealing.take,
      onTakenBack: sealing.takeAgain,
      onDisputed: sealing.takeDisputed,
    }
    void life.spawn(watchAppointment('sequencer', deps, life.signal))
    const retaining = { ...deps, followed: ledger.newest }
    void life.spawn(retain([{ epochsKept: options.ipfsEpochsKept, letGo: deps.ipfs.letGo }], retaining, life.signal))
    await Promise.all([
      life.spawn(watch(watching, life.signal)),
      life.spawn(intake.listen(life.signal)),
      life.spawn(sequencing.gathering?.follow(life.signal) ?? Promise.resolve()),
    ])
    await sealing.idle()
    isReady = false
  }

  return {
    async run(signal) {
      if (work !== undefined) throw new WeftError('STOPPED', { what: 'sequencer' })
      await live(signal, begin)
    },
    stats: () => ({
      isReady,
      headBlock: work?.view.head?.number,
      receipts: counters.total(),
      pastDeadline: counters.pastDeadline(),
      waiting: waiting.length(),
      unfinishedEpochs: [...ledger.unfinished()].length,
    }),
    tallies() {
      if (!isReady || tallies === undefined) throw new WeftError('DAYS_NOT_READ', { what: 'counts by day' })
      return tallies
    },
    statsOfSlot: (slotId) => counters.ofSlot(slotId),
    newestEpochId: () => ledger.newest(),
    lastSeen: (slotId) => counters.lastSeen(slotId),
    epoch(epochId) {
      const record = ledger.get(epochId)
      if (record?.state !== 'released' || work === undefined) return record
      return { ...record, accepted: work.ballots.count(epochId), rejected: counters.rejectedOf(epochId) }
    },
  }
}
