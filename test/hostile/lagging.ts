import type { Answer, Call, Exchange } from './proxy.ts'

/** A node that is some blocks behind, made from one that is not. */

const hex = (value: number): string => `0x${value.toString(16)}`
const absent = (call: Call, message: string): Answer => ({ id: call.id, error: { code: -32_000, message } })

/** The head of the node that it stands before. */
async function headOf({ ask }: Exchange): Promise<number> {
  const [answer] = await ask([{ id: 0, method: 'eth_blockNumber', params: [] }])
  return Number(answer?.result)
}

const PLACE_OF_BLOCK: Readonly<Record<string, number>> = {
  eth_getBlockByNumber: 0,
  eth_call: 1,
  eth_estimateGas: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getBlockReceipts: 0,
}

interface Lag {
  readonly head: number
  /** Blocks by hash that the node behind has, with their numbers. */
  numberOf(hash: string): Promise<number>
}

/** The call as it must be asked of a node that has more, or what one says that has less. */
async function asOf(call: Call, lag: Lag): Promise<Call | Answer> {
  const { method, params } = call
  const { head } = lag
  if (method === 'eth_getLogs') {
    const filter = params[0] as { readonly fromBlock?: string; readonly toBlock?: string; readonly blockHash?: string }
    if (filter.blockHash !== undefined) return (await lag.numberOf(filter.blockHash)) > head ? absent(call, 'unknown block') : call
    if (Number(filter.fromBlock) > head) return { id: call.id, result: [] }
    return { ...call, params: [{ ...filter, toBlock: hex(Math.min(head, Number(filter.toBlock))) }] }
  }
  const place = PLACE_OF_BLOCK[method]
  const block = place === undefined ? undefined : params[place]
  if (place === undefined || block === undefined) return call
  if (typeof block === 'object') {
    const { blockHash } = block as { readonly blockHash?: string }
    return blockHash !== undefined && (await lag.numberOf(blockHash)) > head ? absent(call, 'header not found') : call
  }
  if (block === 'latest' || block === 'pending') return { ...call, params: params.with(place, hex(head)) }
  const isAbove = typeof block === 'string' && block.startsWith('0x') && block.length < 60 && Number(block) > head
  if (!isAbove) return call
  return method.startsWith('eth_getBlock') ? { id: call.id, result: null } : absent(call, 'header not found')
}

/** A block, receipt or transaction that such a node has not heard of. */
function seen(call: Call, answer: Answer, head: number): Answer {
  if (call.method === 'eth_blockNumber') return { ...answer, result: hex(Math.min(head, Number(answer.result))) }
  const result = answer.result as { readonly number?: string; readonly blockNumber?: string } | null | undefined
  const number = result?.blockNumber ?? (call.method.startsWith('eth_getBlockBy') ? result?.number : undefined)
  return number !== undefined && Number(number) > head ? { ...answer, result: null } : answer
}

/** What a node says whose head is so many blocks lower. */
export async function answersBehind(exchange: Exchange, blocks: number): Promise<Answer[]> {
  const head = Math.max(0, (await headOf(exchange)) - blocks)
  const numberOf = async (hash: string): Promise<number> => {
    const [answer] = await exchange.ask([{ id: 0, method: 'eth_getBlockByHash', params: [hash, false] }])
    return Number((answer?.result as { readonly number?: string } | null)?.number ?? Number.POSITIVE_INFINITY)
  }
  const asked = await Promise.all(exchange.calls.map((call) => asOf(call, { head, numberOf })))
  const open = asked.filter((one): one is Call => 'method' in one)
  const answers = new Map((await exchange.ask(open)).map((answer, index) => [open[index], answer]))
  return asked.map((one, index) => ('method' in one ? seen(exchange.calls[index] as Call, answers.get(one) as Answer, head) : one))
}
