import type { Address, Hash } from '#domain/ids.ts'
import { keccak256 } from '#wire/keccak.ts'
import { PROOF } from '#wire/proof.ts'
import { decodeRlp } from '#wire/rlp.ts'
import { wordOf } from './state.ts'

/** Fields of a header: parent, uncles, beneficiary, three roots, bloom, difficulty, number, gas, gas used, time and what follows. */
const [STATE_ROOT, NUMBER, TIME] = [3, 8, 11]

/** What a proof needs of a block. */
export interface Header {
  /** Hex. */
  readonly stateRoot: string
  readonly number: number
  /** Seconds. */
  readonly time: number
}

/** `undefined` of bytes that are no header. */
export function headerOf(bytes: Uint8Array): Header | undefined {
  const fields = decodeRlp(bytes)
  if (fields === undefined || fields instanceof Uint8Array) return undefined
  const [stateRoot, number, time] = [fields[STATE_ROOT], fields[NUMBER], fields[TIME]]
  if (!(stateRoot instanceof Uint8Array && number instanceof Uint8Array && time instanceof Uint8Array)) return undefined
  return { stateRoot: stateRoot.toHex(), number: Number(wordOf(number)), time: Number(wordOf(time)) }
}

/** The block that a proof rests on, by its own words. */
export interface ProvenBlock {
  readonly number: number
  readonly hash: Hash
  readonly anchorChainId: number
  readonly dataMarket: Address
}

/** For who wants to ask others whether they know it too; `undefined` of what does not have the form of a proof. */
export function blockIn(proof: unknown): ProvenBlock | undefined {
  const { data } = PROOF.safeParse(proof)
  if (data === undefined) return undefined
  const bytes = Uint8Array.fromHex(data.header.slice(2))
  const header = headerOf(bytes)
  const { anchorChainId, dataMarket } = data
  return header && { number: header.number, hash: `0x${keccak256(bytes).toHex()}` as Hash, anchorChainId, dataMarket }
}
