import { decodeRlp } from '#wire/rlp.ts'
import { isRecord, unlessThrown } from '#wire/untrusted.ts'

/** What checking a proof takes, in one piece that is loaded when it is needed. */

export { checkProof } from '#roles/consumer/proof/check.ts'

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
