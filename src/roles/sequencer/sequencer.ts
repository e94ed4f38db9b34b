import pLimit, { type LimitFunction } from 'p-limit'
import { type AnchorView, createAnchorView, type ReleasedEpoch } from '#domain/anchor-view.ts'
import { isEpochOver } from '#domain/epoch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { BlockNumber, EpochId, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import { lastBatchBlock } from '#domain/window.ts'
import type { AnchorChain, ChainStep, MarketState, ProtocolSender } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Random, Recoverer } from '#io/keys/port.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import { watchAppointment } from '#life/appointment.ts'
import type { Held as HeldCopies } from '#life/copies.ts'
import { type Life, live } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { retain } from '#life/retention.ts'
import type { RuleBook } from '#life/rules.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { receive } from '#wire/receive.ts'
import { type Counters, createCounters, type LastSeen } from './counters.ts'
import { createCounting } from './days/count.ts'
import { readOthers } from './days/others.ts'
import { createRewarding, type RewardOptions } from './days/reward.ts'
import { createTallies, type Tallies } from './days/tallies.ts'
import { createEpochRules, type EpochRules, type RulesOfEpochs } from './epoch-rules.ts'
import { type Ballots, createBallots, type Recorded } from './intake/record.ts'
import { isAwaited, type ServedMarket, verify, type VerifyDeps } from './intake/verify.ts'
import { createWaiting, type Held, type Waiting } from './intake/waiting.ts'
import { createLedger, type EpochEntry, isLost, isUnsent, type Ledger } from './ledger.ts'
import { anchor, type Anchored, type AnchorFailure, end, type EndOutcome } from './seal/anchor.ts'
import { batch, type FreshBatch, type PlannedBatch } from './seal/batch.ts'
import { collect } from './seal/collect.ts'
import { type CorrectDeps, correct } from './seal/correct.ts'
import { finalize } from './seal/finalize.ts'
import { keep } from './seal/keep.ts'
import { noteAnchored, noteClosed, noteEnded, notePlan, noteUnjudged, noteVoid } from './seal/outcome.ts'
import { pinAll, type Pins } from './seal/pin.ts'
import { type Breathe, createTurns } from './seal/turns.ts'
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
}

