import type { Address, SubmissionId } from '#domain/ids.ts'
import { decode, type Received } from '#wire/receive.ts'

/** A submission whose signer was found out, and its bytes on disk: one for the protocol, the id, the signer, then the payload exactly as it came. */
export interface Ballot extends Received {
  readonly signer: Address
}

const ID_BYTES = 36
const SIGNER_BYTES = 42
const PREFIX_BYTES = 1 + ID_BYTES + SIGNER_BYTES
const PROTOCOLS = ['weft', 'collect'] as const
const decoder = new TextDecoder()

export function encodeBallot(ballot: Ballot): Uint8Array {
  // Of memory that Node.js hands out in small parts: one of its own for each ballot costs more than all that is written into it.
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + ballot.payload.length)
  bytes[0] = PROTOCOLS.indexOf(ballot.protocol)
  bytes.write(ballot.submissionId.padEnd(ID_BYTES), 1, ID_BYTES, 'latin1')
  bytes.write(ballot.signer.padEnd(SIGNER_BYTES), 1 + ID_BYTES, SIGNER_BYTES, 'latin1')
  bytes.set(ballot.payload, PREFIX_BYTES)
  return bytes
}

/** The id alone: a search reads many. */
export function idOfBallot(bytes: Uint8Array): SubmissionId {
  return decoder.decode(bytes.subarray(1, 1 + ID_BYTES)) as SubmissionId
}

/** What was verified once is not verified again: the store is ours. */
export function decodeBallot(bytes: Uint8Array): Ballot {
  const protocol = PROTOCOLS[Number(bytes[0])]
  const payload = bytes.subarray(PREFIX_BYTES)
  const submission = protocol && decode(protocol, payload)
  if (protocol === undefined || submission === undefined)
    throw new Error('a stored ballot no longer decodes: the store was written by another version')
  return {
    protocol,
    payload,
    submission,
    submissionId: idOfBallot(bytes),
    signer: decoder.decode(bytes.subarray(1 + ID_BYTES, PREFIX_BYTES)) as Address,
  }
}
