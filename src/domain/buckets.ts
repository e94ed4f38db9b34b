import { createMemory } from './memory.ts'

/** A token bucket per sender: the rate of each is limited, and what it costs to know them is, too. */
export interface BucketLimits {
  /** Tokens that a sender gets back per second. */
  readonly tokensPerSecond: number
  /** Tokens that it may save up. */
  readonly tokensMax: number
}

export interface Buckets<Holder = string> {
  /** Takes `cost` tokens from the sender's bucket; `false`, and nothing taken, when it has fewer. */
  take(holder: Holder, cost: number): boolean
  /** Takes what turned out to be the cost only afterwards, also more than there is: the sender waits until that has come back. */
  charge(holder: Holder, cost: number): void
  /** Until the sender's bucket holds `cost` tokens; `Infinity` when it never will. Takes nothing. */
  waitMs(holder: Holder, cost: number): number
}

/** Buckets that are remembered; beyond it the one seen first is forgotten and starts with a full bucket. */
const BUCKETS_MAX = 20_000

interface Bucket {
  tokens: number
  atMs: number
}

export function createBuckets<Holder = string>(limits: BucketLimits, nowMs: () => number): Buckets<Holder> {
  const buckets = createMemory<Bucket, Holder>(BUCKETS_MAX)

  function filled(holder: Holder): Bucket | undefined {
    const bucket = buckets.get(holder)
    if (bucket === undefined) return undefined
    const now = nowMs()
    bucket.tokens = Math.min(limits.tokensMax, bucket.tokens + ((now - bucket.atMs) * limits.tokensPerSecond) / 1_000)
    bucket.atMs = now
    return bucket
  }

  function remembered(holder: Holder): Bucket {
    const known = filled(holder)
    if (known !== undefined) return known
    const bucket = { tokens: limits.tokensMax, atMs: nowMs() }
    buckets.put(holder, bucket)
    return bucket
  }

  return {
    take(holder, cost) {
      const bucket = remembered(holder)
      if (bucket.tokens < cost) return false
      bucket.tokens -= cost
      return true
    },
    charge(holder, cost) {
      remembered(holder).tokens -= cost
    },
    waitMs(holder, cost) {
      const missing = cost - (filled(holder)?.tokens ?? limits.tokensMax)
      if (missing <= 0) return 0
      return cost > limits.tokensMax ? Number.POSITIVE_INFINITY : Math.ceil((missing * 1_000) / limits.tokensPerSecond)
    },
  }
}
