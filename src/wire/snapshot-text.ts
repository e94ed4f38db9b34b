import { JSON_DEPTH_MAX, parseCanonicalJson } from './canonical-json.ts'
import { parseJson, unlessThrown } from './untrusted.ts'

/**
 * Whether a snapshot can be read: JSON, or what Python takes for it, nested no deeper than any may be. Every reader of JSON takes what it allows;
 * what nests a million levels costs engines seconds, each time that somebody reads it.
 */
export function isSnapshotText(text: string): boolean {
  if (isTooDeep(text)) return false
  // The reader of every engine is the fastest; what it does not know is rare.
  return parseJson(text) !== undefined || unlessThrown(() => parseCanonicalJson(new TextEncoder().encode(text))) !== undefined
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const OPENING: readonly number[] = [0x5b, 0x7b]
const CLOSING: readonly number[] = [0x5d, 0x7d]

function isTooDeep(text: string): boolean {
  let [depth, isInText] = [0, false]
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) isInText = !isInText
    else if (isInText) at += unit === BACKSLASH ? 1 : 0
    else if (OPENING.includes(unit)) depth += 1
    else if (CLOSING.includes(unit)) depth -= 1
    if (depth > JSON_DEPTH_MAX) return true
  }
  return false
}
