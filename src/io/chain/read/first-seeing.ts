import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, ContractNumber } from '#domain/ids.ts'
import { type Header, readHeader } from '#io/chain/rpc/block.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'

/** Blocks looked at in one request, at equal distances: seven requests find a block among a hundred million. */
const LOOKS_AT_ONCE = 15

/**
 * The first block, up to `head`, in which contracts see this number or a higher one; the one above `head` where there is none. It is that of
 * the same number where contracts see the chain's own, and is looked for where they see another chain's. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`.
 */
export async function firstSeeing(rpc: Rpc, wanted: ContractNumber, head: Header): Promise<BlockNumber> {
  if (head.contractNumber < wanted) return (head.number + 1) as BlockNumber
  if (!head.seesParent) return wanted as number as BlockNumber
  let [low, high] = [0, head.number as number]
  while (low < high) {
    const step = Math.max(1, Math.ceil((high - low) / (LOOKS_AT_ONCE + 1)))
    const places = Array.from({ length: LOOKS_AT_ONCE }, (_, index) => low + step * (index + 1) - 1).filter((place) => place < high)
    const seen = await Promise.all(places.map((place) => hasSeen(rpc, place as BlockNumber, wanted)))
    const first = seen.indexOf(true)
    high = places[first] ?? high
    low = first === 0 ? low : (places[first < 0 ? places.length - 1 : first - 1] as number) + 1
  }
  return low as BlockNumber
}

async function hasSeen(rpc: Rpc, place: BlockNumber, wanted: ContractNumber): Promise<boolean> {
  const block = await readHeader(rpc, place)
  if (block === undefined) {
    const detail = `block ${place} is below the head and not served`
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_getBlockByNumber', detail })
  }
  // Blocks of before the chain was one of Nitro have numbers of their own, which say nothing.
  return block.seesParent && block.contractNumber >= wanted
}
