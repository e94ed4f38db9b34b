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

export function createBuckets(limits: BucketLimits, nowMs: () => number): Buckets {
  const buckets = new Map<string, { tokens: number; atMs: number }>()

  function filled(holder: string): { tokens: number; atMs: number } {
    const now = nowMs()
    const bucket = buckets.get(holder) ?? { tokens: limits.tokensMax, atMs: now }
    bucket.tokens = Math.min(limits.tokensMax, bucket.tokens + ((now - bucket.atMs) * limits.tokensPerSecond) / 1_000)
    bucket.atMs = now
    return bucket
  }

  function remembered(holder: string): { tokens: number; atMs: number } {
    const bucket = filled(holder)
    if (!buckets.has(holder)) {
      const [oldest] = buckets.keys()
      if (buckets.size >= BUCKETS_MAX && oldest !== undefined) buckets.delete(oldest)
      buckets.set(holder, bucket)
    }
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
      const missing = cost - filled(holder).tokens
      if (missing <= 0) return 0
      return cost > limits.tokensMax ? Number.POSITIVE_INFINITY : Math.ceil((missing * 1_000) / limits.tokensPerSecond)
    },
  }
}
