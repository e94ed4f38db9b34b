import type { InTurns } from './in-turns.ts'
import { isRecord, type JsonRecord, unlessThrown } from './untrusted.ts'

/** Reads a JSON object of any size in pieces, between which others may have their turn. */

/** What is parsed in one go, in some milliseconds whatever it holds: whole batches of the usual size. */
const PIECE_BYTES = 1024 * 1024
/** A batch has five; more of those that nobody knows are there to cost whoever reads them. */
const MEMBERS_MAX = 1_000

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d]
const BOM = [0xef, 0xbb, 0xbf]

/** Not JSON, or a piece of it is larger than any that is read. */
class Unreadable extends Error {}

/**
 * The object that the bytes are; `undefined` when they are none, and when one of its values, of lists one of their items, is larger than a piece,
 * or it has too many. It takes what `JSON.parse` takes otherwise. `pieceBytes` is for tests.
 */
export function* readJsonObject(bytes: Uint8Array, pieceBytes: number = PIECE_BYTES): InTurns<JsonRecord | undefined> {
  const start = BOM.every((byte, index) => bytes[index] === byte) ? BOM.length : 0
  if (bytes.length <= pieceBytes) {
    const value = unlessThrown(() => parse(bytes, start, bytes.length))
    return isRecord(value) ? value : undefined
  }
  const reading = members(bytes, start, pieceBytes)
  for (;;) {
    const step = unlessThrown(() => reading.next())
    if (step === undefined) return undefined
    if (step.done === true) return step.value
    yield
  }
}

function* members(bytes: Uint8Array, start: number, pieceBytes: number): InTurns<JsonRecord> {
  const record = Object.create(null) as Record<string, unknown>
  let at = spaceEnd(bytes, take(bytes, spaceEnd(bytes, start), OBJECT))
  let turnAt = at
  for (let count = 0; count > 0 || bytes[at] !== OBJECT_END; count += 1) {
    if (count === MEMBERS_MAX) throw new Unreadable()
    const keyEnd = valueEnd(bytes, at, pieceBytes)
    const key = parse(bytes, at, keyEnd)
    if (typeof key !== 'string') throw new Unreadable()
    at = spaceEnd(bytes, take(bytes, keyEnd, COLON))
    if (bytes[at] === LIST) {
      const list = yield* items(bytes, at + 1, pieceBytes)
      record[key] = list.items
      at = spaceEnd(bytes, list.end + 1)
    } else {
      const end = valueEnd(bytes, at, pieceBytes)
      record[key] = parse(bytes, at, end)
      at = end
    }
    if (bytes[at] === OBJECT_END) break
    at = spaceEnd(bytes, take(bytes, at, COMMA))
    if (at - turnAt < pieceBytes) continue
    turnAt = at
    yield
  }
  if (spaceEnd(bytes, at + 1) !== bytes.length) throw new Unreadable()
  return record
}

/** The items of a list, as many at once as are a piece, and where its bracket is. */
function* items(bytes: Uint8Array, start: number, pieceBytes: number): InTurns<{ readonly items: unknown[]; readonly end: number }> {
  const all: unknown[] = []
  let from = start
  for (let at = start; ; at += 1) {
    at = valueEnd(bytes, at, pieceBytes)
    const isLast = bytes[at] === LIST_END
    if (!isLast && bytes[at] !== COMMA) throw new Unreadable()
    if (!isLast && at - from < pieceBytes) continue
    const some = JSON.parse(`[${decoder.decode(bytes.subarray(from, at))}]`) as unknown[]
    // Nothing between two commas, or behind the last.
    if (some.length === 0 && from > start) throw new Unreadable()
    for (const item of some) all.push(item)
    if (isLast) return { items: all, end: at }
    from = at + 1
    yield
  }
}

/** Where the value that begins here ends: at what can follow one. It need not be well formed: whoever parses it finds that. */
function valueEnd(bytes: Uint8Array, from: number, pieceBytes: number): number {
  let depth = 0
  const last = Math.min(bytes.length, from + pieceBytes)
  for (let at = from; at < last; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) at = textEnd(bytes, at, last)
    else if (byte === LIST || byte === OBJECT) depth += 1
    else if (depth === 0 && (byte === COMMA || byte === COLON || byte === LIST_END || byte === OBJECT_END)) return at
    else if (byte === LIST_END || byte === OBJECT_END) depth -= 1
  }
  throw new Unreadable()
}

/** Where the closing quote is. */
function textEnd(bytes: Uint8Array, from: number, last: number): number {
  for (let at = from + 1; at < last; at += 1) {
    if (bytes[at] === QUOTE) return at
    if (bytes[at] === BACKSLASH) at += 1
  }
  throw new Unreadable()
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const parse = (bytes: Uint8Array, from: number, to: number): unknown => JSON.parse(decoder.decode(bytes.subarray(from, to)))

function take(bytes: Uint8Array, at: number, expected: number): number {
  if (bytes[at] !== expected) throw new Unreadable()
  return at + 1
}

function spaceEnd(bytes: Uint8Array, from: number): number {
  let at = from
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at += 1
  return at
}
