/** How old the newest block of a chain may be, by the time that the chain takes from one block to the next. */

/** Beyond the block time of most chains that a market is on. */
const LATE_AFTER_SECONDS = 120
/** Where blocks come by chance one in 150 takes longer. */
const BEATS = 5
/** A chain on which nobody sends anything may make no block for days: its silence is told all the same. */
const LATE_AFTER_SECONDS_MAX = 3_600

/** `blockSeconds` is the average of the last blocks; `undefined` where only one is known. */
export const lateAfterSeconds = (blockSeconds: number | undefined): number =>
  Math.max(LATE_AFTER_SECONDS, Math.min(BEATS * (blockSeconds ?? 0), LATE_AFTER_SECONDS_MAX))

/** To be said behind the age of the newest block: what it is held against. */
export const paceInWords = (blockSeconds: number | undefined): string =>
  blockSeconds === undefined || blockSeconds < 0.05 ? '' : `, with a block every ${Math.round(10 * blockSeconds) / 10} s`
