import './older-engines.ts'
import type { Hash } from '#domain/ids.ts'
import { headerOf } from '#roles/consumer/proof/header.ts'
import { keccak256 } from '#wire/keccak.ts'
import { isRecord, unlessThrown } from '#wire/untrusted.ts'

/** What checking a proof takes, in one piece that is loaded when it is needed. */

export { CHECK_STEPS, type CheckResult, type CheckStep, checkProof, type Trust } from '#roles/consumer/proof/check.ts'
/** Of the data that a proof ends in. */
export { parseCanonicalJson } from '#wire/canonical-json.ts'

/** The header that a proof brings along. */
function headerBytesOf(proof: unknown): Uint8Array | undefined {
  const header = isRecord(proof) ? proof['header'] : undefined
  return typeof header === 'string' ? unlessThrown(() => Uint8Array.fromHex(header.slice(2))) : undefined
}

/** Of the block that the proof is about, by its own word: whose hash is asked for. `undefined` where it holds no header. */
export function blockNumberOf(proof: unknown): number | undefined {
  const bytes = headerBytesOf(proof)
  const number = bytes && headerOf(bytes)?.number
  return Number.isSafeInteger(number) ? number : undefined
}

/** Of the block that the proof brings along: worth something where somebody else says the same. `undefined` where it holds no header. */
export function blockHashOf(proof: unknown): Hash | undefined {
  const bytes = headerBytesOf(proof)
  return bytes && (`0x${keccak256(bytes).toHex()}` as Hash)
}
