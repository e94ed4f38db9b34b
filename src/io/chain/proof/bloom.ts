import { keccak256 } from '#wire/keccak.ts'

/** Bits of a header's `logsBloom`. */
const BITS = 2048
/** Items whose places are kept: a market asks for a few dozen addresses and topics, again and again. */
const ITEMS_MAX = 4_096

interface Place {
  /** Of the hex digit, without `0x`. */
  readonly digit: number
  readonly mask: number
}

const known = new Map<string, readonly Place[]>()

/** Where an address or topic sets its three bits (yellow paper, 4.3.1). */
function placesOf(item: string): readonly Place[] {
  const before = known.get(item)
  if (before !== undefined) return before
  const hash = keccak256(Uint8Array.fromHex(item.slice(2)))
  const places = [0, 2, 4].map((index) => {
    const bit = (((hash[index] as number) << 8) | (hash[index + 1] as number)) % BITS
    return { digit: BITS / 4 - 1 - (bit >> 2), mask: 1 << (bit & 3) }
  })
  if (known.size >= ITEMS_MAX) known.delete(known.keys().next().value as string)
  known.set(item, places)
  return places
}

/** Whether a block with that bloom (`0x` and 512 hex digits) may hold a log with the address or topic. `false` is certain. */
export const mayHold = (bloom: string, item: string): boolean =>
  placesOf(item).every(({ digit, mask }) => (Number.parseInt(bloom.charAt(digit + 2), 16) & mask) !== 0)
