/**
 * The protocol's identifiers, branded, with one strict parser each. Ids that the wire carries as `uint64` are plain
 * numbers here: anything above 2^53 - 1 cannot name a slot, an epoch or a block of a real chain and is refused at the edge.
 */

import { WeftError } from './errors.ts'

declare const brand: unique symbol
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** Number of an epoch within its data market. Epoch 0 is the simulation epoch (spec/02 §7). */
export type EpochId = Branded<number, 'EpochId'>
/** A snapshotter's registered seat, counted from 1. */
export type SlotId = Branded<number, 'SlotId'>
/** Height of a block, under which endpoints are asked for it; of the anchor chain unless the name says otherwise. */
export type BlockNumber = Branded<number, 'BlockNumber'>
/** The number that contracts see in a block of the anchor chain, `block.number` in Solidity: the block's own, or that of the chain below it (Arbitrum Nitro). */
export type ContractNumber = Branded<number, 'ContractNumber'>
/** `type[:dataSource]:namespace` (spec/03 §5). */
export type ProjectId = Branded<string, 'ProjectId'>
/** An IPFS content id in its text form, byte for byte as written. */
export type Cid = Branded<string, 'Cid'>
/** A 20-byte account or contract: `0x` and 40 lower-case hex digits. */
export type Address = Branded<string, 'Address'>
/** A 32-byte hash: `0x` and 64 lower-case hex digits. */
export type Hash = Branded<string, 'Hash'>
/** The first 31 bytes of a hash over a batch's projects and CIDs: `0x` and 62 lower-case hex digits. `#wire/content-hash.ts` works it out. */
export type ContentHash = Branded<string, 'ContentHash'>
/** A version 4 UUID in lower case, naming one delivery of a submission. */
export type SubmissionId = Branded<string, 'SubmissionId'>

/** Turns a decimal string or a number into a safe non-negative integer, or `undefined`. Strict: `'12abc'`, `'012'` and `1.5` are refused. */
export function safeUint(value: string | number | bigint): number | undefined {
  // Plus 0: -0 is 0, as it is in text.
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value + 0 : undefined
  const text = String(value)
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : undefined
}

function uintOf<Id>(name: string, value: string | number | bigint): Id {
  const number = safeUint(value)
  if (number === undefined) throw new WeftError('ID_MALFORMED', { what: name, text: String(value).slice(0, 80) })
  return number as Id
}

/** Throws `ID_MALFORMED`. */
export const parseEpochId = (value: string | number | bigint): EpochId => uintOf('epoch id', value)
/** Throws `ID_MALFORMED`. */
export const parseSlotId = (value: string | number | bigint): SlotId => uintOf('slot id', value)
/** Throws `ID_MALFORMED`. */
export const parseBlockNumber = (value: string | number | bigint): BlockNumber => uintOf('block number', value)
/** Throws `ID_MALFORMED`. */
export const parseContractNumber = (value: string | number | bigint): ContractNumber => uintOf('block number of contracts', value)

/** Longest project id accepted from outside; the longest in use is 120 bytes. */
export const PROJECT_ID_LENGTH_MAX = 256

/** Printable but for the colon, which stands between parts. */
const PROJECT_ID = /^[\x21-\x39\x3b-\x7e]+(?::[\x21-\x39\x3b-\x7e]+)+$/

/**
 * Whether `text` is a project id (spec/03 §5): printable ASCII without spaces, a namespace after the last colon, nothing empty.
 * Parsed from the right, because types may hold colons.
 */
export function isProjectId(text: string): text is ProjectId {
  return text.length <= PROJECT_ID_LENGTH_MAX && PROJECT_ID.test(text)
}

/** Throws `ID_MALFORMED`. */
export function parseProjectId(text: string): ProjectId {
  if (!isProjectId(text)) throw new WeftError('ID_MALFORMED', { what: 'project id', text: text.slice(0, 80) })
  return text
}

/** The namespace of a project: what stands after its last colon. */
export function namespaceOf(projectId: ProjectId): string {
  return projectId.slice(projectId.lastIndexOf(':') + 1)
}

/** Accepts any case, returns lower case. Throws `ID_MALFORMED`. */
export function parseAddress(text: string): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new WeftError('ID_MALFORMED', { what: 'address', text: text.slice(0, 80) })
  return text.toLowerCase() as Address
}

/** Accepts any case, returns lower case. Throws `ID_MALFORMED`. */
export function parseHash(text: string): Hash {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new WeftError('ID_MALFORMED', { what: '32-byte hash', text: text.slice(0, 80) })
  return text.toLowerCase() as Hash
}

/** Whether `text` is a UUID of version 4, in either case. */
export function isSubmissionId(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(text)
}

/** Orders strings by UTF-16 code unit, which for the protocol's ASCII ids is byte order. Never compare ids by locale: it differs between machines. */
export function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
