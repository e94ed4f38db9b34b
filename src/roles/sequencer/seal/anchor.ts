import type { AnchorView } from '#domain/anchor-view.ts'
import { codeOf } from '#domain/contract-codes.ts'
import type { EpochReason } from '#domain/epoch.ts'
import type { BlockNumber, Cid, EpochId } from '#domain/ids.ts'
import type { AnchorChain, CallOutcome, Intent, ProtocolCall, ProtocolSender, RootOnlyBatch } from '#io/chain/port.ts'
import { BATCHES_PER_CALL_MAX, type PlannedBatch } from './batch.ts'
import type { Pins } from './pin.ts'

/** The contract's code for an epoch that it has no release of. */
const EPOCH_UNKNOWN = 'E30'
/** Its code for what it has already. */
export const TAKEN = 'E25'

export interface AnchorDeps {
  readonly chain: AnchorChain
  /** How far the chain was followed. */
  readonly view: Pick<AnchorView, 'head'>
  readonly sender: ProtocolSender
}

/** Of which epoch the calls are, and how often they were made anew. */
export interface Attempt {
  readonly epochId: EpochId
  readonly attempt?: number
}

/** Distinguishes the calls of an epoch that are made anew from those before, whose refusal is final. */
const nameOf = (intentId: string, { attempt = 0 }: Attempt): string => (attempt === 0 ? intentId : `${intentId}/${attempt}`)

/** `undefined`: the batch is on chain. Otherwise why it never will be. */
export type AnchorFailure =
  | Extract<
      EpochReason,
      'batch_window_over' | 'ended_elsewhere' | 'pair_taken' | 'root_only_not_allowed' | 'call_refused' | 'release_undone'
    >
  | undefined

/** What became of the batches, in their order, and the last block that took one. */
export interface Anchored {
  readonly failures: readonly AnchorFailure[]
  readonly block: BlockNumber | undefined
}

/** A call, and the batches that it puts on chain. */
interface BatchesCall extends Intent {
  readonly batches: readonly PlannedBatch[]
}

/** The calls for the batches: the same for the same plan, whenever it is read. What is anchored by its roots goes several in a call. */
function callsOf(attempt: Attempt, batches: readonly PlannedBatch[]): BatchesCall[] {
  const calls = batches.map((batch) => callOf(attempt, batch))
  if (batches.some(({ projectsRootHash }) => projectsRootHash === undefined)) return calls
  const { epochId } = attempt
  return [...Map.groupBy(batches, ({ index }) => Math.floor(index / BATCHES_PER_CALL_MAX))].map(([number, some]) => {
    const call = { kind: 'submitRootOnlyBatches', epochId, batches: some.flatMap(rootsOf) } as const
    return { intentId: nameOf(`batches/${epochId}/${number}`, attempt), call, batches: some }
  })
}

/** The call for one batch alone. */
function callOf(attempt: Attempt, batch: PlannedBatch): BatchesCall {
  const { epochId } = attempt
  const { index, batchCid, projectIds, snapshotCids, rootHash } = batch
  const call: ProtocolCall =
    batch.projectsRootHash === undefined
      ? { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds, snapshotCids, rootHash }
      : { kind: 'submitRootOnlyBatches', epochId, batches: rootsOf(batch) }
  return { intentId: nameOf(`batch/${epochId}/${index}`, attempt), call, batches: [batch] }
}

const rootsOf = ({ batchCid, rootHash, projectsRootHash }: PlannedBatch): RootOnlyBatch[] =>
  projectsRootHash === undefined ? [] : [{ batchCid, rootHash, projectsRootHash }]

/**
 * Puts the epoch's batches on chain, in their order: each continues the tree of those before it. What is pinned goes out without waiting for
 * what is not yet (S5). What counts is what the chain says afterwards, never what the call answered: a repeated call is refused (E25) though
 * the batch is there, a late one succeeds though it is not. The same intent id never sends twice (G4, S6). Throws what passes
 * (`CALL_NOT_SETTLED`, `CHAIN_UNREACHABLE`): call again.
 */
