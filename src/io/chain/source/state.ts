import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Hash } from '#domain/ids.ts'
import type { RpcAnswer } from '#io/chain/rpc/answer.ts'
import { isHashUnknown } from '#io/chain/rpc/doubts.ts'
import { parseHeader, quantity } from '#io/chain/rpc/block.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import type { View } from './multicall.ts'

/** After no endpoint took a hash, so many reads name numbers alone. */
const BY_NUMBER_READS = 64

export interface Place {
  readonly blockNumber: BlockNumber
  readonly blockHash?: Hash
}
export type StateReader = (place: Place, view: View) => Promise<RpcAnswer>

/** The block above, which shows whose child it is. */
export const askAbove = (rpc: Rpc, { blockNumber }: Place): Promise<RpcAnswer> =>
  rpc.ask('eth_getBlockByNumber', [quantity(blockNumber + 1), false])

/** Throws `CHAIN_ANSWER_INVALID` unless there is a block above, and the child of the one that was asked about. */
export function assertParent(rpc: Rpc, answer: RpcAnswer, { blockNumber, blockHash }: Place): void {
  const above = answer.isOk ? parseHeader(rpc, answer.result) : undefined
  if (above?.parentHash === blockHash) return
  const detail = above === undefined ? `nothing is above block ${blockNumber} yet` : `block ${blockNumber} is not ${blockHash} any more`
  throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_call', detail })
}

/**
 * Calls as of a block of one fork. The block above travels along: it shows that whoever answers has one, for of its newest block a node may
 * answer with the state of the one that it is making, and names the block as its parent. Where a block cannot be named by its hash
 * (EIP-1898), the one above is asked for before and after the call.
 */
export function createStateReader(rpc: Rpc): StateReader {
  /** Reads by number until hashes are tried again: each endpoint knows them or not, and another one may answer by then. */
  let byNumber = 0

  const askByNumber = ({ blockNumber }: Place, call: View) => rpc.ask('eth_call', [call, quantity(blockNumber)])

  return async (place, call) => {
    if (place.blockHash === undefined) return askByNumber(place, call)
    if (byNumber > 0) byNumber -= 1
    else {
      // In one turn, so that one node answers all.
      const params = [call, { blockHash: place.blockHash, requireCanonical: true }]
      const [answer, above] = await Promise.all([rpc.ask('eth_call', params), askAbove(rpc, place)])
      if (!isHashUnknown({ method: 'eth_call', params }, answer)) {
        assertParent(rpc, above, place)
        return answer
      }
      byNumber = BY_NUMBER_READS
    }
    const [before, answer, after] = await Promise.all([askAbove(rpc, place), askByNumber(place, call), askAbove(rpc, place)])
    assertParent(rpc, before, place)
    assertParent(rpc, after, place)
    return answer
  }
}
