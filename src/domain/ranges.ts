/** `1,3-5`: as people write it, and the setting takes it. */
export function rangesOf(ids: readonly number[]): string[] {
  const ranges: { first: number; last: number }[] = []
  for (const id of ids.toSorted((left, right) => left - right)) {
    const range = ranges.at(-1)
    if (range !== undefined && id <= range.last + 1) range.last = id
    else ranges.push({ first: id, last: id })
  }
  return ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`))
}
