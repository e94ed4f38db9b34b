import type { DataPoint } from '#client/client.ts'

/** A snapshot, or something in it: integers are a `bigint`, other numbers a `number`. */
export type Value = Required<DataPoint>['value']

const BLOCK_KEY = /^block\d+$/

/** A path within a snapshot as series are asked for: the maps by block are read at their last one. */
export const seriesPath = (path: readonly string[]): string => path.map((segment) => (BLOCK_KEY.test(segment) ? '*' : segment)).join('.')

export function isMap(value: Value | undefined): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a list of objects has under a name; lists in which anything else stands have nothing. */
export function rowsOf(value: Value | undefined, name: string): readonly { readonly [key: string]: Value }[] {
  const list = isMap(value) ? value[name] : undefined
  return Array.isArray(list) ? list.filter(isMap) : []
}

/** A number, or `undefined` where there is none under the name. */
export function numberOf(value: Value | undefined, name: string): number | undefined {
  const found = isMap(value) ? value[name] : undefined
  return typeof found === 'bigint' || typeof found === 'number' ? Number(found) : undefined
}

export function textOf(value: Value | undefined, name: string): string {
  const found = isMap(value) ? value[name] : undefined
  return typeof found === 'string' ? found : ''
}

/** They tell where a value is from, and not what it is. */
const LESS_TELLING = /^(epochId|\w*[tT]imestamp|begin|end|logIndex|blockNumber|decimals)$/
/** Entries of one level that are looked at. */
const LOOKED_AT_MAX = 50

/** What to draw of a snapshot before somebody chooses: of the numbers that tell something the outermost, and of those the first. */
export function firstNumber(value: Value): string | undefined {
  let level: readonly (readonly [path: readonly string[], value: Value])[] = [[[], value]]
  while (level.length > 0) {
    const found = level.find(([path, each]) => isNumber(each) && !LESS_TELLING.test(path.at(-1) ?? ''))
    if (found !== undefined) return seriesPath(found[0])
    level = level.flatMap(([path, each]) => entriesOf(each).map(([key, child]) => [[...path, key], child] as const)).slice(0, LOOKED_AT_MAX)
  }
  return undefined
}

const isNumber = (value: Value): boolean => typeof value === 'number' || typeof value === 'bigint'
const entriesOf = (value: Value): [string, Value][] => (isMap(value) || Array.isArray(value) ? Object.entries(value) : [])

export function isByBlock(value: Value): value is { readonly [key: string]: Value } {
  return isMap(value) && Object.keys(value).every((key) => BLOCK_KEY.test(key))
}

/** The last block of a map by block: their numbers, not the order in which they stand. */
export const lastKeyOf = (map: { readonly [key: string]: Value }): string | undefined =>
  Object.keys(map).reduce<string | undefined>((best, key) => (best === undefined || blockOf(key) > blockOf(best) ? key : best), undefined)

/** Of a map by block, the value at the last one. */
export function lastOf(value: Value | undefined): Value | undefined {
  const last = isMap(value) ? lastKeyOf(value) : undefined
  return last === undefined || !isMap(value) ? undefined : value[last]
}

const blockOf = (key: string): number => Number(key.replace(/^block/, ''))
