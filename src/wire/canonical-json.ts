/**
 * The bytes of a snapshot: what CPython writes for `json.dumps(value, sort_keys=True, separators=(",",":"))` (spec/03 §9).
 * A `bigint` is a Python int, a `number` a Python float. One byte of difference is another CID and so another vote.
 */

import type { JsonValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'

/** CPython itself refuses to write or read an int of more decimal digits (`sys.int_info.default_max_str_digits`). */
export const INT_DIGITS_MAX = 4_300
/** The deepest published model nests 6 levels; CPython gives up at about 1,000. */
export const JSON_DEPTH_MAX = 100
/** An epoch of 10 blocks takes some 10 kB, a dense trade-volume epoch 1 MB. Anything above this is an attack or a mistake. */
export const JSON_BYTES_MAX = 32 * 1024 * 1024

type JsonObject = { readonly [key: string]: JsonValue }

/** Throws `JSON_MALFORMED` for what Python could not write either (too deep, too many digits) and for values that are not JSON, `COMPUTE_LIMIT` for what no node takes. */
export function canonicalJson(value: JsonValue): Uint8Array {
  const parts: string[] = []
  write(value, parts, 0)
  const text = parts.join('')
  const { length } = text
  if (length > JSON_BYTES_MAX)
    throw new WeftError('COMPUTE_LIMIT', { limit: 'size', allowed: JSON_BYTES_MAX, detail: `it has ${length} bytes` })
  return new TextEncoder().encode(text)
}

/**
 * Reads JSON as Python's `json.loads` does: integers become bigint, everything with a fraction or exponent a number, and the
 * literals NaN, Infinity and -Infinity are understood. White space and key order are free. Of equal keys of one object the last counts, unless
 * each must be there once. Throws `JSON_MALFORMED`.
 */
export function parseCanonicalJson(bytes: Uint8Array, { areKeysOnce = false }: { readonly areKeysOnce?: boolean } = {}): JsonValue {
  if (bytes.length > JSON_BYTES_MAX) throw malformed(`${bytes.length} bytes, at most ${JSON_BYTES_MAX} are allowed`)
  return new Parser(decodeUtf8(bytes), areKeysOnce).whole()
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw malformed('the bytes are not UTF-8', cause)
  }
}

function malformed(detail: string, cause?: unknown): WeftError<'JSON_MALFORMED'> {
  return new WeftError('JSON_MALFORMED', { detail }, cause)
}

/** The decimal text of an int, unless CPython would neither write nor read it. */
function pythonInt(text: string): string {
  if (text.length - (text.startsWith('-') ? 1 : 0) > INT_DIGITS_MAX) throw malformed(`an integer of more than ${INT_DIGITS_MAX} digits`)
  return text
}

// --- writing --------------------------------------------------------------------------------------------------------

function write(value: JsonValue, parts: string[], depth: number): void {
  if (depth > JSON_DEPTH_MAX) throw malformed(`nested deeper than ${JSON_DEPTH_MAX}`)
  switch (typeof value) {
    case 'string':
      parts.push(quoted(value))
      return
    case 'number':
      parts.push(pythonFloat(value))
      return
    case 'bigint':
      parts.push(pythonInt(value.toString()))
      return
    case 'boolean':
      parts.push(value ? 'true' : 'false')
      return
    case 'object':
      if (value === null) parts.push('null')
      else if (Array.isArray(value)) writeList(value, parts, depth)
      else writeObject(value as JsonObject, parts, depth)
      return
    default:
      throw malformed(`a value of type ${typeof value} is not JSON`)
  }
}

function writeList(list: readonly JsonValue[], parts: string[], depth: number): void {
  parts.push('[')
  list.forEach((item, index) => {
    if (index > 0) parts.push(',')
    write(item, parts, depth + 1)
  })
  parts.push(']')
}

function writeObject(object: JsonObject, parts: string[], depth: number): void {
  parts.push('{')
  sortedByCodePoint(Object.keys(object)).forEach((key, index) => {
    parts.push(index > 0 ? ',' : '', quoted(key), ':')
    write(object[key] as JsonValue, parts, depth + 1)
  })
  parts.push('}')
}

/** `repr(float)`: the same shortest digits as JavaScript, another choice of notation (exponent below 1e-4 and from 1e16). */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const magnitude = Math.abs(value)
  if (magnitude >= 1e-4 && magnitude < 1e16) return Number.isInteger(value) ? `${value}.0` : String(value)
  const [digits, exponent] = value.toExponential().split('e') as [string, string]
  return `${digits}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`
}

