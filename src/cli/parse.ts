import { safeUint } from '#domain/ids.ts'

/** A flag parser for integers from `min` to `max`; anything else is refused with the range in words. */
export function integerIn(min: number, max: number): Ranged {
  const parse = (text: string): number => {
    const value = safeUint(text)
    if (value === undefined || value < min || value > max) throw new SyntaxError(`'${text}' is not an integer from ${min} to ${max}`)
    return value
  }
  return Object.assign(parse, { range: `${min} to ${max}` })
}

/** A parser that says in words what it takes. */
export type Ranged = ((text: string) => number) & { readonly range: string }

/** What a flag takes, in words: the range of numbers, or each of a few words; `undefined` where it may be anything. */
export function rangeOf(flag: object): string | undefined {
  if ('values' in flag) return (flag.values as readonly string[]).join(', ')
  return 'parse' in flag ? (flag.parse as Partial<Ranged>).range : undefined
}
