import type { Address } from '#domain/ids.ts'
import type { Signed } from './port.ts'
import { recoverer } from './secp256k1.ts'

/** How signatures and signers travel between threads: as one buffer each, which changes hands without being copied. */

const [DIGEST_BYTES, SIGNATURE_BYTES, ADDRESS_BYTES] = [32, 65, 20]
const SIGNED_BYTES = DIGEST_BYTES + SIGNATURE_BYTES
/** A byte that says whether there is a signer, and its address. */
const ANSWER_BYTES = 1 + ADDRESS_BYTES

/** Digest and signature, one pair after the other. */
export type Parcel = Uint8Array<ArrayBuffer>
/** What was found for each pair of a parcel. */
export type Answers = Uint8Array<ArrayBuffer>

export function packed(signed: readonly Signed[]): Parcel {
  const parcel = new Uint8Array(signed.length * SIGNED_BYTES)
  for (const [index, { digest, signature }] of signed.entries()) {
    parcel.set(digest, index * SIGNED_BYTES)
    parcel.set(signature, index * SIGNED_BYTES + DIGEST_BYTES)
  }
  return parcel
}

export function recoverParcel(parcel: Parcel): Answers {
  const answers = new Uint8Array((parcel.length / SIGNED_BYTES) * ANSWER_BYTES)
  for (let from = 0, to = 0; from < parcel.length; from += SIGNED_BYTES, to += ANSWER_BYTES) {
    const digest = parcel.subarray(from, from + DIGEST_BYTES)
    const signer = recoverer.recover(digest, parcel.subarray(from + DIGEST_BYTES, from + SIGNED_BYTES))
    if (signer === undefined) continue
    answers[to] = 1
    answers.set(Uint8Array.fromHex(signer.slice(2)), to + 1)
  }
  return answers
}

export function unpacked(answers: Answers): (Address | undefined)[] {
  return Array.from({ length: answers.length / ANSWER_BYTES }, (_, index) => {
    const at = index * ANSWER_BYTES
    return answers[at] === 1 ? (`0x${answers.subarray(at + 1, at + ANSWER_BYTES).toHex()}` as Address) : undefined
  })
}
