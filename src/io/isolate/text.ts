/** Taken out once: within a context of an isolate looking for a global is dear, and a value looks for several. */
const { isFinite: isFiniteNumber } = Number
const { entries, fromEntries, getPrototypeOf, is } = Object
const PLAIN = Object.prototype
const { isArray } = Array
const [OurMap, OurSet] = [Map, Set]

/**
 * Values as text, for the way into an isolate and out of it: nothing but strings passes, so that no object of one side is ever reached from the
 * other. Takes what JSON takes, and bigints, floats that JSON has no word for, `undefined`, maps and sets.
 */
export function encode(value: unknown): string {
  return JSON.stringify(tagged(value))
}

export function decode(text: string): unknown {
  return plain(JSON.parse(text))
}

type Tagged = null | boolean | string | number | readonly Tagged[] | { readonly [key: string]: Tagged }

/** Throws `TypeError` for what cannot pass: functions, promises, instances of classes. */
function tagged(value: unknown): Tagged {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return isFiniteNumber(value) && !is(value, -0) ? value : ['float', is(value, -0) ? '-0' : `${value}`]
  if (typeof value === 'bigint') return ['int', `${value}`]
  if (value === undefined) return ['undefined']
  if (isArray(value)) return ['list', ...value.map(tagged)]
  if (value instanceof OurMap) return ['map', ...[...value].flat().map(tagged)]
  if (value instanceof OurSet) return ['set', ...[...value].map(tagged)]
  const prototype: unknown = typeof value === 'object' ? getPrototypeOf(value) : undefined
  if (prototype !== null && prototype !== PLAIN) throw new TypeError(`${nameOf(value)} cannot be handed over: only data can`)
  return fromEntries(entries(value as object).map(([key, item]) => [key, tagged(item)]))
}

const nameOf = (value: unknown): string =>
  typeof value === 'object' ? `a ${value?.constructor?.name ?? 'strange object'}` : `a ${typeof value}`

function plain(value: Tagged): unknown {
  if (value === null || typeof value !== 'object') return value
  if (!isArray(value)) return fromEntries(entries(value).map(([key, item]) => [key, plain(item)]))
  const [kind, ...items] = value as readonly Tagged[]
  switch (kind) {
    case 'float':
      return Number(items[0])
    case 'int':
      return BigInt(items[0] as string)
    case 'list':
      return items.map(plain)
    case 'map':
      return new Map(
        Array.from({ length: items.length / 2 }, (_, at) => [plain(items[2 * at] as Tagged), plain(items[2 * at + 1] as Tagged)]),
      )
    case 'set':
      return new Set(items.map(plain))
    default:
      return undefined
  }
}
