import { create, toBinary } from '@bufbuild/protobuf'
import { REJECTIONS, type Rejection } from '#domain/rejection.ts'
import { RelayClaimSchema, RelayVerdictSchema } from './gen/weft_pb.ts'
import { withLength } from './length-prefix.ts'
import { parseMessage } from './untrusted-message.ts'

/**
 * The frames of `/weft/admit/1.0.0`, by which a relay that serves only whom a slot speaks for asks who that is: it sends 32 bytes of its own, the
 * peer the slot and its signer's signature (`relayAdmissionDigest`), the relay its verdict. Who the peer is, Noise has shown before.
 */
export const ADMIT_PROTOCOL = '/weft/admit/1.0.0'

/** A signature with a number before it; a word. */
export const ADMIT_FRAME_BYTES_MAX = 256
export const NONCE_BYTES = 32
const SIGNATURE_BYTES = 65

export interface RelayClaim {
  /** 0 for the market's sequencer. */
  readonly slotId: number
  /** 130 hex digits. */
  readonly signature: string
}

export function encodeClaim({ slotId, signature }: RelayClaim): Uint8Array {
  const claim = create(RelayClaimSchema, { slotId: BigInt(slotId), signature: Uint8Array.fromHex(signature) })
  return withLength(toBinary(RelayClaimSchema, claim))
}

/** `undefined` when the frame holds something else. */
export function parseClaim(frame: Uint8Array): RelayClaim | undefined {
  const claim = parseMessage(RelayClaimSchema, frame)
  if (claim === undefined || claim.signature.length !== SIGNATURE_BYTES || claim.slotId > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  return { slotId: Number(claim.slotId), signature: claim.signature.toHex() }
}

export type Admission = 'admitted' | Rejection

export function encodeVerdict(code: Admission): Uint8Array {
  return withLength(toBinary(RelayVerdictSchema, create(RelayVerdictSchema, { code })))
}

/** `undefined` when the frame holds something else, or a code that version 1.0.0 does not have. */
export function parseVerdict(frame: Uint8Array): Admission | undefined {
  const code = parseMessage(RelayVerdictSchema, frame)?.code
  return code === 'admitted' || (code !== undefined && Object.hasOwn(REJECTIONS, code)) ? (code as Admission) : undefined
}
