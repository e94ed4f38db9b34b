import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'

/**
 * What stands between the network and the role: a queue bounded by length and bytes, and a token bucket per peer.
 * Network callbacks only put into it; the role takes at its own pace.
 */

/** One delivery costs one token, and one more per full KiB. A peer may save up what a collector sends at once when it serves many slots of a market with many projects. */
export interface InboxLimits extends BucketLimits {
  /** Deliveries that may wait: one second of the highest rate we aim at. */
  readonly lengthMax: number
  /** Bytes that may wait, because a few large deliveries weigh as much as many small ones. */
  readonly bytesMax: number
}

export const INBOX_LIMITS: InboxLimits = {
  lengthMax: 10_000,
  bytesMax: 64 * 1024 * 1024,
  tokensPerSecond: 5_000,
  tokensMax: 50_000,
}

const TOKEN_BYTES = 1_024

/** How many frames and deliveries the adapter itself refused, by code. */
export type RefusalCounts = Readonly<Partial<Record<Rejection, number>>>

export interface Inbox extends SubmissionListener {
  /** Takes the delivery, or answers it `rate_limited` or `inbox_full`. */
  offer(inbound: Inbound): void
  /** Counts what was refused before it became a delivery. */
  count(code: Rejection): void
  counts(): RefusalCounts
  /** Lets `inbound` end; what still waits is dropped, its sender has no receipt and sends again. */
  end(): void
}

export function createInbox(limits: InboxLimits, nowMs: () => number): Inbox {
  const buckets = createBuckets(limits, nowMs)
  const counts: Partial<Record<Rejection, number>> = {}
  let waiting: Inbound[] = []
  let waitingBytes = 0
  let isEnded = false
  let wake: (() => void) | undefined

  function count(code: Rejection): void {
    counts[code] = (counts[code] ?? 0) + 1
  }

  function refuse(inbound: Inbound, code: Rejection): void {
    count(code)
    inbound.respond({ submissionId: inbound.submissionId as never, code, reason: '' })
  }

  /** Resolves one turn of the event loop after something has come, so that all that came in that turn goes along. */
  function arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        signal.removeEventListener('abort', finish)
        wake = undefined
        setImmediate(resolve)
      }
      signal.addEventListener('abort', finish, { once: true })
      wake = finish
    })
  }

  return {
    count,
    counts: () => ({ ...counts }),
    offer(inbound) {
      if (!buckets.take(inbound.peer, 1 + Math.floor(inbound.payload.length / TOKEN_BYTES))) return refuse(inbound, 'rate_limited')
      if (isEnded || waiting.length >= limits.lengthMax || waitingBytes + inbound.payload.length > limits.bytesMax)
        return refuse(inbound, 'inbox_full')
      waiting.push(inbound)
      waitingBytes += inbound.payload.length
      wake?.()
    },
    end() {
      isEnded = true
      waiting = []
      wake?.()
    },
    async *inbound(signal) {
      while (!signal.aborted && !isEnded) {
        if (waiting.length === 0) {
          await arrival(signal)
          continue
        }
        const batch = waiting
        waiting = []
        waitingBytes = 0
        yield batch
      }
    },
  }
}