// `JSON.stringify` escapes quotes, backslashes, control characters and lone surrogates as Python does; the rest above `~` is left to do.
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function sortedByCodePoint(keys: string[]): string[] {
  // Without surrogates, code units order as code points do.
  return keys.some((key) => /[\ud800-\udfff]/.test(key)) ? keys.sort(byCodePoint) : keys.sort()
}

function byCodePoint(left: string, right: string): number {
  // Two keys of one object differ, so this ends. The second half of a pair is a point of its own here; it follows two equal points, and is equal too.
  for (let index = 0; ; index += 1) {
    const difference = (left.codePointAt(index) ?? -1) - (right.codePointAt(index) ?? -1)
    if (difference !== 0) return difference
  }
}

// --- reading --------------------------------------------------------------------------------------------------------

const LITERALS: Readonly<Record<string, JsonValue>> = {
  null: null,
  true: true,
  false: false,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const LITERAL = /null|true|false|NaN|-?Infinity/y
// All but quotes, backslashes and control characters.
const UNESCAPED = /[\x20\x21\x23-\x5b\x5d-\uffff]*/y
const BLANK = /[ \t\n\r]*/y

/**
 * Not `JSON.parse`: that one loses the difference between 5 and 5.0, knows no NaN and no limit of depth, and in Node 26 (V8 14.6)
 * reads a key of one escaped character, such as `"\u00e9"`, as a backslash after certain earlier inputs.
 */
class Parser {
  readonly #text: string
  readonly #areKeysOnce: boolean
  #at = 0

  constructor(text: string, areKeysOnce: boolean) {
    this.#text = text
    this.#areKeysOnce = areKeysOnce
  }

  whole(): JsonValue {
    const value = this.#value(0)
    this.#take(BLANK)
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #value(depth: number): JsonValue {
    if (depth > JSON_DEPTH_MAX) throw malformed(`nested deeper than ${JSON_DEPTH_MAX}`)
    this.#take(BLANK)
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#list(depth)
      case '"':
        return this.#string()
      default:
        return this.#scalar()
    }
  }

  #list(depth: number): JsonValue {
    const list: JsonValue[] = []
    this.#at++
    if (this.#skips(']')) return list
    do list.push(this.#value(depth + 1))
    while (this.#skips(','))
    this.#expect(']')
    return list
  }

  #object(depth: number): JsonValue {
    // Without a prototype no key of a stranger, `__proto__` least of all, means anything but itself.
    const object: Record<string, JsonValue> = Object.create(null)
    this.#at++
    if (this.#skips('}')) return object
    do {
      this.#take(BLANK)
      if (this.#text[this.#at] !== '"') throw this.#unexpected()
      const key = this.#string()
      if (this.#areKeysOnce && key in object) throw malformed(`${quoted(key)} comes twice in one object`)
      this.#expect(':')
      object[key] = this.#value(depth + 1)
    } while (this.#skips(','))
    this.#expect('}')
    return object
  }

  #string(): string {
    this.#at++
    let result = this.#take(UNESCAPED)
    while (this.#text[this.#at] === '\\') result += this.#escape() + this.#take(UNESCAPED)
    if (this.#text[this.#at] !== '"') throw this.#unexpected()
    this.#at++
    return result
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at + 1)
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6)
      if (!/[0-9a-fA-F]{4}/.test(digits)) throw this.#unexpected()
      this.#at += 6
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const character = ESCAPES[letter]
    if (character === undefined) throw this.#unexpected()
    this.#at += 2
    return character
  }

  #scalar(): JsonValue {
    const literal = this.#take(LITERAL)
    if (literal !== '') return LITERALS[literal] as JsonValue
    const number = this.#take(NUMBER)
    if (number === '') throw this.#unexpected()
    if (/[.eE]/.test(number)) return Number(number)
    return BigInt(pythonInt(number))
  }

  /** Moves over what the sticky pattern matches here and returns it; empty when it does not match. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const taken = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += taken.length
    return taken
  }

  #skips(character: string): boolean {
    this.#take(BLANK)
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #expect(character: string): void {
    if (!this.#skips(character)) throw this.#unexpected()
  }

  #unexpected(): WeftError<'JSON_MALFORMED'> {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : 'the end'
    return malformed(`unexpected ${found} at character ${this.#at}`)
  }
}
