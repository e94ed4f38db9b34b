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

export function createBuckets<Holder = string>(limits: BucketLimits, nowMs: () => number): Buckets<Holder> {
  const buckets = new Map<Holder, { tokens: number; atMs: number }>()

  function filled(holder: Holder): { tokens: number; atMs: number } {
    const now = nowMs()
    const bucket = buckets.get(holder) ?? { tokens: limits.tokensMax, atMs: now }
    bucket.tokens = Math.min(limits.tokensMax, bucket.tokens + ((now - bucket.atMs) * limits.tokensPerSecond) / 1_000)
    bucket.atMs = now
    return bucket
  }

  function remembered(holder: Holder): { tokens: number; atMs: number } {
    const bucket = filled(holder)
    if (!buckets.has(holder)) {
      const [oldest] = buckets.keys()
      if (buckets.size >= BUCKETS_MAX && oldest !== undefined) buckets.delete(oldest)
      buckets.set(holder, bucket)
    }
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
      const missing = cost - filled(holder).tokens
      if (missing <= 0) return 0
      return cost > limits.tokensMax ? Number.POSITIVE_INFINITY : Math.ceil((missing * 1_000) / limits.tokensPerSecond)
    },
  }
}
