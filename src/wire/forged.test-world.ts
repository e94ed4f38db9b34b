import type { Address, EpochId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission, SubmissionRequest } from '#domain/submission.ts'
import { createSubmissionHasher } from './eip712.ts'

/** What somebody makes of a submission that is another's, or was for elsewhere: none of it may count anywhere. */

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const word = (value: bigint): string => value.toString(16).padStart(64, '0')

export interface Place {
  readonly chainId: number
  readonly protocolState: Address
}

/** For which place the slot's key has signed, and how the submission is made of that. */
type SignFor = (place: Place, request: SubmissionRequest) => string
export type Forgery = readonly [code: Rejection, what: string, of: (own: Submission, here: Place, sign: SignFor) => Submission]

const withSignature = (of: (r: string, s: string, v: number) => string): Forgery[2] =>
  function forged(own) {
    const [r, s] = [own.signature.slice(0, 64), own.signature.slice(64, 128)]
    return { ...own, signature: of(r, s, Number.parseInt(own.signature.slice(128), 16)) }
  }

const signedFor = (other: (here: Place) => Place): Forgery[2] =>
  function replayed(own, here, sign) {
    return { ...own, signature: sign(other(here), own.request) }
  }

const changed = (change: Partial<SubmissionRequest>): Forgery[2] =>
  function relabelled(own) {
    return { ...own, request: { ...own.request, ...change } }
  }

export const FORGERIES: readonly Forgery[] = [
  ['signer_mismatch', 'signed for another chain', signedFor((here) => ({ ...here, chainId: here.chainId + 1 }))],
  [
    'signer_mismatch',
    'signed for another ProtocolState',
    signedFor((here) => ({ ...here, protocolState: `0x${'77'.repeat(20)}` as Address })),
  ],
  ['market_unknown', 'sent to another market', (own) => ({ ...own, dataMarket: `0x${'77'.repeat(20)}` })],
  ['market_unknown', 'said to be of another ProtocolState', (own) => ({ ...own, protocolState: `0x${'77'.repeat(20)}` })],
  ['signer_mismatch', 'signed for another epoch', changed({ epochId: 2 as EpochId })],
  ['signer_mismatch', 'signed for an epoch, sent as a simulation', changed({ epochId: 0 as EpochId })],
  [
    'signature_malformed',
    'its twin of the upper half',
    withSignature((r, s, v) => `${r}${word(ORDER - BigInt(`0x${s}`))}${(v === 27 ? 28 : 27).toString(16)}`),
  ],
  [
    'signature_malformed',
    'its twin of the upper half, under the same recovery id',
    withSignature((r, s, v) => `${r}${word(ORDER - BigInt(`0x${s}`))}${v.toString(16)}`),
  ],
  ['signer_mismatch', 'the other recovery id', withSignature((r, s, v) => `${r}${s}${(v === 27 ? 28 : 27).toString(16)}`)],
  ['signature_malformed', 'a recovery id of a second r', withSignature((r, s) => `${r}${s}1d`)],
  ['signature_malformed', 'no recovery id', withSignature((r, s) => `${r}${s}`)],
  [
    'signature_malformed',
    'the compact form of EIP-2098',
    withSignature((r, s, v) => `${r}${word(BigInt(`0x${s}`) | (BigInt(v - 27) << 255n))}`),
  ],
  ['signature_malformed', 'a byte more', withSignature((r, s, v) => `${r}${s}${v.toString(16)}00`)],
  ['signer_mismatch', 'an r that is on no curve', withSignature((_, s, v) => `${word(5n)}${s}${v.toString(16)}`)],
  ['signer_mismatch', 'an r beyond the order', withSignature((_, s, v) => `${word(ORDER)}${s}${v.toString(16)}`)],
  [
    'signer_mismatch',
    'r and s exchanged',
    withSignature((r, s, v) =>
      BigInt(`0x${r}`) > ORDER / 2n ? `${s}${word(ORDER - BigInt(`0x${r}`))}${v.toString(16)}` : `${s}${r}${v.toString(16)}`,
    ),
  ],
]

/** As the slot's key signs for whatever place. */
export const signingWith =
  (sign: (digest: Uint8Array) => string): SignFor =>
  (place, request) =>
    sign(createSubmissionHasher(place).digest(request))
