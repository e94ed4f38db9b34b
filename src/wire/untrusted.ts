/** The first step into what a stranger sent: `undefined` says that it is nothing of the kind. What the fields hold is for the caller. */

/** Decoders tell malformed bytes by throwing; here they are an expected outcome. */
export function unlessThrown<Value>(decode: () => Value): Value | undefined {
  // Stryker disable BlockStatement: without its return, catching gives undefined as well.
  try {
    return decode()
  } catch {
    return undefined
  }
}
// Stryker restore BlockStatement

/** `undefined`, which no JSON spells, when the text is not JSON. */
export function parseJson(text: string): unknown {
  return unlessThrown(() => JSON.parse(text))
}

export type JsonRecord = { readonly [key: string]: unknown }

export const isRecord = (value: unknown): value is JsonRecord => typeof value === 'object' && value !== null && !Array.isArray(value)
