import { parseCanonicalJson } from '#client/proof.ts'
import type { Value } from './value.ts'

/** What proved bytes say; `undefined` where they are no JSON. */
export function parsedSnapshot(bytes: Uint8Array): Value | undefined {
  try {
    return parseCanonicalJson(bytes)
  } catch {
    return undefined
  }
}
