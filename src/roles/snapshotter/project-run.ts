import type { JsonValue } from '#domain/compute.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { advanceProject, endProject, isProjectOver, type ProjectReason, type ProjectState } from '#domain/project.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { BlockRef } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { SigningRecord } from '#io/keys/port.ts'
import type { Period } from '#io/traces/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { JSON_BYTES_MAX, parseCanonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { type Computed, type ComputeInputs, compute, type Missing } from './compute.ts'
import { type HandOverDeps, handOver, type TimedVote } from './hand-over.ts'
import { PATIENCE } from './patience.ts'
import type { PlannedProject } from './plan.ts'
import type { EpochRecord, ProjectRecord, Records } from './records.ts'

/** Our own node has what we added: it answers from its disk. */
const OWN_READ_TIMEOUT_MS = 2_000

/** A project's data together with the CID under which it is stored and will be signed. */
export type Stored =
  | {
      readonly ok: true
      readonly snapshot: JsonValue
      readonly snapshotCid: Cid
      /** Absent where an earlier life did it. */
      readonly computing?: Period
    }
  | Missing

export interface ProjectDeps extends PersistDeps {
  readonly clock: Clock
  readonly ipfs: Ipfs
  readonly records: Records
  /** Without it the records alone know what was signed. */
  readonly signed?: SigningRecord | undefined
  readonly handOver: HandOverDeps
  /** The slots that our key signs for now. */
  readonly slotIds: () => readonly SlotId[]
  /** Whether the slot may vote on the project in an epoch of these rules. */
  readonly mayVote: (slotId: SlotId, projectId: ProjectId) => boolean
  /** Told when an epoch has one more snapshot of ours. */
  readonly onComputed: (epochId: EpochId) => void
  readonly onHandedOver: () => void
}

export interface ProjectRun {
  readonly epoch: EpochRecord
  readonly project: PlannedProject
  readonly signal: AbortSignal
  /** Why the epoch was ended early; `undefined` when it was not, or the whole process is stopping. */
  readonly ending: () => ProjectReason | undefined
  /** Keeps the epoch to the fork of the source with that last block; `false` when data of another one are kept already. */
  readonly keep: (hash: Hash) => boolean
}

/** What it takes to make a project's data, and to keep them; nothing that signs. */
export interface ProduceDeps extends Pick<ProjectDeps, 'clock' | 'random' | 'report' | 'ipfs' | 'onComputed'> {
  readonly records: Pick<Records, 'project' | 'saveProject'>
}

/** To hand something over, it need not be known how it is computed. */
export type SubmitRun = Omit<ProjectRun, 'project' | 'keep'> & { readonly project: Pick<PlannedProject, 'projectId'> }

/** What an earlier life has left of a project: its data, or why there is none; `undefined` when it is still to be computed. */
export async function producedBefore(
  { epoch, project, signal }: SubmitRun,
  { records, ipfs }: Pick<ProduceDeps, 'records' | 'ipfs'>,
): Promise<Stored | undefined> {
  const recorded = records.project(epoch.epochId, project.projectId)
  if (recorded === undefined) return undefined
  if (recorded.snapshotCid !== undefined) {
    const isSameData = recorded.begin === epoch.begin && recorded.end === epoch.end
    if (!isSameData)
      return { ok: false, reason: 'release_undone', detail: 'already signed for the source blocks of the release that was undone' }
    const own = await readOwn(recorded.snapshotCid, { ipfs, signal })
    return own && { ok: true, snapshot: own.snapshot, snapshotCid: recorded.snapshotCid }
  }
  if (!hasEnded(recorded)) return undefined
  return { ok: false, reason: recorded.reason ?? 'compute_failed', detail: recorded.detail }
}

/**
 * The data of one project, computed, stored, and its CID recorded, in this order: what is signed can be fetched, and what was signed
 * once is signed again after a crash and nothing else (N2). `moved` when the fork that it was read on is the chain's no more. Rejects only with
 * the signal's reason, or when the disk fails.
 */
export async function produce(run: ProjectRun, inputs: ComputeInputs, deps: ProduceDeps): Promise<Stored | 'moved'> {
  const { epoch, project, signal } = run
  const before = await producedBefore(run, deps)
  if (before !== undefined) return before
  const beganMs = deps.clock.nowMs()
  const computed = await computeOnFork(run, inputs)
  if (computed === 'moved' || !computed.ok) return computed
  // In the same turn in which the fork was seen to be there: from now on the epoch's others are of it too (N17).
  if (!run.keep(inputs.fork.hash)) return 'moved'
  const snapshotCid = await snapshotCidOf(computed.bytes)
  const recorded = deps.records.project(epoch.epochId, project.projectId)
  if (recorded?.snapshotCid !== undefined && recorded.snapshotCid !== snapshotCid) {
    return {
      ok: false,
      reason: 'compute_failed',
      detail: `computed again it gives ${snapshotCid}, signed before was ${recorded.snapshotCid}`,
    }
  }
  const problem = await store(epoch.epochId, computed.bytes, snapshotCid, { ...deps, signal })
  if (problem !== undefined) return { ok: false, reason: 'upload_failed', detail: problem }
  const computedMs = deps.clock.nowMs()
  await deps.records.saveProject(epoch.epochId, {
    projectId: project.projectId,
    state: advance(recorded, 'computed'),
    detail: '',
    snapshotCid,
    begin: epoch.begin,
    end: epoch.end,
    sourceHash: inputs.fork.hash,
    computedMs,
    ...(computed.builtOn === undefined ? {} : { builtOn: computed.builtOn }),
  })
  deps.onComputed(epoch.epochId)
  return { ok: true, snapshot: computed.snapshot, snapshotCid, computing: { beganMs, endedMs: computedMs } }
}

