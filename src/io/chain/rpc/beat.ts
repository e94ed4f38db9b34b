import type { BlockRef } from '#io/chain/port.ts'

/** So many blocks in a row show that a chain makes them by the clock. */
const BLOCKS_SHOWING = 16
/** What makes one more seldom is asked all the same: that it goes on as it did says less, and costs more when it does not. */
const PERIOD_MAX_SECONDS = 15

interface Seen {
  readonly block: BlockRef
  /** How long after its timestamp it was not there yet, by the clock of whoever asks, which may be another than the chain's. */
  readonly absentMs: number
}

/**
 * The beat of a chain that makes blocks by the clock, as most do: then none comes sooner than a whole period after the one before. Chains whose
 * contracts see another chain's number make a block when there is a transaction, and have none.
 */
export function createBeat() {
  /** Each the child of the one before. */
  let seen: readonly Seen[] = []
  let nextMs = Number.NEGATIVE_INFINITY
  return {
    /** Another head, and when the one before was told last. */
    took(block: BlockRef, toldMs: number): void {
      const isNext = Number(block.contractNumber) === block.number && block.parentHash === seen.at(-1)?.block.hash
      seen = [...(isNext ? seen.slice(1 - BLOCKS_SHOWING) : []), { block, absentMs: toldMs - 1_000 * block.timestamp }]
      const seconds = periodOf(seen)
      const soonMs = Math.min(...seen.map(({ absentMs }) => absentMs))
      nextMs = seconds === undefined ? Number.NEGATIVE_INFINITY : 1_000 * (block.timestamp + seconds) + soonMs
    },
    /** Before that the block after the newest is not there: its time, and how soon after theirs others were. The past where there is no beat. */
    nextMs: (): number => nextMs,
  }
}

/** Seconds; `undefined` where there is none. */
function periodOf(seen: readonly Seen[]): number | undefined {
  const gaps = seen.slice(1).map(({ block }, index) => block.timestamp - (seen[index] as Seen).block.timestamp)
  const least = Math.min(...gaps)
  if (seen.length < BLOCKS_SHOWING || least > PERIOD_MAX_SECONDS || gaps.some((gap) => gap % least !== 0)) return undefined
  const absentMs = seen.map((each) => each.absentMs)
  // Timestamps that run away from the clock are not made by it.
  return Math.max(...absentMs) - Math.min(...absentMs) > 1_000 * least ? undefined : least
}
