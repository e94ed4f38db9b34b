import type { Address, EpochId, SlotId } from './ids.ts'

/** Which slot does which work (spec/03 §8). */

/** Each slot votes in each epoch on one data source, the next one with each epoch and day. */
export interface Turns {
  /** Days are counted in epochs, from the first one on, so that everybody counts the same: a contract's counter can be set. */
  readonly epochsInADay: number
}

/** A slot in an epoch, and the account that signs for it. */
export interface Voter {
  readonly epochId: EpochId
  readonly slotId: SlotId
  readonly signer: Address
}

/** As the contract counts, where nobody sets its counter and no epoch is skipped: the first day is 1. */
export const dayOf = (epochId: EpochId, { epochsInADay }: Turns): number => 1 + Math.floor(Math.max(epochId - 1, 0) / epochsInADay)

/** The place in the ordered list of data sources whose turn it is: `(epochId + snapshotter + slotId + day) mod N`. */
export function turnOf({ epochId, slotId, signer }: Voter, { day, count }: { readonly day: number; readonly count: number }): number {
  return Number((BigInt(epochId) + BigInt(signer) + BigInt(slotId) + BigInt(day)) % BigInt(count))
}

/** Slots that vote in an epoch of a market that draws them. */
const DRAWN_MAX = 1_000

export interface Draw {
  /** Of the epoch's last block of the source chain. */
  readonly endBlockHash: string
  readonly epochId: EpochId
  /** Slots are numbered from 1 to this. */
  readonly slots: number
}

type Sha256 = (bytes: Uint8Array) => Uint8Array

/**
 * The slots that are drawn for an epoch, in their order: the first steps of a Fisher–Yates shuffle over all of them, whose numbers come from
 * `SHA256(endBlockHash || epochId)`. Where a number goes into a hash it has eight bytes, the highest first.
 */
export function drawnSlots({ slots, ...of }: Draw, sha256: Sha256): readonly SlotId[] {
  const seed = seedOf(of, sha256)
  const all = Array.from({ length: slots }, (_, index) => (index + 1) as SlotId)
  const count = Math.min(DRAWN_MAX, slots)
  for (let index = 0; index < count; index += 1) {
    const other = index + Number(numberAfter(seed, index, sha256) % BigInt(slots - index))
    const drawn = all[other] as SlotId
    all[other] = all[index] as SlotId
    all[index] = drawn
  }
  return all.slice(0, count)
}

/** The place of a drawn slot's data source in the list of all, sorted. */
export function drawnSource(slotId: SlotId, { count, ...of }: Omit<Draw, 'slots'> & { readonly count: number }, sha256: Sha256): number {
  return Number(numberAfter(seedOf(of, sha256), slotId, sha256) % BigInt(count))
}

function seedOf({ endBlockHash, epochId }: Omit<Draw, 'slots'>, sha256: Sha256): Uint8Array {
  return sha256(new Uint8Array([...bytesOf(BigInt(endBlockHash), 32), ...bytesOf(BigInt(epochId), 8)]))
}

function numberAfter(seed: Uint8Array, number: number, sha256: Sha256): bigint {
  return sha256(new Uint8Array([...seed, ...bytesOf(BigInt(number), 8)])).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** The highest first. */
const bytesOf = (value: bigint, length: number): number[] =>
  Array.from({ length }, (_, index) => Number((value >> BigInt(8 * (length - 1 - index))) & 0xffn))