/** What a module made of one fork of the source, whether it failed or not; it is not known to be one while the endpoint is down. */
async function computeOnFork({ project, signal }: ProjectRun, inputs: ComputeInputs): Promise<Computed | 'moved'> {
  const computed = await compute(project, inputs)
  // On whatever fork, the present epoch has no other base.
  if (!computed.ok && computed.reason === 'base_missing') return computed
  try {
    return (await inputs.fork.isSteady()) ? computed : 'moved'
  } catch (failure) {
    signal.throwIfAborted()
    if (!isWeftError(failure) || isOurFailure(failure)) throw failure
    return computed.ok ? { ok: false, reason: 'compute_failed', detail: failure.message } : computed
  }
}

/** A snapshot that this node added before; `undefined` when it is gone. */
export async function readOwn(
  cid: Cid,
  { ipfs, signal }: { readonly ipfs: Ipfs; readonly signal: AbortSignal },
): Promise<{ readonly snapshot: JsonValue; readonly bytes: number } | undefined> {
  try {
    const bytes = await ipfs.get(cid, { bytesMax: JSON_BYTES_MAX, timeoutMs: OWN_READ_TIMEOUT_MS, signal })
    return { snapshot: parseCanonicalJson(bytes), bytes: bytes.length }
  } catch (failure) {
    signal.throwIfAborted()
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    return undefined
  }
}

/** `undefined` when the bytes are stored under the CID that we computed ourselves, else what went wrong. */
async function store(
  epochId: EpochId,
  bytes: Uint8Array,
  cid: Cid,
  deps: PersistDeps & { readonly ipfs: Ipfs; readonly signal: AbortSignal },
): Promise<string | undefined> {
  try {
    const adding = { doing: 'add', attempt: () => deps.ipfs.add(bytes, epochId), ...PATIENCE }
    const added = await persist({ ...adding, signal: deps.signal }, deps)
    return added === cid ? undefined : `IPFS stored it as ${added}, computed was ${cid}`
  } catch (failure) {
    deps.signal.throwIfAborted()
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    return failure.message
  }
}

/** Hands the project over for every slot, and writes down how it ended. Resolves with the record, whatever came of it. */
export async function submit(run: SubmitRun, stored: Promise<Stored>, deps: ProjectDeps): Promise<ProjectRecord | undefined> {
  const { epoch, project } = run
  try {
    const result = await stored
    if (!result.ok) return await end(run, deps, result)
    const slotIds = votersOf(run, deps)
    const wanted = slotIds.filter((slotId) => !deps.records.isHandedOver(epoch.epochId, project.projectId, slotId))
    const open = await unbound(wanted, result.snapshotCid, run, deps)
    if (open.length === 0 && wanted.length > 0)
      return await end(run, deps, {
        ok: false,
        reason: 'signed_before',
        detail: `this machine signed another CID than ${result.snapshotCid}`,
      })
    const outcomes = await allSettled(
      open.map((slotId) => {
        const { snapshotCid, computing } = result
        const vote = { epochId: epoch.epochId, projectId: project.projectId, slotId, snapshotCid, computing }
        return handOverFirmly(vote, run, deps)
      }),
    )
    // Not asked of the records: a rollback may have forgotten there what the collector took, and gives it again (N9).
    const isOthersTurn = slotIds.length === 0 && deps.slotIds().length > 0
    const isTaken = isOthersTurn || open.length < slotIds.length || outcomes.includes(true)
    return await end(run, deps, isTaken ? undefined : { ok: false, reason: 'hand_over_failed', detail: 'no slot is ours any more' })
  } catch (failure) {
    // What ends the work is no failure, whatever a process that stops may call it.
    if (!run.signal.aborted || failure !== run.signal.reason) {
      if (!isWeftError(failure) || isOurFailure(failure)) throw failure
      if (!run.signal.aborted) return end(run, deps, { ok: false, reason: 'hand_over_failed', detail: failure.message })
    }
    const reason = run.ending()
    // The process stops: the records stay as they are, and the next start goes on from there.
    if (reason === undefined) return undefined
    const isHistory = reason === 'window_closed' && isWeftError(failure, 'HISTORY_MISSING')
    return end(run, deps, isHistory ? { ok: false, reason: 'history_missing', detail: failure.message } : { ok: false, reason, detail: '' })
  }
}

