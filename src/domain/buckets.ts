import { createMemory } from './memory.ts'

/** A token bucket per sender: the rate of each is limited, and what it costs to know them is, too. */
export interface BucketLimits {
  /** Tokens that a sender gets back per second. */
  readonly tokensPerSecond: number
  /** Tokens that it may save up. */
  readonly tokensMax: number
}

export interface Buckets {
  /** Takes `cost` tokens from the sender's bucket; `false`, and nothing taken, when it has fewer. */
  take(holder: string, cost: number): boolean
  /** Takes what turned out to be the cost only afterwards, also more than there is: the sender waits until that has come back. */
  charge(holder: string, cost: number): void
  /** Until the sender's bucket holds `cost` tokens; `Infinity` when it never will. Takes nothing. */
  waitMs(holder: string, cost: number): number
}

/** Buckets that are remembered; beyond it the one seen first is forgotten and starts with a full bucket. */
const BUCKETS_MAX = 20_000

interface Bucket {
  tokens: number
  atMs: number
}

export function createBuckets(limits: BucketLimits, nowMs: () => number): Buckets {
  const buckets = createMemory<Bucket>(BUCKETS_MAX)

  function filled(holder: string): Bucket | undefined {
    const bucket = buckets.get(holder)
    if (bucket === undefined) return undefined
    const now = nowMs()
    bucket.tokens = Math.min(limits.tokensMax, bucket.tokens + ((now - bucket.atMs) * limits.tokensPerSecond) / 1_000)
    bucket.atMs = now
    return bucket
  }

  function remembered(holder: string): Bucket {
    const known = filled(holder)
    if (known !== undefined) return known
    const bucket = { tokens: limits.tokensMax, atMs: nowMs() }
    buckets.put(holder, bucket)
    return bucket
  }

  return {
    take(holder: string, cost: number): boolean {
      const bucket = remembered(holder)
      if (bucket.tokens < cost) return false
      bucket.tokens -= cost
      return true
    },
    charge(holder: string, cost: number): void {
      remembered(holder).tokens -= cost
    },
    waitMs(holder: string, cost: number): number {
      const missing = cost - (filled(holder)?.tokens ?? limits.tokensMax)
      if (missing <= 0) return 0
      return cost > limits.tokensMax ? Number.POSITIVE_INFINITY : Math.ceil((missing * 1_000) / limits.tokensPerSecond)
    },
  }
}
