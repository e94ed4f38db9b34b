import type { RpcAnswer, RpcCall } from './answer.ts'

/** The head that an answer tells of, if any. */
export function headIn({ method, params }: RpcCall, answer: RpcAnswer | undefined): number | undefined {
  if (!answer?.isOk) return undefined
  const isHeader = method === 'eth_getBlockByNumber' && params[0] === 'latest'
  const text = isHeader ? (answer.result as { number?: unknown } | null)?.number : method === 'eth_blockNumber' ? answer.result : undefined
  const head = typeof text === 'string' ? Number(text) : Number.NaN
  return Number.isSafeInteger(head) ? head : undefined
}

/** State older than that is asked of archives first: geth keeps that of 128 blocks. */
const ARCHIVE_DEPTH_BLOCKS = 100
const STATE_BLOCK_PLACE: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_estimateGas: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getStorageAt: 2,
  eth_getProof: 2,
}

/** The block that a call's state is of. */
const blockOf = ({ method, params }: RpcCall): unknown => params[STATE_BLOCK_PLACE[method] ?? params.length]

/** The call, of the state at this block instead of the newest. */
export function asOf(call: RpcCall, block: number): RpcCall {
  const place = STATE_BLOCK_PLACE[call.method]
  return place === undefined ? call : { ...call, params: call.params.with(place, `0x${block.toString(16)}`) }
}

/** Whether the state is of the newest block, whichever that is. */
export const isOfLatest = (call: RpcCall): boolean => blockOf(call) === 'latest'

/** Whether the state is of a block named by its hash (EIP-1898). */
export function isByHash(call: RpcCall): boolean {
  const block = blockOf(call)
  return typeof block === 'object' && block !== null
}

/** Whether one of the calls needs state that only an archive still has. Of a block named by its hash, headers asked for with it tell the age. */
export function needsArchive(calls: readonly RpcCall[], head: number): boolean {
  const isOld = (block: unknown): boolean =>
    typeof block === 'string' && block.startsWith('0x') && Number(block) < head - ARCHIVE_DEPTH_BLOCKS
  if (calls.map(blockOf).some(isOld)) return true
  // The header is of the block above.
  const hasOldHeader = ({ method, params }: RpcCall) =>
    method === 'eth_getBlockByNumber' && isOld(`0x${(Number(params[0]) - 1).toString(16)}`)
  return calls.some(isByHash) && calls.some(hasOldHeader)
}
