import type { BlockRef } from '#io/chain/port.ts'

/** So many blocks in a row show that a chain makes them by the clock. */
const BLOCKS_SHOWING = 16
/** What makes one more seldom is asked all the same: that it goes on as it did says less, and costs more when it does not. */
const PERIOD_MAX_SECONDS = 15

/**
 * The beat of a chain that makes blocks by the clock, as most do: then none comes sooner than a whole period after the one before. Chains whose
 * contracts see another chain's number make a block when there is a transaction, and have none.
 */
export function createBeat() {
  /** Each the child of the one before, and when it was not there yet, by the clock of whoever asks. */
  let heads: readonly { readonly block: BlockRef; readonly absentMs: number }[] = []

  /** Seconds; `undefined` where there is none. */
  function period(): number | undefined {
    if (heads.length < BLOCKS_SHOWING) return undefined
    const gaps = heads.slice(1).map(({ block }, index) => block.timestamp - (heads[index] as (typeof heads)[0]).block.timestamp)
    const least = Math.min(...gaps)
    return least <= PERIOD_MAX_SECONDS && gaps.every((gap) => gap % least === 0) ? least : undefined
  }

  return {
    /** Another head, and when the one before was told last. */
    took(block: BlockRef, absentMs: number): void {
      const last = heads.at(-1)
      const isNext = Number(block.contractNumber) === block.number && block.parentHash === last?.block.hash
      heads = [...(isNext ? heads.slice(1 - BLOCKS_SHOWING) : []), { block, absentMs }]
    },
    /** Before that the block after the newest is not there: its time, and how soon after theirs others were. The past where there is no beat. */
    nextMs(): number {
      const seconds = period()
      if (seconds === undefined) return Number.NEGATIVE_INFINITY
      const soonMs = Math.min(...heads.map(({ block, absentMs }) => absentMs - 1_000 * block.timestamp))
      return 1_000 * ((heads.at(-1) as (typeof heads)[0]).block.timestamp + seconds) + soonMs
    },
  }
}
