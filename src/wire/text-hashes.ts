/**
 * A hash function that remembers the texts seen last, `textsMax` of them; for a new one the oldest is forgotten.
 * A sender of ever new texts gains nothing: a miss costs the one hash that a hit saves.
 */
export function createTextHashes(options: {
  readonly hash: (text: string) => Uint8Array
  readonly textsMax: number
}): (text: string) => Uint8Array {
  const hashes = new Map<string, Uint8Array>()
  return (text) => {
    const known = hashes.get(text)
    if (known !== undefined) return known
    if (hashes.size >= options.textsMax) hashes.delete(hashes.keys().next().value as string)
    const hash = options.hash(text)
    hashes.set(text, hash)
    return hash
  }
}