export async function anchor(
  attempt: Attempt,
  { batches, pins }: { readonly batches: readonly PlannedBatch[]; readonly pins: Pins },
  { chain, view, sender }: AnchorDeps,
  signal: AbortSignal,
): Promise<Anchored> {
  const outcomeOf = new Map<PlannedBatch, CallOutcome>()
  const send = async (calls: readonly BatchesCall[]): Promise<void> => {
    const outcomes = await sender.sendInOrder(
      calls.map(({ intentId, call }) => ({ intentId, call })),
      signal,
    )
    for (const [position, call] of calls.entries())
      for (const batch of call.batches) outcomeOf.set(batch, outcomes[position] as CallOutcome)
  }
  const calls = callsOf(attempt, batches)
  for (let sent = 0; sent < calls.length; ) {
    // What cannot be had in time, and all that would have to stand behind it, never goes out.
    if (!(await isPinned(calls[sent] as BatchesCall, pins))) break
    const end = calls.findIndex((call, position) => position > sent && call.batches.some(({ index }) => !pins.done.has(index)))
    const ready = calls.slice(sent, end === -1 ? calls.length : end)
    await send(ready)
    sent += ready.length
  }
  const look = () => onChain(attempt.epochId, batches, newest(lastBlock(outcomeOf.values()), view.head?.number), chain)
  let there = await look()
  // A call is refused as a whole: when one of its batches is there already, whoever put it there, the others go one by one.
  const alone = batches.filter((batch) => isRefusedWithOthers(batch, outcomeOf, there)).map((batch) => callOf(attempt, batch))
  if (alone.length > 0) {
    await send(alone)
    there = await look()
  }
  const failures = batches.map((batch) => (there.has(batch.batchCid) ? undefined : whyNot(outcomeOf.get(batch))))
  return { failures, block: lastBlock(outcomeOf.values()) }
}

/** The last that took a call. */
function lastBlock(outcomes: Iterable<CallOutcome>): BlockNumber | undefined {
  return newest(...[...outcomes].map((outcome) => (outcome.kind === 'done' ? outcome.blockNumber : undefined)))
}

function newest(...blocks: readonly (BlockNumber | undefined)[]): BlockNumber | undefined {
  return blocks.reduce((last, each) => (last === undefined || (each !== undefined && each > last) ? each : last), undefined)
}

/**
 * The batches that the chain has. As of `block`, the newest that is known of: a node that has not come so far must refuse, for what it lacks
 * would be missed for good. What is not there then a reorganisation may have brought a little later.
 */
async function onChain(
  epochId: EpochId,
  batches: readonly PlannedBatch[],
  block: BlockNumber | undefined,
  chain: AnchorDeps['chain'],
): Promise<ReadonlySet<Cid>> {
  const then = new Set(block === undefined ? [] : await chain.batchCids(epochId, block))
  if (batches.every(({ batchCid }) => then.has(batchCid))) return then
  return new Set([...then, ...(await chain.batchCids(epochId))])
}

async function isPinned({ batches }: BatchesCall, { ends }: Pins): Promise<boolean> {
  const are = await Promise.all(batches.map(({ index }) => ends.get(index)))
  return !are.includes(false)
}

function isRefusedWithOthers(batch: PlannedBatch, outcomes: ReadonlyMap<PlannedBatch, CallOutcome>, there: ReadonlySet<Cid>): boolean {
  const outcome = outcomes.get(batch)
  const isRefused = batch.projectsRootHash !== undefined && outcome?.kind === 'refused' && outcome.reason === TAKEN
  return isRefused && !there.has(batch.batchCid)
}

/** Why a batch is not there after its call; without a call it could not be pinned in time. */
function whyNot(outcome: CallOutcome | undefined): AnchorFailure {
  if (outcome === undefined || outcome.kind === 'done') return 'batch_window_over'
  switch (codeOf(outcome.reason)) {
    case TAKEN:
      return 'pair_taken'
    case EPOCH_UNKNOWN:
      return 'release_undone'
    case 'E43':
      return 'ended_elsewhere'
    case 'RootOnlyBatchesNotAllowed':
      return 'root_only_not_allowed'
    default:
      return 'call_refused'
  }
}

export type EndOutcome = 'ended' | 'ended_elsewhere' | 'call_refused' | 'release_undone'

/** Ends the epoch's batches; only after all of them are on chain (S7). An epoch that is ended already is fine, whoever did it. */
export async function end(attempt: Attempt, { chain, sender }: Omit<AnchorDeps, 'view'>, signal: AbortSignal): Promise<EndOutcome> {
  const { epochId } = attempt
  const outcome = await sender.send(nameOf(`end/${epochId}`, attempt), { kind: 'endBatchSubmissions', epochId }, signal)
  if (outcome.kind === 'done') return 'ended'
  if (await chain.isEpochEnded(epochId)) return 'ended_elsewhere'
  return outcome.reason === EPOCH_UNKNOWN ? 'release_undone' : 'call_refused'
}
