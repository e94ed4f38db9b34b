import { WeftError } from '#domain/errors.ts'
import { parseHeader, quantity } from '#io/chain/rpc/block.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { parseLogs } from './events.ts'
import type { RawLog } from './events.ts'

/** What logs are asked for, apart from the blocks. */
interface Filter {
  readonly address: unknown
  readonly topics: readonly unknown[]
}

/**
 * The logs of a range of blocks, of one filter after the other. The last block travels along: a node that does not have it yet would answer
 * without its logs, and say nothing. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`, also for a last block that is not there.
 */
export async function readLogs(
  rpc: Rpc,
  filters: readonly Filter[],
  { fromBlock, toBlock }: { readonly fromBlock: number | bigint; readonly toBlock: number | bigint },
): Promise<RawLog[]> {
  const range = { fromBlock: quantity(fromBlock), toBlock: quantity(toBlock) }
  const [last, ...logs] = await rpc.all([
    { method: 'eth_getBlockByNumber', params: [range.toBlock, false] },
    ...filters.map(({ address, topics }) => ({ method: 'eth_getLogs', params: [{ address, topics, ...range }] })),
  ])
  if (parseHeader(rpc, last) === undefined) {
    const detail = `block ${toBlock} is above the node's head`
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_getLogs', detail })
  }
  return logs.flatMap((answer) => parseLogs(rpc, answer))
}
