import type { Report } from '#domain/events.ts'
import type { EpochId } from '#domain/ids.ts'
import type { CallOutcome, ProtocolSender } from '#io/chain/port.ts'
import type { RipeEpoch } from './watch.ts'

export interface ReleaseDeps {
  readonly sender: ProtocolSender
  readonly report: Report
}

export interface ReleasedRange extends RipeEpoch {
  readonly epochId: EpochId
  /** Epochs that are left out before it. */
  readonly skipped: number
}

/**
 * Releases the epoch and resolves with its receipt (E3). `refusals`: how often the contract has refused this range so far. A refusal is
 * final for its intent, so the next try is a new one; it cannot release twice, since the contract takes only `last end + 1` (E22).
 */
export async function release(
  epoch: ReleasedRange,
  refusals: number,
  { sender, report }: ReleaseDeps,
  signal: AbortSignal,
): Promise<CallOutcome> {
  const { epochId, begin, end, skipped } = epoch
  const kind = skipped > 0 ? 'forceSkipEpoch' : 'releaseEpoch'
  const intentId = refusals === 0 ? `${kind}/${begin}` : `${kind}/${begin}/${refusals}`
  const outcome = await sender.send(intentId, { kind, begin, end }, signal)
  if (outcome.kind === 'done' && skipped > 0) report('epochs_skipped', { epochId, begin, count: skipped })
  if (outcome.kind === 'done')
    report('epoch_released', { epochId, begin, end, blockNumber: outcome.blockNumber, transactionHash: outcome.transactionHash })
  else report('release_refused', { epochId, begin, end, reason: outcome.reason })
  return outcome
}
