import pLimit from 'p-limit'
import { createAnchorView, type ReleasedEpoch } from '#domain/anchor-view.ts'
import { WeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import { type Cid, type EpochId, parseEpochId } from '#domain/ids.ts'
import type { AnchorChain, ProtocolSender } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { ManyRecoverer, Random } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Tracer } from '#io/traces/port.ts'
import { watchAppointment } from '#life/appointment.ts'
import { type Life, live } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { restoredUpTo } from '#life/restored.ts'
import { retain, type Shelf } from '#life/retention.ts'
import type { RuleBook } from '#life/rules.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { letGoOfGuards } from './attest.ts'
import { createEar } from './hear.ts'
import { createHeard } from './heard.ts'
import { barUpTo, noteGuardsOf } from './interchange.ts'
import { type BatchRecord, createJournal, type Evidence } from './journal.ts'
import { createLanes } from './lanes.ts'
import { publishLater } from './publish.ts'
import type { Level } from './recheck.ts'
import type { Recomputer } from './recompute.ts'
import { createSilence } from './silence.ts'
import { createStandIns } from './stand-in.ts'
import { learnJudgedBy, type Validating, validate } from './validate.ts'
import { watch } from './watch.ts'

/** Votes that wait for their blocks at once: nodes hold no more than some tens of transactions of an account. */
const VOTES_IN_FLIGHT_MAX = 64

export interface ValidatorOptions {
  readonly level: Level
  /** At level `recompute`: of ten thousand projects so many are computed anew. */
  readonly recomputeShareBp?: number
  /** Of how many epochs records, evidence and guards stay on disk; all of them for as long as the contract may count a vote besides (V2). */
  readonly epochsKept: number
  /** Newest epochs whose batches and evidence stay on IPFS here. */
  readonly ipfsEpochsKept: number
  /** Whether the bytes of results that are spoken for are kept even where the market does not ask for it. */
  readonly keepsFinal?: boolean
}

export interface ValidatorDeps {
  readonly store: Store
  readonly chain: AnchorChain
  /** What the market asks for. */
  readonly rules: RuleBook
  readonly sender: Pick<ProtocolSender, 'address' | 'send'>
  readonly ipfs: Ipfs
  /** Addresses of the peers that files are fetched from, for the log. */
  readonly peers?: readonly string[]
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly recoverer: ManyRecoverer
  /** Where collectors send their submissions too; without one nothing is heard (V16). */
  readonly listener?: SubmissionListener
  /** Needed at level `recompute`. */
  readonly recomputer?: Recomputer
  readonly report: Report
  readonly tracer?: Tracer | undefined
  /** Called with what became of each batch. */
  readonly onBatch?: (record: BatchRecord) => void
}

/** Batches since the start, by what became of them. `divergent` and `late` are among the attested. */
export interface ValidatorStats {
  /** Newest anchor block read; `undefined` before the first. */
  readonly headBlock: number | undefined
  readonly attested: number
  readonly divergent: number
  readonly late: number
  readonly withheld: number
  readonly missed: number
}

export interface Validator {
  /**
   * Works until the signal aborts; then resolves when nothing is under way any more. Rejects on a failure that needs a person, or a bug.
   * Once per validator: a second call throws `STOPPED`.
   */
  run(signal: AbortSignal): Promise<void>
  stats(): ValidatorStats
  /** What became of the batches of an epoch, as far as it is decided here. */
  batches(epochId: EpochId): readonly BatchRecord[]
  /** What was found wrong with a batch; `undefined` when nothing was, or it is no longer kept. */
  evidence(epochId: EpochId, batchCid: Cid): Evidence | undefined
}

