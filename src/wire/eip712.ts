import type { Address, BlockNumber, Hash } from '#domain/ids.ts'
import type { SubmissionRequest } from '#domain/submission.ts'
import { keccak256 } from './keccak.ts'
import { createTextHashes } from './text-hashes.ts'
import { unlessThrown } from './untrusted.ts'

/** The signed form of a submission: EIP-712, domain and type as deployed (spec/02 §1); and those of receipts and of claims to relays, under the same domain. */

const encoder = new TextEncoder()
const hashText = (text: string): Uint8Array => keccak256(encoder.encode(text))

const DOMAIN_TYPE_HASH = hashText('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)')
const DOMAIN_NAME_HASH = hashText('PowerloomProtocolContract')
const DOMAIN_VERSION_HASH = hashText('0.1')
const REQUEST_TYPE_HASH = hashText('EIPRequest(uint256 slotId,uint256 deadline,string snapshotCid,uint256 epochId,string projectId)')
const RECEIPTS_TYPE_HASH = hashText('ReceiptGroup(address dataMarket,uint256 anchorBlock,bytes32 root)')
const ADMISSION_TYPE_HASH = hashText('RelayAdmission(uint256 slotId,string relay,string peer,bytes32 nonce)')

const WORD_BYTES = 32
/** Projects and CIDs of a few epochs of a large market: thousands of each, sent again by every slot. About 200 bytes an entry. */
const TEXT_HASHES_MAX = 16_384

/** `0x19 0x01`, domain separator, struct hash. */
const DIGEST_INPUT_BYTES = 2 + 2 * WORD_BYTES

/** Hashes requests for one ProtocolState contract. Keep one: it remembers the texts that come again and again. */
export interface SubmissionHasher {
  readonly domainSeparator: Hash
  /** `hashStruct` of the request: the part of the digest that does not depend on chain or contract. */
  structHash(request: SubmissionRequest): Uint8Array
  /** The 32 bytes that are signed. */
  digest(request: SubmissionRequest): Uint8Array
  /** Whose keccak256 that is. */
  preimage(request: SubmissionRequest): Uint8Array
}

/** Writes a safe non-negative integer into the last 8 bytes of a word whose other bytes stay zero. */
function writeUint(view: DataView, word: number, value: number): void {
  const end = (word + 1) * WORD_BYTES
  view.setUint32(end - 8, Math.floor(value / 2 ** 32))
  view.setUint32(end - 4, value >>> 0)
}

function hashDomain(chainId: number, protocolState: Address): Uint8Array {
  const domain = new Uint8Array(5 * WORD_BYTES)
  domain.set(DOMAIN_TYPE_HASH, 0)
  domain.set(DOMAIN_NAME_HASH, WORD_BYTES)
  domain.set(DOMAIN_VERSION_HASH, 2 * WORD_BYTES)
  writeUint(new DataView(domain.buffer), 3, chainId)
  domain.set(Uint8Array.fromHex(protocolState.slice(2)), 5 * WORD_BYTES - 20)
  return keccak256(domain)
}

/** `chainId` is the anchor chain's, `protocolState` the verifying contract (not the data market). */
export function createSubmissionHasher(options: { readonly chainId: number; readonly protocolState: Address }): SubmissionHasher {
  const domainSeparator = hashDomain(options.chainId, options.protocolState)
  const projectHash = createTextHashes({ hash: hashText, textsMax: TEXT_HASHES_MAX })
  const cidHash = createTextHashes({ hash: hashText, textsMax: TEXT_HASHES_MAX })

  const struct = new Uint8Array(6 * WORD_BYTES)
  const structView = new DataView(struct.buffer)
  struct.set(REQUEST_TYPE_HASH)
  const digestInput = new Uint8Array(DIGEST_INPUT_BYTES)
  digestInput.set([0x19, 0x01])
  digestInput.set(domainSeparator, 2)

  function structHash(request: SubmissionRequest): Uint8Array {
    writeUint(structView, 1, request.slotId)
    writeUint(structView, 2, request.deadlineBlock)
    struct.set(cidHash(request.snapshotCid), 3 * WORD_BYTES)
    writeUint(structView, 4, request.epochId)
    struct.set(projectHash(request.projectId), 5 * WORD_BYTES)
    return keccak256(struct)
  }

  function inputOf(request: SubmissionRequest): Uint8Array {
    digestInput.set(structHash(request), 2 + WORD_BYTES)
    return digestInput
  }

  return {
    domainSeparator: `0x${domainSeparator.toHex()}` as Hash,
    structHash,
    digest: (request) => keccak256(inputOf(request)),
    preimage: (request) => Uint8Array.from(inputOf(request)),
  }
}

