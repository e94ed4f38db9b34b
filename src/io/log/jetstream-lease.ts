import { setTimeout as pause } from 'node:timers/promises'
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream'
import type { KV } from '@nats-io/kv'
import type { Lease, Shared } from './port.ts'

/**
 * A lease is a key of a bucket whose values last for `leaseMs`: who has it writes it again before that, naming the revision that it wrote last. The
 * first revision is the token.
 */

/** How often in its time a lease is renewed, and asked for. */
const TIMES = 4
const ASK_TIMEOUT_MS = 1_000
const WRONG_SEQUENCE: readonly number[] = [JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown]

interface LeaseOptions {
  readonly holder: string
  readonly leaseMs: number
}

export function createLeases(bucket: KV, { holder, leaseMs }: LeaseOptions): Pick<Shared, 'lease'> & { stop(): void } {
  const held = new Set<AbortController>()

  /** `undefined`: another's. */
  async function grant(name: string): Promise<number | undefined> {
    const known = await bucket.get(name)
    const isFree = known === null || known.operation !== 'PUT'
    if (!isFree && known.string() !== holder) return undefined
    try {
      return isFree ? await bucket.create(name, holder) : await bucket.update(name, holder, known.revision, ASK_TIMEOUT_MS)
    } catch (failure) {
      if (isTaken(failure)) return undefined
      throw failure
    }
  }

  function leaseOf(name: string, token: number, grantedMs: number): Lease {
    const losing = new AbortController()
    held.add(losing)
    let revision = token
    let untilMs = grantedMs + leaseMs
    let renewing: Promise<unknown> = Promise.resolve()

    function lose(): void {
      held.delete(losing)
      losing.abort()
    }

    async function renew(): Promise<void> {
      const beganMs = performance.now()
      if (losing.signal.aborted) return
      try {
        revision = await bucket.update(name, holder, revision, ASK_TIMEOUT_MS)
        untilMs = beganMs + leaseMs
      } catch (failure) {
        // Without an answer it is held until its time is over.
        if (isTaken(failure)) lose()
      }
    }

    /** One after the other: each names the revision of the one before. */
    function renewed(): Promise<void> {
      const mine = renewing.then(renew)
      renewing = mine
      return mine
    }

    async function keep(): Promise<void> {
      while (!losing.signal.aborted) {
        await pause(leaseMs / TIMES, undefined, { signal: losing.signal }).catch(() => undefined)
        if (!losing.signal.aborted) await renewed()
      }
    }

    /** Beside that: what it waits for may not be answered. */
    async function expire(): Promise<void> {
      for (let leftMs = leaseMs; leftMs > 0 && !losing.signal.aborted; leftMs = untilMs - performance.now())
        await pause(leftMs, undefined, { signal: losing.signal }).catch(() => undefined)
      lose()
    }

    void keep()
    void expire()
    return {
      name,
      token,
      lost: losing.signal,
      async confirm() {
        const before = revision
        await renewed()
        return !losing.signal.aborted && revision !== before
      },
      async release() {
        if (losing.signal.aborted) return
        lose()
        await renewing
        // Should it not be heard the lease runs out.
        await bucket.delete(name, { previousSeq: revision }).catch(() => undefined)
      },
    }
  }

  return {
    async lease(names, signal) {
      for (;;) {
        for (const name of names) {
          signal.throwIfAborted()
          const askedMs = performance.now()
          // Servers that do not answer now may do so later.
          const token = await grant(name).catch(() => undefined)
          if (token !== undefined) return leaseOf(name, token, askedMs)
        }
        await pause(leaseMs / TIMES, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    },
    stop() {
      for (const losing of held) losing.abort()
      held.clear()
    },
  }
}

function isTaken(failure: unknown): boolean {
  return failure instanceof JetStreamApiError && WRONG_SEQUENCE.includes(failure.code)
}