export function createValidator(options: ValidatorOptions, deps: ValidatorDeps): Validator {
  const journal = createJournal(deps)
  const counts = { attested: 0, divergent: 0, late: 0, withheld: 0, missed: 0 }
  let work: Validating | undefined

  async function prepare(life: Life): Promise<Validating> {
    const { signal } = life
    const contract = await persist({ doing: 'read_market', attempt: () => deps.chain.market(), signal }, deps)
    const { level, recomputeShareBp = 0, keepsFinal = false } = options
    const { address, send } = deps.sender
    const limit = pLimit(VOTES_IN_FLIGHT_MAX)
    const { chainId, protocolState, dataMarket } = deps.chain
    await noteGuardsOf({ chainId, protocolState, dataMarket, validator: address }, deps.store)
    const restored = await restoredUpTo(deps, life)
    if (restored !== undefined) await barUpTo(restored, deps.store) // V20: as if another machine had signed for them.
    return {
      ...deps,
      sender: { address, send: (...vote) => limit(() => send(...vote)) },
      level,
      recomputeShareBp,
      keepsFinal,
      recomputer: level === 'recompute' ? deps.recomputer : undefined,
      contract,
      journal,
      view: createAnchorView(),
      heard: createHeard(deps.store),
      hasher: createSubmissionHasher(deps.chain),
      breathe: () => deps.clock.sleep(0),
      onBatch: count,
    }
  }

  function count(record: BatchRecord): void {
    counts[record.state] += 1
    if (record.isDivergent) counts.divergent += 1
    if (record.isLate) counts.late += 1
    deps.onBatch?.(record)
  }

  async function begin(life: Life): Promise<void> {
    work = await prepare(life)
    const validating = work
    const lanes = createLanes(async (batch) => {
      return life.signal.aborted ? undefined : validate(batch, validating, life.signal)
    }, life.fail)
    void life.spawn(watchAppointment('validator', deps, life.signal))
    const followed = (): EpochId => [...validating.view.epochs()].at(-1)?.epochId ?? parseEpochId(0)
    void life.spawn(retain(shelvesOf(options, deps), { ...deps, followed }, life.signal))
    void life.spawn(publishLater(validating, life.signal))
    const standIns = createStandIns(validating, life)
    const silence = createSilence({ ...validating, isListening: deps.listener !== undefined })
    const ear = deps.listener && createEar({ ...validating, listener: deps.listener, learnRules: rulesFor(validating, life) }, life)
    const onBlock = (): void => {
      ear?.look()
      standIns.look()
      silence.look()
      const [oldest] = validating.view.epochs()
      if (oldest !== undefined) void life.spawn(validating.heard.letGo(oldest.epochId))
    }
    if (ear !== undefined) void life.spawn(ear.listen())
    await life.spawn(watch({ ...validating, lanes, onBlock }, life.signal))
    await Promise.all([lanes.idle(), standIns.idle()])
  }

  return {
    async run(signal) {
      if (work !== undefined) throw new WeftError('STOPPED', { what: 'validator' })
      await live(signal, begin)
    },
    stats: () => ({ headBlock: work?.view.head?.number, ...counts }),
    batches: (epochId) => journal.batches(epochId),
    evidence: (epochId, batchCid) => journal.evidence(epochId, batchCid),
  }
}

/** Of an epoch that was just released: while votes on it may still be heard. */
const rulesFor =
  (validating: Validating, { signal }: Pick<Life, 'signal'>) =>
  async (epoch: ReleasedEpoch) =>
    learnJudgedBy(epoch, () => validating.view.epoch(epoch.epochId) === epoch, validating, signal)

/** What there is more of with every epoch: guards, records with their evidence, and what is on IPFS. */
export function shelvesOf(
  { epochsKept, ipfsEpochsKept }: Pick<ValidatorOptions, 'epochsKept' | 'ipfsEpochsKept'>,
  { store, ipfs }: Pick<ValidatorDeps, 'store'> & { readonly ipfs: Pick<Ipfs, 'letGo'> },
): readonly Shelf[] {
  return [
    { epochsKept, letGo: (oldest, countMax) => letGoOfGuards(oldest, countMax, store) },
    { epochsKept, letGo: createJournal({ store }).letGo },
    { epochsKept: ipfsEpochsKept, letGo: ipfs.letGo },
  ]
}
