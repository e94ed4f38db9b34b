import { safeUint } from '#domain/ids.ts'

/** A flag parser for integers from `min` to `max`; anything else is refused with the range in words. */
export function integerIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = safeUint(text)
    if (value === undefined || value < min || value > max) throw new SyntaxError(`'${text}' is not an integer from ${min} to ${max}`)
    return value
  }
}
