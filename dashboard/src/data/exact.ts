/** A snapshot as it stands in its text: integers that a `number` cannot hold are a `bigint`. */
export type Exact = null | boolean | string | number | bigint | readonly Exact[] | { readonly [key: string]: Exact }

/** Throws `SyntaxError` where the text is no JSON. */
export function parseExact(text: string): Exact {
  const exact = (_key: string, value: Exact, context?: { readonly source?: string }): Exact =>
    typeof value === 'number' && !Number.isSafeInteger(value) && context?.source !== undefined && /^-?\d+$/.test(context.source)
      ? BigInt(context.source)
      : value
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown) as Exact
}

const BLOCK_KEY = /^block\d+$/

/** A path within a snapshot as series are asked for: the maps by block are read at their last one. */
export const seriesPath = (path: readonly string[]): string => path.map((segment) => (BLOCK_KEY.test(segment) ? '*' : segment)).join('.')

export function isMap(value: Exact | undefined): value is { readonly [key: string]: Exact } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a list of objects has under a name; lists in which anything else stands have nothing. */
export function rowsOf(value: Exact | undefined, name: string): readonly { readonly [key: string]: Exact }[] {
  const list = isMap(value) ? value[name] : undefined
  return Array.isArray(list) ? list.filter(isMap) : []
}

/** A number, or `undefined` where there is none under the name. */
export function numberOf(value: Exact | undefined, name: string): number | undefined {
  const found = isMap(value) ? value[name] : undefined
  if (typeof found === 'bigint') return Number(found)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

export function textOf(value: Exact | undefined, name: string): string {
  const found = isMap(value) ? value[name] : undefined
  return typeof found === 'string' ? found : ''
}

/** Of a map by block, the value at the last one. */
export function lastOf(value: Exact | undefined): Exact | undefined {
  return isMap(value) ? Object.values(value).at(-1) : undefined
}
