import type { Address } from '#domain/ids.ts'
import { digestIn, PAIR_BYTES, signatureIn, type SignedPairs } from '#wire/signed-pairs.ts'
import { recoverBytes } from './secp256k1.ts'

/** How signers travel back between threads: as one buffer, which changes hands without being copied. */

const ADDRESS_BYTES = 20
/** A byte that says whether there is a signer, and its address. */
const ANSWER_BYTES = 1 + ADDRESS_BYTES

/** What was found for each pair. */
export type Answers = Uint8Array<ArrayBuffer>

export function recoverPairs(pairs: SignedPairs): Answers {
  const count = pairs.length / PAIR_BYTES
  const answers = new Uint8Array(count * ANSWER_BYTES)
  for (let index = 0; index < count; index += 1) {
    const signer = recoverBytes(digestIn(pairs, index), signatureIn(pairs, index))
    if (signer === undefined) continue
    answers[index * ANSWER_BYTES] = 1
    answers.set(signer, index * ANSWER_BYTES + 1)
  }
  return answers
}

export function unpacked(answers: Answers): (Address | undefined)[] {
  return Array.from({ length: answers.length / ANSWER_BYTES }, (_, index) => {
    const at = index * ANSWER_BYTES
    return answers[at] === 1 ? (`0x${answers.subarray(at + 1, at + ANSWER_BYTES).toHex()}` as Address) : undefined
  })
}
