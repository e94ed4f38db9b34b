import type { Random } from '#io/keys/port.ts'

/** Pauses between attempts, in milliseconds: each twice the one before, from the first to the last. */
export interface Backoff {
  readonly firstMs: number
  readonly lastMs: number
}

/** More doublings than any pause has. */
const DOUBLINGS_MAX = 30

/** How long to wait after `attempts` that failed, one or more. Half is by chance, so that those who failed together do not return together. */
export function pauseMs({ firstMs, lastMs }: Backoff, attempts: number, random: Pick<Random, 'fraction'>): number {
  const fullMs = Math.min(lastMs, firstMs * 2 ** Math.min(attempts - 1, DOUBLINGS_MAX))
  return Math.round(fullMs * (0.5 + random.fraction() / 2))
}
