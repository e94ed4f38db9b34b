import type { EpochReason } from '#domain/epoch.ts'
import type { EpochId } from '#domain/ids.ts'
import type { AnchorChain, CallOutcome, ProtocolSender } from '#io/chain/port.ts'
import type { PlannedBatch } from './batch.ts'

/** The contract's code for an epoch that it has no release of. */
const EPOCH_UNKNOWN = 'E30'

/** Distinguishes the calls of an epoch that are made anew from those before, whose refusal is final. */
const nameOf = (intentId: string, attempt: number): string => (attempt === 0 ? intentId : `${intentId}/${attempt}`)

export interface AnchorDeps {
  readonly chain: AnchorChain
  readonly sender: ProtocolSender
}

/** Of which epoch the calls are, and how often they were made anew. */
export interface Attempt {
  readonly epochId: EpochId
  readonly attempt?: number
}

/** `undefined`: the batch is on chain. Otherwise why it never will be. */
export type AnchorFailure =
  | Extract<EpochReason, 'batch_window_over' | 'ended_elsewhere' | 'pair_taken' | 'call_refused' | 'release_undone'>
  | undefined

/**
 * Puts the epoch's batches on chain, in their order: each continues the tree of those before it. What counts is what the chain says
 * afterwards, never what the call answered: a repeated call is refused (E25) though the batch is there, a late one succeeds though it is
 * not. The same intent id never sends twice (G4, S6). Throws what passes (`CALL_NOT_SETTLED`, `CHAIN_UNREACHABLE`): call again.
 */
export async function anchor(
  { epochId, attempt = 0 }: Attempt,
  batches: readonly PlannedBatch[],
  { chain, sender }: AnchorDeps,
  signal: AbortSignal,
): Promise<readonly AnchorFailure[]> {
  const outcomes = await sender.sendInOrder(
    batches.map(({ index, batchCid, projectIds, snapshotCids, rootHash }) => ({
      intentId: nameOf(`batch/${epochId}/${index}`, attempt),
      call: { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds, snapshotCids, rootHash },
    })),
    signal,
  )
  return Promise.all(
    batches.map(async ({ batchCid }, index) => {
      const outcome = outcomes[index] as CallOutcome
      if ((await chain.batch(epochId, batchCid)) !== undefined) return undefined
      if (outcome.kind === 'done') return 'batch_window_over'
      if (outcome.reason === 'E25') return 'pair_taken'
      if (outcome.reason === EPOCH_UNKNOWN) return 'release_undone'
      return outcome.reason === 'E43' ? 'ended_elsewhere' : 'call_refused'
    }),
  )
}

/** For batches that nobody puts on chain any more, because their window is over: those that are there all the same are. */
export function settledLate(
  epochId: EpochId,
  batches: readonly PlannedBatch[],
  { chain }: Pick<AnchorDeps, 'chain'>,
): Promise<readonly AnchorFailure[]> {
  return Promise.all(
    batches.map(async ({ batchCid }) => ((await chain.batch(epochId, batchCid)) === undefined ? 'batch_window_over' : undefined)),
  )
}

export type EndOutcome = 'ended' | 'ended_elsewhere' | 'call_refused' | 'release_undone'

/** Ends the epoch's batches; only after all of them are on chain (S7). An epoch that is ended already is fine, whoever did it. */
export async function end({ epochId, attempt = 0 }: Attempt, { chain, sender }: AnchorDeps, signal: AbortSignal): Promise<EndOutcome> {
  const outcome = await sender.send(nameOf(`end/${epochId}`, attempt), { kind: 'endBatchSubmissions', epochId }, signal)
  if (outcome.kind === 'done') return 'ended'
  if (await chain.isEpochEnded(epochId)) return 'ended_elsewhere'
  return outcome.reason === EPOCH_UNKNOWN ? 'release_undone' : 'call_refused'
}
