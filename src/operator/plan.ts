import type { AccountTransaction } from '#io/chain/send/account.ts'

/** One transaction to send, and what it is for, in words. */
export interface Step {
  readonly what: string
  readonly transaction: AccountTransaction
}

/** Steps none of which needs another of them: all are sent at once, in order. */
export type Wave = readonly Step[]

/** Waves of two plans that do not touch each other, side by side. */
export function sideBySide(left: readonly Wave[], right: readonly Wave[]): Wave[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => [...(left[index] ?? []), ...(right[index] ?? [])])
}

/** Without the waves that have nothing to do. */
export function compact(waves: readonly Wave[]): Wave[] {
  return waves.filter((wave) => wave.length > 0)
}
