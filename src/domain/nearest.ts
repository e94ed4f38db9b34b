/** Words that were meant, for whoever mistypes a name. */

/** Those of `known` that differ from the word by a slip or two, nearest first. */
export function nearest<Word extends string>(word: string, known: readonly Word[]): Word[] {
  const slipsMax = word.length <= 3 ? 1 : 2
  return known
    .map((name) => ({ name, slips: slipsBetween(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ slips }) => slips <= slipsMax)
    .sort((left, right) => left.slips - right.slips)
    .map(({ name }) => name)
    .slice(0, 3)
}

/** Letters to add, drop, replace, or swap with their neighbour. */
function slipsBetween(left: string, right: string): number {
  let before: number[] = []
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= right.length; j += 1) {
      const isSame = left[i - 1] === right[j - 1]
      const isSwapped = left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      const swap = isSwapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (isSame ? 0 : 1), swap))
    }
    before = row
    row = next
  }
  return row[right.length] ?? 0
}

/** `; did you mean a or b?`, or nothing but a full stop. */
export function meant(words: readonly string[]): string {
  return words.length === 0 ? '.' : `; did you mean ${words.join(' or ')}?`
}
