import { isWeftError, WeftError } from '#domain/errors.ts'
import type { SlotId } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SubmissionClient } from '#io/grpc/port.ts'
import type { Period, Tracer } from '#io/traces/port.ts'
import type { Backoff } from '#life/backoff.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import type { Sign, Vote } from './sign.ts'
import { createVoteSpans } from './vote-spans.ts'

/** A local collector answers after one fsync; this is for one that hangs. */
const SUBMIT_TIMEOUT_MS = 5_000
/** Until the window closes: the collector may be restarting. */
const HAND_OVER_BACKOFF: Backoff = { firstMs: 200, lastMs: 5_000 }

export interface HandOverDeps extends PersistDeps {
  readonly clock: Clock
  readonly tracer?: Tracer | undefined
  readonly collector: SubmissionClient
  readonly sign: Sign
  readonly head: () => BlockRef
  /** Whether our key may sign for the slot now. */
  readonly isOurs: (slotId: SlotId) => boolean
  readonly onRetry: () => void
  /** Bounds how many are given at once. */
  readonly inTurn: <Value>(work: () => Promise<Value>) => Promise<Value>
}

/** A vote with when its data were computed, where that was in this life. */
export interface TimedVote extends Vote {
  readonly computing?: Period | undefined
}

/**
 * Gives one vote to the collector and resolves when it said Success, which means that the submission is safe there (G1). Signs anew
 * for each attempt, so that the header lies on the chain of now; the CID is always the same. Resolves with the block that the vote names;
 * with `undefined`, and signs no more, when the slot was given to another key meanwhile (N8). Rejects only with the signal's reason.
 */
export async function handOver({ computing, ...vote }: TimedVote, signal: AbortSignal, deps: HandOverDeps): Promise<BlockRef | undefined> {
  const attempt = async () => {
    if (!deps.isOurs(vote.slotId)) return undefined
    const header = deps.head()
    const spans = createVoteSpans({ ...vote, computing }, deps)
    try {
      const submission = await deps.sign(vote, header)
      spans?.signed()
      // A signer elsewhere takes its time.
      if (!deps.isOurs(vote.slotId)) return undefined
      const answer = await deps.collector.submitSnapshot(submission, { timeoutMs: SUBMIT_TIMEOUT_MS, signal, onTaken: spans?.taken })
      if (answer !== 'Success') throw new WeftError('COLLECTOR_UNAVAILABLE', { endpoint: 'collector', detail: `it answered ${answer}` })
      return header
    } catch (failure) {
      if (isWeftError(failure) && !signal.aborted) deps.onRetry()
      throw failure
    }
  }
  return persist({ doing: 'hand_over', attempt, signal, backoff: HAND_OVER_BACKOFF, inTurn: deps.inTurn }, deps)
}