/** The slots for which this machine has signed nothing else of the epoch and project, in whichever data directory; for these it is written down first (N24). */
async function unbound(
  slotIds: readonly SlotId[],
  snapshotCid: Cid,
  { epoch: { epochId }, project: { projectId }, signal }: SubmitRun,
  deps: ProjectDeps,
): Promise<readonly SlotId[]> {
  const { signed } = deps
  if (signed === undefined || slotIds.length === 0) return slotIds
  const attempt = () => signed.checkAndRecord({ epochId, projectId, snapshotCid, slotIds })
  const before = await persist({ doing: 'record_signed', attempt, signal }, deps)
  for (const { slotId, snapshotCid: signedCid } of before)
    deps.report('signed_before', { epochId, projectId, slotId, signedCid, snapshotCid })
  return slotIds.filter((slotId) => before.every((each) => each.slotId !== slotId))
}

/** The slots that vote on the project: where they take turns, not all of ours. */
const votersOf = ({ project: { projectId } }: SubmitRun, { slotIds, mayVote }: ProjectDeps): readonly SlotId[] =>
  slotIds().filter((slotId) => mayVote(slotId, projectId))

/** Our own disk, settings or code, which no closing window explains (N4). */
export const isOurFailure = ({ kind }: WeftError): boolean => kind === 'bug' || kind === 'operator'

/** Until what was given names a block that is still there when it was taken, which is then on record; `false` when the slot is ours no more. */
async function handOverFirmly(vote: TimedVote, run: SubmitRun, deps: ProjectDeps): Promise<boolean> {
  for (;;) {
    const header = await handOver(vote, run.signal, deps.handOver)
    // Its header is gone with the release: should that come again, the vote must be given again.
    if (run.ending() === 'release_undone') run.signal.throwIfAborted()
    if (header === undefined) return false
    if (deps.handOver.head().number < header.number || isReplaced(header, deps)) continue
    // In the same turn: a rollback in between would not forget it with the others (N9).
    await deps.records.saveHandOver(vote.epochId, vote.projectId, vote.slotId, header.number)
    deps.onHandedOver()
    return true
  }
}

function isReplaced({ number, hash }: BlockRef, { records }: ProjectDeps): boolean {
  const now = records.block(number)
  return now !== undefined && now.hash !== hash
}

/** Waits for all, then rejects with the first failure: nothing goes on behind the back of whoever waits. */
export async function allSettled<Value>(works: readonly Promise<Value>[]): Promise<readonly Value[]> {
  const outcomes = await Promise.allSettled(works)
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

async function end(run: SubmitRun, deps: ProjectDeps, missing: Missing | undefined): Promise<ProjectRecord> {
  const { epoch, project } = run
  const recorded = deps.records.project(epoch.epochId, project.projectId)
  // Ended before, in an earlier life: that end stands.
  if (recorded !== undefined && hasEnded(recorded)) return recorded
  const own = deps.slotIds()
  const open = votersOf(run, deps).filter((slotId) => !deps.records.isHandedOver(epoch.epochId, project.projectId, slotId))
  // What the collector has, it has: whatever went wrong afterwards, or in another life, does not take it back.
  const isHandedOver = recorded?.snapshotCid !== undefined && own.length > 0 && open.length === 0 && missing?.reason !== 'release_undone'
  if (missing === undefined || isHandedOver) return submitted(run, recorded, deps)
  const isHandingOver = missing.reason === 'window_closed' && recorded?.snapshotCid !== undefined
  const ending = isHandingOver
    ? { reason: 'hand_over_failed' as const, detail: `not taken for slot ${rangesOf(open).join(', ')}` }
    : missing
  const ended: ProjectRecord = {
    projectId: project.projectId,
    begin: epoch.begin,
    end: epoch.end,
    ...recorded,
    ...endProject(currentState(recorded), ending.reason),
    detail: ending.detail,
    endedMs: deps.clock.nowMs(),
  }
  await deps.records.saveProject(epoch.epochId, ended)
  return ended
}

async function submitted(run: SubmitRun, recorded: ProjectRecord | undefined, deps: ProjectDeps): Promise<ProjectRecord> {
  if (recorded?.state === 'submitted') return recorded
  if (recorded?.snapshotCid === undefined)
    throw new WeftError('STATE_TRANSITION', { machine: 'project', from: recorded?.state ?? 'released', to: 'submitted' })
  const { reason: _undone, ...kept } = recorded
  const record: ProjectRecord = { ...kept, detail: '', state: advance(recorded, 'submitted'), endedMs: deps.clock.nowMs() }
  await deps.records.saveProject(run.epoch.epochId, record)
  return record
}

/** Ends of one release, and of one plan: a release that comes again begins anew, and so does one that meets the plan it was begun with. */
const isPassing = ({ reason }: ProjectRecord): boolean => reason === 'release_undone' || reason === 'plan_changed'

const hasEnded = (recorded: ProjectRecord): boolean => isProjectOver(recorded.state) && !isPassing(recorded)

function currentState(recorded: ProjectRecord | undefined): ProjectState {
  return recorded === undefined || isPassing(recorded) ? 'released' : recorded.state
}

function advance(recorded: ProjectRecord | undefined, to: ProjectState): ProjectState {
  const from = currentState(recorded)
  return from === to ? to : advanceProject(from, to)
}