/** What a sequencer signs of the receipts that it gives at once (docs/RECEIPTS.md). */
export interface ReceiptGroup {
  readonly dataMarket: Address
  readonly anchorBlock: BlockNumber
  /** Published root over the receipts. */
  readonly root: Hash
}

/** The bytes whose keccak256 is signed, under a hasher's `domainSeparator`. */
export function receiptGroupPreimage(group: ReceiptGroup, domainSeparator: Hash): Uint8Array {
  const struct = new Uint8Array(4 * WORD_BYTES)
  struct.set(RECEIPTS_TYPE_HASH)
  struct.set(Uint8Array.fromHex(group.dataMarket.slice(2)), 2 * WORD_BYTES - 20)
  writeUint(new DataView(struct.buffer), 2, group.anchorBlock)
  struct.set(Uint8Array.fromHex(group.root.slice(2)), 3 * WORD_BYTES)
  return preimageOf(struct, domainSeparator)
}

/** The 32 bytes that are signed. */
export const receiptGroupDigest = (...of: Parameters<typeof receiptGroupPreimage>): Uint8Array => keccak256(receiptGroupPreimage(...of))

/** What a slot's signer, or for slot 0 a market's sequencer, signs so that a relay serves the peer. */
export interface RelayAdmission {
  readonly slotId: number
  /** Peer ids: of the relay that asks, and of whom it asks. */
  readonly relay: string
  readonly peer: string
  /** 32 bytes that the relay has made up. */
  readonly nonce: Uint8Array
}

/** The bytes whose keccak256 is signed, under a hasher's `domainSeparator`. */
export function relayAdmissionPreimage({ slotId, relay, peer, nonce }: RelayAdmission, domainSeparator: Hash): Uint8Array {
  const struct = new Uint8Array(5 * WORD_BYTES)
  struct.set(ADMISSION_TYPE_HASH)
  writeUint(new DataView(struct.buffer), 1, slotId)
  struct.set(hashText(relay), 2 * WORD_BYTES)
  struct.set(hashText(peer), 3 * WORD_BYTES)
  struct.set(nonce, 4 * WORD_BYTES)
  return preimageOf(struct, domainSeparator)
}

/** The 32 bytes that are signed. */
export const relayAdmissionDigest = (...of: Parameters<typeof relayAdmissionPreimage>): Uint8Array =>
  keccak256(relayAdmissionPreimage(...of))

function preimageOf(struct: Uint8Array, domainSeparator: Hash): Uint8Array {
  const input = new Uint8Array(DIGEST_INPUT_BYTES)
  input.set([0x19, 0x01])
  input.set(Uint8Array.fromHex(domainSeparator.slice(2)), 2)
  input.set(keccak256(struct), 2 + WORD_BYTES)
  return input
}

/** r, s, and what tells which of the points with that r is meant. */
export const SIGNATURE_BYTES = 2 * WORD_BYTES + 1
/** Half of the order of secp256k1: an s above it belongs to a second, equally valid signature of the same request, which nobody may send. */
const HALF_ORDER = Uint8Array.fromHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0')

/**
 * r, s and recovery id (0 or 1) from 130 hex digits, `0x` or not, v as 0, 1, 27 or 28. `undefined` for anything else: another length,
 * another v, a zero r or s, an s in the upper half. Whether r lies on the curve shows when the signer is recovered.
 */
export function parseSignature(text: string): Uint8Array | undefined {
  const signature = new Uint8Array(SIGNATURE_BYTES)
  return readSignature(text, signature) ? signature : undefined
}

/** The same into 65 bytes of the caller's: who reads thousands has no buffer made for each. Zeros, which nobody signs, when it is none. */
export function readSignature(text: string, into: Uint8Array): boolean {
  const isRead = isSignatureIn(text, into)
  if (!isRead) into.fill(0)
  return isRead
}

function isSignatureIn(text: string, into: Uint8Array): boolean {
  const digits = text.startsWith('0x') ? text.slice(2) : text
  if (digits.length !== 2 * SIGNATURE_BYTES || unlessThrown(() => into.setFromHex(digits)) === undefined) return false
  if (isZero(into, 0) || isZero(into, WORD_BYTES) || isHigh(into)) return false
  const v = Number(into[2 * WORD_BYTES])
  const recoveryId = v >= 27 ? v - 27 : v
  into[2 * WORD_BYTES] = recoveryId
  return recoveryId <= 1
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < from + WORD_BYTES; at += 1) if (bytes[at] !== 0) return false
  return true
}

/** Whether s lies above the half: the first byte that differs decides. */
function isHigh(signature: Uint8Array): boolean {
  let at = 0
  while (at < WORD_BYTES - 1 && signature[WORD_BYTES + at] === HALF_ORDER[at]) at += 1
  return Number(signature[WORD_BYTES + at]) > Number(HALF_ORDER[at])
}
