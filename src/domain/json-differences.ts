import type { JsonValue } from './compute.ts'

/** A value in words is cut here. */
const VALUE_LENGTH_MAX = 60

/**
 * Where two snapshots differ, field by field: `pairs[3].liquidity: 5.0, not 5`, the left one first, `max` at most. Kinds of numbers count: they are
 * different bytes.
 */
export function jsonDifferences(left: JsonValue, right: JsonValue, max: number): readonly string[] {
  const found: string[] = []
  compare(left, right, '', found, max)
  return found
}

function compare(left: JsonValue | undefined, right: JsonValue | undefined, at: string, found: string[], max: number): void {
  if (found.length >= max || Object.is(left, right)) return
  const keys = keysOfBoth(left, right)
  if (keys === undefined) {
    found.push(`${at || 'the snapshot'}: ${inWords(left)}, not ${inWords(right)}`)
    return
  }
  for (const key of keys) {
    const below = Array.isArray(left) ? `${at}[${key}]` : at === '' ? key : `${at}.${key}`
    compare(memberAt(left, key), memberAt(right, key), below, found, max)
  }
}

/** Of two lists or two objects; `undefined` when they are compared as they are. */
function keysOfBoth(left: JsonValue | undefined, right: JsonValue | undefined): readonly string[] | undefined {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return undefined
  if (Array.isArray(left) !== Array.isArray(right)) return undefined
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
}

function memberAt(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return Object.hasOwn(value as object, key) ? (value as { readonly [key: string]: JsonValue })[key] : undefined
}

function inWords(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing'
  // A float that is whole is written as one.
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : Number.isInteger(value) ? value.toFixed(1) : String(value)
  const text =
    typeof value === 'bigint' ? String(value) : JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each))
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text
}
