import { WeftError } from '#domain/errors.ts'
import type { Hash } from '#domain/ids.ts'
import { isMatch, type LogFilter } from '#io/chain/proof/filter.ts'
import { type Header, parseHeader, quantity } from '#io/chain/rpc/block.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { parseLogs } from './events.ts'
import type { RawLog } from './events.ts'

interface Range {
  readonly fromBlock: number | bigint
  readonly toBlock: number | bigint
}

function numbersIn({ fromBlock, toBlock }: Range): number[] {
  const first = Number(fromBlock)
  return Array.from({ length: Math.max(0, Number(toBlock) - first + 1) }, (_, index) => first + index)
}

const header = (number: number | bigint) => ({ method: 'eth_getBlockByNumber', params: [quantity(number), false] })
const queries = (filters: readonly LogFilter[], { fromBlock, toBlock }: Range) =>
  filters.map(({ address, topics }) => ({
    method: 'eth_getLogs',
    params: [{ address, topics, fromBlock: quantity(fromBlock), toBlock: quantity(toBlock) }],
  }))

/** The logs that were asked for: a node may answer with more. */
function logsIn(rpc: Rpc, answer: unknown, { filter, fromBlock, toBlock }: Range & { readonly filter: LogFilter }): RawLog[] {
  const isWithin = ({ blockNumber }: RawLog): boolean => blockNumber >= fromBlock && blockNumber <= toBlock
  return parseLogs(rpc, answer).filter((log) => isWithin(log) && isMatch(filter, log))
}

function invalid(rpc: Rpc, detail: string): WeftError<'CHAIN_ANSWER_INVALID'> {
  return new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'eth_getLogs', detail })
}

/**
 * The logs of a range of blocks, of one filter after the other. The last block travels along: a node that does not have it yet would answer
 * without its logs, and say nothing. `isWhole`: where answers are judged all headers do, so that what is kept back or made up is found out, as it
 * is of who follows the chain. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`, also for a last block that is not there.
 */
export async function readLogs(rpc: Rpc, filters: readonly LogFilter[], range: Range & { readonly isWhole?: true }): Promise<RawLog[]> {
  const below = range.isWhole && rpc.isJudged === true ? numbersIn(range).slice(0, -1) : []
  const [last, ...logs] = await rpc.all([header(range.toBlock), ...queries(filters, range), ...below.map(header)])
  if (parseHeader(rpc, last) === undefined) throw invalid(rpc, `block ${range.toBlock} is above the node's head`)
  return filters.flatMap((filter, index) => logsIn(rpc, logs[index], { ...range, filter }))
}

/**
 * The same with the headers of all blocks, which the answer is held against: each is the child of the one before, the last has the hash
 * given, and a log is of the block whose number it has.
 */
export async function readLinkedLogs(
  rpc: Rpc,
  filters: readonly LogFilter[],
  { toBlockHash, ...range }: Range & { readonly toBlockHash: Hash },
): Promise<RawLog[]> {
  const first = Number(range.fromBlock)
  const numbers = numbersIn(range)
  const answers = await rpc.all([...queries(filters, range), ...numbers.map(header)])
  const headers = new Map<number, Header>()
  let expected: Hash = toBlockHash
  for (const number of numbers.toReversed()) {
    const found = parseHeader(rpc, answers[filters.length + number - first])
    if (found?.hash !== expected || found.number !== number) throw invalid(rpc, `block ${number} is not ${expected}`)
    headers.set(number, found)
    expected = found.parentHash
  }
  const logs = filters.flatMap((filter, index) => logsIn(rpc, answers[index], { ...range, filter }))
  const stray = logs.find(({ blockNumber, blockHash }) => headers.get(blockNumber)?.hash !== blockHash)
  if (stray !== undefined) throw invalid(rpc, `a log of block ${stray.blockNumber} is of ${stray.blockHash}`)
  return logs
}
