import type { Hash } from '#domain/ids.ts'
import { keccak256 } from '#wire/keccak.ts'
import { decodeRlp } from '#wire/rlp.ts'
import { isRecord, unlessThrown } from '#wire/untrusted.ts'

/** What checking a proof takes, in one piece that is loaded when it is needed. */

export { CHECK_STEPS, type CheckResult, type CheckStep, checkProof, type Trust } from '#roles/consumer/proof/check.ts'

/** The number stands behind parent, uncles, miner, four roots and blooms, and difficulty. */
const NUMBER_AT = 8

/** Of the block that the proof is about, by its own word: whose hash is asked for. `undefined` where it holds no header. */
export function blockNumberOf(proof: unknown): number | undefined {
  const header = isRecord(proof) ? proof['header'] : undefined
  if (typeof header !== 'string') return undefined
  const fields = unlessThrown(() => decodeRlp(Uint8Array.fromHex(header.slice(2))))
  const number = Array.isArray(fields) ? fields[NUMBER_AT] : undefined
  if (!(number instanceof Uint8Array) || number.length > 6) return undefined
  return number.reduce((sum, byte) => sum * 256 + byte, 0)
}

/** Of the block that the proof brings along: worth something where somebody else says the same. `undefined` where it holds no header. */
export function blockHashOf(proof: unknown): Hash | undefined {
  const header = isRecord(proof) ? proof['header'] : undefined
  const bytes = typeof header === 'string' ? unlessThrown(() => Uint8Array.fromHex(header.slice(2))) : undefined
  return bytes && (`0x${keccak256(bytes).toHex()}` as Hash)
}