export interface SequencerDeps {
  readonly store: Store
  readonly chain: AnchorChain
  /** What the market asks for. */
  readonly rules: RuleBook
  readonly sender: ProtocolSender
  readonly ipfs: Ipfs
  /** Says when enough places hold a batch. Without it the node's own copy is enough. */
  readonly copies?: HeldCopies | undefined
  readonly listener: SubmissionListener
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly recoverer: Recoverer
  readonly report: Report
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
export interface Sequencing extends VerifyDeps, SequencerDeps {
  readonly options: SequencerOptions
  readonly contract: MarketState
  readonly epochRules: RulesOfEpochs
  readonly view: AnchorView
  readonly ledger: Ledger
  readonly ballots: Ballots
  readonly counters: Counters
  readonly waiting: Waiting
}

/**
 * From delivery to receipt: receive → verify → record → receipt. A receipt is sent only when what it says is on disk (G1, S1), so all
 * deliveries of a group share one commit. No group is answered when the one before it, `earlier`, could not be written: a `duplicate` of what
 * was in that would be a lie. What a later block decides, of a peer that cannot come again, is judged then (S11). Never throws over what a
 * delivery holds.
 */
export async function admit(deliveries: readonly Inbound[], deps: Sequencing, earlier: Promise<void>): Promise<void> {
  const writes: StoreWrite[] = []
  const answers = deliveries.flatMap((delivery) => {
    const outcome = admitOne(delivery, deps)
    if ('delivery' in outcome) return hold(outcome, deps)
    if ('writes' in outcome) writes.push(...outcome.writes)
    return [{ delivery, code: outcome.code, reason: outcome.reason }]
  })
  // With the groups before, the first vote that a `duplicate` speaks of is durable too.
  await Promise.all([earlier, writes.length > 0 ? deps.store.commit(writes) : undefined])
  for (const answer of answers) respond(answer)
}

interface Answer {
  readonly delivery: Inbound
  readonly code: ReceiptCode
  readonly reason: string
}

function respond({ delivery, code, reason }: Answer): void {
  delivery.respond({ submissionId: delivery.submissionId as SubmissionId, code, reason })
}

function admitOne(delivery: Inbound, deps: Sequencing): Recorded | Held | { readonly code: ReceiptCode; readonly reason: string } {
  const form = receive(delivery)
  if (!form.ok) return refused(form.why, {}, deps)
  const { submission } = form.received
  const { epochId, slotId, deadlineBlock } = submission.request
  const verdict = verify(submission, deps)
  if (!verdict.ok) {
    // "Send again" would be heard by nobody.
    if (delivery.protocol === 'collect' && isAwaited(submission, verdict.why, deps)) return { delivery, submission, why: verdict.why }
    return refused(verdict.why, isTaking(epochId, deps) ? { epochId } : {}, deps)
  }
  const recorded = deps.ballots.record({ ...form.received, signer: verdict.signer })
  deps.counters.count(recorded.code, { epochId, signedBySlot: slotId })
  deps.counters.countSeen(slotId, { atMs: deps.clock.nowMs(), nodeVersion: submission.nodeVersion, isSimulated: epochId === 0 })
  if (recorded.code === 'accepted' && (deps.view.head?.number ?? 0) > deadlineBlock) deps.counters.countPastDeadline()
  return recorded
}

/** Keeps a delivery for later. What has no place is refused as what it is. */
function hold(held: Held, deps: Sequencing): Answer[] {
  const displaced = deps.waiting.hold(held)
  return displaced === undefined ? [] : [giveUp(displaced, deps)]
}

function giveUp({ delivery, submission, why }: Held, deps: Sequencing): Answer {
  const { epochId } = submission.request
  return { delivery, ...refused(why, isTaking(epochId, deps) ? { epochId } : {}, deps) }
}

/** Refusals are counted apart for these epochs only: their number is the chain's, not the sender's. */
const isTaking = (epochId: EpochId, { view, isOpen }: Sequencing): boolean => view.epoch(epochId) !== undefined && isOpen(epochId)

function refused(
  code: ReceiptCode,
  about: { readonly epochId?: EpochId },
  { counters }: Sequencing,
): { readonly code: ReceiptCode; readonly reason: string } {
  counters.count(code, about)
  return { code, reason: '' }
}

/**
 * From the close of the window, which `closedBlock` showed, to the end of the epoch: collect → finalize → keep → batch → pin → anchor → end. Each step is on record before
 * the next begins, so that after a crash at any point calling this again goes on (S4).
 */
export async function seal(epoch: ReleasedEpoch, closedBlock: BlockNumber, deps: Sequencing, signal: AbortSignal): Promise<EpochEntry> {
  const { epochId } = epoch
  const closed = await noteClosed(epochId, closedBlock, deps)
  let justPlanned: readonly FreshBatch[] | undefined
  if (closed.state === 'closed') {
    const rules = deps.rulesOf(epoch)
    if (rules === undefined) return noteUnjudged(epochId, deps) // S12: never by the rules of another epoch.
    const breathe = breathing(deps)
    const { counted, accepted, cost } = await count(epoch, rules, { ...deps, breathe }, signal)
    const gasMax = await readGasMax(deps, signal)
    justPlanned = await batch(counted, { bytesMax: deps.options.batchBytesMax, gasMax, rules, breathe }) // Pure: same outcome, same bytes, same CIDs.
    await notePlan(epochId, { counted, planned: justPlanned, accepted, kept: cost }, deps) // S4: written down before anything leaves the house.
  }
  const entry = deps.ledger.get(epochId) as EpochEntry
  if (entry.state === 'planned') {
    const batches = justPlanned ?? deps.ledger.plans(epochId)
    const put = await pinAndPut(entry, batches, deps, signal) // S5: nothing that nobody can fetch. S6: each once, in order.
    if (isUndone(epochId, deps)) return entry // S10: `revise` is next, and decides.
    const anchored = await noteAnchored(epochId, { batches, ...put }, deps)
    if (anchored.state === 'missed') return anchored
  }
  if (isUndone(epochId, deps)) return entry
  const ended = await putEnd(entry, deps, signal) // S7: only after every batch is on chain.
  return isUndone(epochId, deps) ? entry : noteEnded(epochId, ended, deps)
}

/** What a transaction of the chain may have. What is planned stays as it was cut. */
function readGasMax(deps: Sequencing, signal: AbortSignal): Promise<number> {
  return persist({ doing: 'read_gas_max', attempt: () => deps.sender.gasMax(), signal }, deps)
}

/** Receipts of the next epoch go on while one is sealed. */
const breathing = ({ clock }: Sequencing): Breathe => createTurns(() => clock.sleep(0), clock)

/** collect → finalize → keep: what the votes of an epoch give. */
async function count(epoch: ReleasedEpoch, rules: EpochRules, deps: Sequencing & { readonly breathe: Breathe }, signal: AbortSignal) {
  const ballots = await collect(epoch.epochId, rules.window, deps, deps.breathe) // Durable and verified, by project, then slot.
  const finalized = await finalize(ballots, rules.tally, deps.breathe) // Pure: same votes, same outcome (G2).
  const accepted = ballots.length
  if (rules.availability === 'none') return { counted: finalized, accepted, cost: undefined }
  return { accepted, ...(await keep(epoch, finalized, deps, signal)) } // S14: nothing becomes final that nobody has.
}

/** What a majority of the validators refuted: correct → pin → anchor, in the round that the refutation has begun (S23). */
async function answer(epochId: EpochId, deps: Sequencing, signal: AbortSignal): Promise<void> {
  if (isUndone(epochId, deps)) return
  const { ledger } = deps
  const mine = { ...deps, breathe: breathing(deps), gasMax: (until: AbortSignal) => readGasMax(deps, until) }
  const counting = { ...mine, count: async (...of: Parameters<CorrectDeps['count']>) => (await count(of[0], of[1], mine, of[2])).counted }
  const batches = await correct(epochId, counting, signal)
  if (batches.length === 0) return
  const entry = ledger.get(epochId) as EpochEntry
  const put = await pinAndPut(entry, batches, deps, signal)
  if (!isUndone(epochId, deps) && ledger.get(epochId) !== undefined) await noteAnchored(epochId, { batches, ...put }, deps)
}

/** Pins for as long as a batch window lasts: that of the epoch, or of its last round. */
function pinUntil({ epochId, release }: EpochEntry, batches: readonly PlannedBatch[], deps: Sequencing, signal: AbortSignal): Pins {
  const { view, contract } = deps
  const last = lastBatchBlock(view.rounds(epochId)?.start ?? release.number, contract)
  return pinAll(epochId, { batches, isInTime: () => (view.head?.number ?? 0) <= last }, deps, signal)
}

/** Puts the batches on chain, however long that takes; those of which it is not known that they can be fetched, when they can (S5). */
function pinAndPut(entry: EpochEntry, batches: readonly PlannedBatch[], deps: Sequencing, signal: AbortSignal): Promise<Anchored> {
  const isUnread = ({ batchCid }: PlannedBatch) => entry.state === 'planned' || isUnsent(entry, batchCid) || isLost(entry, batchCid)
  const pins = pinUntil(entry, batches.filter(isUnread), deps, signal)
  const attempt = () => explained(entry.epochId, anchor(entry, { batches, pins }, deps, signal), deps)
  return persist({ doing: 'anchor', attempt, signal }, deps)
}

function putEnd(entry: EpochEntry, deps: Sequencing, signal: AbortSignal): Promise<EndOutcome> {
  return persist({ doing: 'end', attempt: () => explained(entry.epochId, end(entry, deps, signal), deps), signal }, deps)
}

/** A chain without the release refuses all calls of its epoch. That is nobody's end: the rollback that says so is still on its way here. */
async function explained<Outcome extends EndOutcome | Anchored>(
  epochId: EpochId,
  calling: Promise<Outcome>,
  deps: Sequencing,
): Promise<Outcome> {
  const outcome = await calling
  const whys: readonly unknown[] = typeof outcome === 'string' ? [outcome] : outcome.failures
  if (whys.includes('release_undone') && !isUndone(epochId, deps))
    throw new WeftError('CALL_NOT_SETTLED', { call: `epoch ${epochId}`, waitedMs: 0 })
  return outcome
}

/** Whether the release of the epoch is gone from the chain, as far as it was followed. */
const isUndone = (epochId: EpochId, { ledger }: Sequencing): boolean => !ledger.isReleased(epochId)

/**
 * After a reorganisation: the calls of an epoch once more. Each finds itself on the chain, or goes out again as it was (S10); what came too
 * late is noted. Where the release went too, and with it all that was built on it, the epoch begins anew with its next release.
 */
async function revise(epochId: EpochId, deps: Sequencing, signal: AbortSignal): Promise<void> {
  const { ledger, report } = deps
  const entry = ledger.get(epochId)
  if (entry === undefined || entry.state === 'released' || entry.state === 'void') return
  if (entry.state !== 'ended' && !isUndone(epochId, deps)) return
  // What a dispute has planned and not sent yet is not read back from IPFS either (S5): `answer` is next.
  const sent = ledger.plans(epochId).filter(({ batchCid }) => !isUnsent(entry, batchCid))
  // Nor was perhaps what was lost: it holds up none of the others.
  const batches = sent.toSorted((one, other) => Number(isLost(entry, one.batchCid)) - Number(isLost(entry, other.batchCid)))
  const isOnWay = isUndone(epochId, deps) && (entry.state === 'anchored' || entry.state === 'ended')
  const calling = pinAndPut(entry, batches, deps, signal)
  // At once: an old end that is left behind would be mined after the next release, and end the epoch that has just begun again.
  const ending = isOnWay ? putEnd(entry, deps, signal) : undefined
  let [put] = await Promise.all([calling, ending])
  if (isUndone(epochId, deps)) {
    await settleUndone(entry, put.failures, deps, signal)
    if (isUndone(epochId, deps) || ledger.get(epochId)?.state !== 'ended') return
    // Those that the chain refused while it had no release are made anew, beside those that it has.
    if (put.failures.some((failure) => failure !== undefined))
      put = await pinAndPut(ledger.get(epochId) as EpochEntry, batches, deps, signal)
  }
  // So much may have happened meanwhile that nothing of the epoch is kept any more.
  if (ledger.get(epochId) !== undefined) await noteAnchored(epochId, { batches, ...put }, deps)
  await putEnd(ledger.get(epochId) ?? entry, deps, signal)
  report('anchored_again', { epochId, lost: put.failures.filter((failure) => failure !== undefined).length })
}

/**
 * What becomes of an epoch whose release is gone, now that its calls have their outcome. If the chain has any of them, under the release that
 * took the place of the other, the plan stands and what the chain refused is made anew. Otherwise nothing is left of it, and it begins
 * again with its next release, which may be there already.
 */
async function settleUndone(entry: EpochEntry, failures: readonly AnchorFailure[], deps: Sequencing, signal: AbortSignal): Promise<void> {
  const { ledger, view, chain } = deps
  const { epochId, attempt = 0 } = entry
  const isEnded = () => persist({ doing: 'read_end', attempt: () => chain.isEpochEnded(epochId), signal }, deps)
  const stands = failures.includes(undefined) || (entry.batches.length === 0 && (await isEnded()))
  const again = view.epoch(epochId)
  if (stands) {
    // While the new release is not seen here the epoch waits: it calls again.
    if (again === undefined) return
    if (failures.some((failure) => failure !== undefined)) await ledger.change(epochId, { attempt: attempt + 1 })
    await ledger.move(epochId, again.release)
    return
  }
  await noteVoid(epochId, deps)
  if (again !== undefined) await ledger.release(epochId, again.release)
}

/** Deliveries verified in one go, before the event loop gets its turn: about 20 ms of signature checks. */
const GROUP_LENGTH_MAX = 256

/** Takes deliveries group by group, in the order of the calls; one commit is in flight while the next group is verified. */
function createIntake(deps: Sequencing, { fail }: Life) {
  let previous: Promise<void> = Promise.resolve()
  let turn: Promise<void> = Promise.resolve()

  async function takeGroups(arrived: readonly Inbound[]): Promise<void> {
    for (let from = 0; from < arrived.length; from += GROUP_LENGTH_MAX) {
      const current = admit(arrived.slice(from, from + GROUP_LENGTH_MAX), deps, previous)
      current.catch(fail)
      await previous
      previous = current
    }
  }

  /** Resolves when all are judged; the last of them may still be on their way to the disk. */
  function take(arrived: readonly Inbound[]): Promise<void> {
    const taken = turn.then(() => takeGroups(arrived))
    turn = taken.catch(() => undefined)
    return taken
  }

  return {
    async listen(signal: AbortSignal): Promise<void> {
      for await (const arrived of deps.listener.inbound(signal)) await take(arrived)
      await turn
      await previous
    },
    /** Judges what waited for the block that the view has now (S11), while its window is as open as that block says. */
    async judgeWaiting(): Promise<void> {
      const { due, givenUp } = deps.waiting.step(deps.view.head?.number, ({ submission, why }) => isAwaited(submission, why, deps))
      for (const held of givenUp) respond(giveUp(held, deps))
      if (due.length > 0) await take(due.map(({ delivery }) => delivery))
    },
  }
}

/** Epochs sealed at once: while some wait for IPFS or for their blocks the next are counted. Each may hold its batch files in memory. */
export const SEALS_AT_ONCE = 16

/** Epochs at once of which something is said again: as many, and places of their own, for their windows are the older ones. */
const ANSWERS_AT_ONCE = SEALS_AT_ONCE

/** Seals epochs in order of their closing, several at once. None waits for another, unless all places are taken (S21). */
function createSealing(deps: Sequencing, { signal, fail }: Life) {
  const seals = pLimit(SEALS_AT_ONCE)
  const answers = pLimit(ANSWERS_AT_ONCE)
  const queues = new Map<EpochId, Promise<void>>()

  /** Since the epoch was queued its release may have been undone, or moved: then its new window, once that is over, calls again. */
  function isOutdated(epoch: ReleasedEpoch): boolean {
    const state = deps.ledger.get(epoch.epochId)?.state
    if (state === undefined || isEpochOver(state) || isUndone(epoch.epochId, deps)) return true
    return state === 'released' && deps.view.epoch(epoch.epochId) !== epoch
  }

  const headBlock = (): BlockNumber => deps.view.head?.number ?? (0 as BlockNumber)

  async function sealOne(epoch: ReleasedEpoch, head: BlockNumber): Promise<void> {
    if (isOutdated(epoch)) return
    const record = await seal(epoch, head, deps, signal)
    // Its release is gone: what comes of it is told when it has come.
    if (!isEpochOver(record.state)) return
    const { epochId, state, reason = '', accepted, projects, batches, kept, closedBlock = 0, anchoredBlock } = record
    deps.report(state === 'missed' ? 'epoch_missed' : 'epoch_sealed', {
      epochId,
      state,
      reason,
      accepted,
      projects: projects.length,
      batches: batches.length,
      ...(anchoredBlock !== undefined && { blocksToAnchored: anchoredBlock - closedBlock }),
      ...(kept && { keptBytes: kept.bytes, keptMs: kept.ms }),
    })
    deps.report('receipts', deps.counters.total()) // Since the start, by code: what was refused is seen without asking.
    deps.onEpoch?.(record)
  }

  /** What concerns one epoch is done in the order in which it came up. */
  function queue(places: LimitFunction, epochId: EpochId, work: () => Promise<void>): void {
    const before = queues.get(epochId) ?? Promise.resolve()
    const mine = before
      .then(() => places(async () => (signal.aborted ? undefined : work())))
      .catch(fail)
      .finally(() => {
        if (queues.get(epochId) === mine) queues.delete(epochId)
      })
    queues.set(epochId, mine)
  }

  return {
    take(epoch: ReleasedEpoch): void {
      const closedBlock = headBlock()
      queue(seals, epoch.epochId, () => sealOne(epoch, closedBlock))
    },
    takeAgain(epochId: EpochId): void {
      queue(answers, epochId, () => revise(epochId, deps, signal))
      queue(seals, epochId, async () => {
        const epoch = deps.view.epoch(epochId)
        // Its votes were fixed before, and the plan stands: it goes on.
        if (epoch !== undefined && deps.ledger.get(epochId)?.state !== 'released') await sealOne(epoch, headBlock())
      })
    },
    takeDisputed: (epochId: EpochId): void => queue(answers, epochId, () => answer(epochId, deps, signal)),
    idle: () => Promise.all(queues.values()),
  }
}

/** Counts what slots earned with each step of the chain (S17), and does beside that what takes longer, each one at a time. */
function createAccounts(deps: Sequencing, { signal, spawn }: Life) {
  const { options, chain, store } = deps
  const counting = createCounting({ ...deps, keep: (writes) => void spawn(store.commit(writes)), daysKept: options.daysKept })
  const rewarding = createRewarding(options, { ...deps, counting })
  const now = async () => ({ rules: await chain.rewardRules(), ...(await chain.currentEpoch()) })
  const works = [() => readOthers({ ...deps, counting, breathe: breathing(deps) }, signal), () => rewarding.work(signal)]
  const busy = new Set<unknown>()
  return {
    tallies: createTallies({ counting, chain }),
    async onBegin(from: BlockNumber): Promise<void> {
      await counting.begin(from, () => persist({ doing: 'read_reward_rules', attempt: now, signal }, deps))
      await rewarding.begin(from)
    },
    async onStep(step: ChainStep): Promise<void> {
      counting.apply(step)
      if (step.kind === 'rollback') await rewarding.undoAbove(step.to.number)
    },
    wake(): void {
      for (const work of works) {
        if (busy.has(work)) continue
        busy.add(work)
        void spawn(work().finally(() => busy.delete(work)))
      }
    },
  }
}

interface Memory {
  readonly ledger: Ledger
  readonly counters: Counters
  readonly waiting: Waiting
  isReady(): boolean
}

function isStillToBeJudged(epoch: ReleasedEpoch, { view, contract }: Sequencing): boolean {
  const isThere = view.epoch(epoch.epochId) === epoch
  return isThere && (view.head?.number ?? 0) <= lastBatchBlock(epoch.release.number, contract)
}

/** Reads what the contracts say, once. */
async function prepare(options: SequencerOptions, deps: SequencerDeps, memory: Memory, life: Life): Promise<Sequencing> {
  const { chain } = deps
  const { ledger } = memory
  const contract = await persist({ doing: 'read_market', attempt: () => chain.market(), signal: life.signal }, deps)
  const view = createAnchorView()
  const epochRules = createEpochRules({ ...deps, contract }, life)
  const rulesOf = epochRules.of
  const { expectedProjects } = options
  const served: ServedMarket = {
    dataMarket: chain.dataMarket,
    protocolState: chain.protocolState,
    expectedProjects: expectedProjects && new Set(expectedProjects),
  }
  return {
    ...deps,
    ...memory,
    options,
    contract,
    view,
    served,
    epochRules,
    rulesOf,
    ballots: createBallots({ store: deps.store, view, rulesOf }),
    isOpen: (epochId) => ledger.get(epochId)?.state === 'released',
    isReleased: (epochId) => ledger.isReleased(epochId),
    hasher: createSubmissionHasher(chain),
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
        accounts.wake()
      },
      onClosed: sealing.take,
      onTakenBack: sealing.takeAgain,
      onDisputed: sealing.takeDisputed,
    }
    void life.spawn(watchAppointment('sequencer', deps, life.signal))
    void life.spawn(retain([{ epochsKept: options.ipfsEpochsKept, letGo: deps.ipfs.letGo }], deps, life.signal))
    await Promise.all([life.spawn(watch(watching, life.signal)), life.spawn(intake.listen(life.signal))])
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
