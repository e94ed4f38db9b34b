/** Words that were meant, for whoever mistypes a name. */

/** Those of `known` that differ from the word by a slip or two, nearest first. */
export function nearest<Word extends string>(word: string, known: readonly Word[]): Word[] {
  const slipsMax = word.length <= 3 ? 1 : 2
  return known
    .map((name) => ({ name, slips: slipsBetween(word.toLowerCase(), name.toLowerCase(), slipsMax) }))
    .filter(({ slips }) => slips <= slipsMax)
    .sort((left, right) => left.slips - right.slips)
    .map(({ name }) => name)
    .slice(0, 3)
}

/**
 * Letters to add, drop, replace, or swap with their neighbour; of words that are further apart than `slipsMax`, more than that. Looks no further to
 * either side of a letter than so many slips lead: words may be long, and many.
 */
function slipsBetween(left: string, right: string, slipsMax: number): number {
  const reach = 2 * slipsMax + 1
  // Place k of row i is for the first i letters of one word and the first i + k - slipsMax of the other.
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: reach }, (_, k) => (k < slipsMax ? Number.POSITIVE_INFINITY : k - slipsMax))
  for (let i = 1; i <= left.length; i += 1) {
    const next: number[] = []
    for (let k = 0; k < reach; k += 1) {
      const j = i + k - slipsMax
      const isSame = left[i - 1] === right[j - 1]
      const isSwapped = i > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      const slips = Math.min(
        (row[k + 1] ?? Number.POSITIVE_INFINITY) + 1,
        (next[k - 1] ?? Number.POSITIVE_INFINITY) + 1,
        (row[k] ?? Number.POSITIVE_INFINITY) + (isSame ? 0 : 1),
        isSwapped ? (before[k] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
      next.push(j === 0 ? i : j < 0 || j > right.length ? Number.POSITIVE_INFINITY : slips)
    }
    if (Math.min(...next) > slipsMax) return Number.POSITIVE_INFINITY
    before = row
    row = next
  }
  return row[right.length - left.length + slipsMax] ?? Number.POSITIVE_INFINITY
}

/** `; did you mean a or b?`, or nothing but a full stop. */
export function meant(words: readonly string[]): string {
  return words.length === 0 ? '.' : `; did you mean ${words.join(' or ')}?`
}
