import type { JsonValue } from '#domain/compute.ts'
import { parseCanonicalJson } from './canonical-json.ts'
import { parseJson, unlessThrown } from './untrusted.ts'

/** One field of a snapshot, for whoever serves it and for whoever reads it from what was verified. */

/** Segments of a path: the deepest published model nests 6. */
const DEPTH_MAX = 20

/** `pairs.0.liquidity`; `*` is the last key of a map, as of a block: `token0Reserves.*`. `undefined` when it is no path. */
export function parsePath(path: string): readonly string[] | undefined {
  const segments = path.split('.')
  return segments.length <= DEPTH_MAX && segments.every((segment) => segment !== '') ? segments : undefined
}

/** A number, or a text; integers that a JSON number would round are texts. `null` where the snapshot has no such field, or more than one value there. */
export function fieldOf(text: string, path: readonly string[]): number | string | null {
  const parsed = parseJson(text)
  const value = at(parsed, path)
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value)
  // What the reader of every engine rounds or refuses is read as it was written.
  const exact =
    parsed === undefined || isRounded
      ? at(
          unlessThrown(() => parseCanonicalJson(new TextEncoder().encode(text))),
          path,
        )
      : value
  if (typeof exact === 'bigint') return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact.toString()
  if (typeof exact === 'boolean') return String(exact)
  return typeof exact === 'string' || Number.isFinite(exact) ? (exact as string | number) : null
}

function at(value: unknown, path: readonly string[]): unknown {
  let here = value
  for (const segment of path) {
    if (typeof here !== 'object' || here === null) return undefined
    const key = segment === '*' ? lastKey(here) : segment
    if (key === undefined || !Object.hasOwn(here, key)) return undefined
    here = (here as Readonly<Record<string, JsonValue>>)[key]
  }
  return here
}

/** Of keys that end with a number the one with the largest: keys of blocks are written `block7`, and `block10` is behind it. */
function lastKey(map: object): string | undefined {
  let last: { readonly key: string; readonly number: number } | undefined
  for (const key of Object.keys(map)) {
    const number = Number(/\d{1,15}$/.exec(key)?.[0] ?? Number.NaN)
    if (last === undefined || Number.isNaN(number) || !(number < last.number)) last = { key, number }
  }
  return last?.key
}
