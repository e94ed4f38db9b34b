import type { BlockRef } from '#io/chain/port.ts'

/** So many blocks in a row show that a chain makes them by the clock. */
const BLOCKS_SHOWING = 16
/** What makes one more seldom is asked all the same: that it goes on as it did says less, and costs more when it does not. */
const PERIOD_MAX_SECONDS = 15
/** Blocks that all were absent last within so long of one another, each from its own time on, come as if by one clock. */
const STEADY_MS = 250
/** Of such blocks one of so many is asked for as soon as it can be there, so that it is noticed when they come sooner. */
const PROBED_EVERY = 4

interface Seen {
  readonly block: BlockRef
  /** How long after its timestamp it was not there yet, by the clock of whoever asks, which may be another than the chain's. */
  readonly absentMs: number
}

const offsetsOf = (seen: readonly Seen[]): readonly number[] => seen.map(({ absentMs }) => absentMs)
const spreadOf = (values: readonly number[]): number => Math.max(...values) - Math.min(...values)

/**
 * The beat of a chain that makes blocks by the clock, as most do: then none comes sooner than a whole period after the one before. Chains whose
 * contracts see another chain's number make a block when there is a transaction, and have none.
 */
export function createBeat() {
  /** Each the child of the one before. */
  let seen: readonly Seen[] = []
  let nextMs = Number.NEGATIVE_INFINITY
  let isPassedOver = false
  return {
    /** Another head, and when the one before was told last. */
    took(block: BlockRef, toldMs: number): void {
      const before = seen.at(-1)
      const isNext = Number(block.contractNumber) === block.number && block.parentHash === before?.block.hash
      // When it first could be there nobody asked: it came as the one before did.
      const isUnasked = isNext && isPassedOver && toldMs < nextMs
      const absentMs = isUnasked ? before.absentMs : toldMs - 1_000 * block.timestamp
      seen = [...(isNext ? seen.slice(1 - BLOCKS_SHOWING) : []), { block, absentMs }]
      const seconds = periodOf(seen)
      nextMs = seconds === undefined ? Number.NEGATIVE_INFINITY : 1_000 * (block.timestamp + seconds) + Math.min(...offsetsOf(seen))
      isPassedOver = seconds !== undefined && block.number % PROBED_EVERY !== 0 && spreadOf(offsetsOf(seen)) < STEADY_MS
    },
    /** Before that the block after the newest is not there: its time, and how soon after theirs others were. The past where there is no beat. */
    nextMs: (): number => nextMs,
    /** Whether it will not be there then either, if it comes as those before did: a question at that moment may be left out. */
    isPassedOver: (): boolean => isPassedOver,
  }
}

/** Seconds; `undefined` where there is none. */
function periodOf(seen: readonly Seen[]): number | undefined {
  const gaps = seen.slice(1).map(({ block }, index) => block.timestamp - (seen[index] as Seen).block.timestamp)
  const least = Math.min(...gaps)
  if (seen.length < BLOCKS_SHOWING || least > PERIOD_MAX_SECONDS || gaps.some((gap) => gap % least !== 0)) return undefined
  // Timestamps that run away from the clock are not made by it.
  return spreadOf(offsetsOf(seen)) > 1_000 * least ? undefined : least
}
