import { headerHash } from '#io/chain/proof/header.ts'
import type { Answer, Behaviour, Call, Exchange } from './proxy.ts'

/**
 * A node's chain as Nitro shows one: what the node numbers is the parent's number for contracts, and each of its blocks is the middle one of three. The first
 * of them has the state of before, none but the middle one has transactions. Headers are hashed anew, with that number in `mixHash`, as Nitro has it.
 */

type Raw = Record<string, unknown>

export const BLOCKS_TO_A_NUMBER = 3
const MIDDLE = 1
const hex = (value: number): string => `0x${value.toString(16)}`
const seenIn = (number: number): number => Math.floor(number / BLOCKS_TO_A_NUMBER)
const middleOf = (seen: number): number => BLOCKS_TO_A_NUMBER * seen + MIDDLE
/** Of the last block that has it: the contract's number when there was a transaction last. */
export const lastSeeing = (seen: number): number => BLOCKS_TO_A_NUMBER * (seen + 1) - 1

/** Of a block without transactions, as of any. */
const EMPTY = {
  transactionsRoot: '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421',
  receiptsRoot: '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421',
  logsBloom: `0x${'0'.repeat(512)}`,
  gasUsed: '0x0',
  transactions: [],
}
const SEND_ROOT = `0x${'5e'.repeat(32)}`
const ARBOS_VERSION = 40
const word = (value: number): string => value.toString(16).padStart(16, '0')

function nitroHeader(raw: Raw, number: number, parentHash: unknown): Raw {
  const seen = seenIn(number)
  // The first block of all says nothing of a parent.
  const nitro =
    number === 0
      ? { l1BlockNumber: '0x0' }
      : {
          difficulty: '0x1',
          extraData: SEND_ROOT,
          mixHash: `0x${word(7)}${word(seen)}${word(ARBOS_VERSION)}${word(0)}`,
          l1BlockNumber: hex(seen),
        }
  const header = { ...raw, ...nitro, number: hex(number), parentHash }
  return { ...header, hash: headerHash(header) }
}

/** The node's blocks with ours in their place, made when they are asked for and kept for as long as the node has them. */
function createBlocks() {
  const groups = new Map<string, readonly Raw[]>()
  const ofNode = new Map<string, { readonly seen: number; readonly hash: string }>()

  async function rawAt(seen: number | 'latest', isFull: boolean, { ask }: Exchange): Promise<Raw | null> {
    const block = typeof seen === 'number' ? hex(seen) : seen
    const [answer] = await ask([{ id: 1, method: 'eth_getBlockByNumber', params: [block, isFull] }])
    return (answer?.result ?? null) as Raw | null
  }

  async function groupOf(raw: Raw, exchange: Exchange): Promise<readonly Raw[]> {
    const known = groups.get(String(raw['hash']))
    if (known !== undefined) return known
    const seen = Number(raw['number'])
    const before = seen === 0 ? undefined : ((await rawAt(seen - 1, false, exchange)) as Raw)
    const last = before && (await groupOf(before, exchange)).at(-1)
    const blocks: Raw[] = []
    for (let index = 0; index < BLOCKS_TO_A_NUMBER; index += 1) {
      const stateOf = index < MIDDLE ? (before ?? raw) : raw
      const own = index === MIDDLE ? raw : { ...raw, ...EMPTY, stateRoot: stateOf['stateRoot'] }
      const block = nitroHeader(own, BLOCKS_TO_A_NUMBER * seen + index, (blocks.at(-1) ?? last)?.['hash'] ?? raw['parentHash'])
      ofNode.set(String(block['hash']), { seen: Number(stateOf['number']), hash: String(stateOf['hash']) })
      blocks.push(block)
    }
    groups.set(String(raw['hash']), blocks)
    return blocks
  }

  async function at(number: number | 'latest', isFull: boolean, exchange: Exchange): Promise<Raw | null> {
    const raw = await rawAt(number === 'latest' ? number : seenIn(number), isFull, exchange)
    if (raw === null) return null
    const blocks = await groupOf(raw, exchange)
    const block = number === 'latest' ? blocks.at(-1) : blocks[number % BLOCKS_TO_A_NUMBER]
    const isMiddle = Number(block?.['number']) % BLOCKS_TO_A_NUMBER === MIDDLE
    return { ...block, transactions: isMiddle ? (raw['transactions'] as Raw[]).map((each) => placed(each, block as Raw)) : [] }
  }

  return {
    at,
    ofNode: (hash: unknown) => ofNode.get(String(hash)),
    async middle(seen: number, exchange: Exchange): Promise<Raw> {
      return (await at(middleOf(seen), false, exchange)) as Raw
    },
  }
}
type Blocks = ReturnType<typeof createBlocks>

/** A receipt, log or transaction as of the block that is ours. A hash stays one. */
function placed<Value>(value: Value, block: Raw): Value {
  if (typeof value !== 'object' || value === null) return value
  const { logs } = value as { readonly logs?: readonly Raw[] }
  return {
    ...value,
    blockNumber: block['number'],
    blockHash: block['hash'],
    ...(logs && { logs: logs.map((log) => placed(log, block)) }),
  }
}

/** Where a question about state is asked of the node: the block whose state ours has. */
function placeOf(place: unknown, blocks: Blocks): unknown {
  if (typeof place === 'string' && place.startsWith('0x')) {
    const number = Number(place)
    return hex(Math.max(0, seenIn(number) - (number % BLOCKS_TO_A_NUMBER < MIDDLE ? 1 : 0)))
  }
  const { blockHash } = (place ?? {}) as { readonly blockHash?: unknown }
  return blockHash === undefined ? place : { ...(place as object), blockHash: blocks.ofNode(blockHash)?.hash ?? blockHash }
}

const PLACE_OF: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_estimateGas: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getTransactionCount: 1,
  eth_getStorageAt: 2,
  eth_getProof: 2,
}

/** The filter as the node is to be asked, and whether any block of its range has transactions at all. */
function filterOf(filter: Raw, blocks: Blocks): Raw | undefined {
  const { fromBlock, toBlock, blockHash } = filter
  if (blockHash !== undefined) {
    const ofNode = blocks.ofNode(blockHash)
    return { ...filter, blockHash: ofNode?.hash ?? blockHash }
  }
  const [first, last] = [
    Math.ceil((Number(fromBlock) - MIDDLE) / BLOCKS_TO_A_NUMBER),
    Math.floor((Number(toBlock) - MIDDLE) / BLOCKS_TO_A_NUMBER),
  ]
  return first > last ? undefined : { ...filter, fromBlock: hex(Math.max(0, first)), toBlock: hex(last) }
}

async function answerOf(call: Call, blocks: Blocks, exchange: Exchange): Promise<Answer> {
  const { id, method, params } = call
  const asNode = async (given: readonly unknown[]): Promise<Answer> => (await exchange.ask([{ ...call, params: given }]))[0] as Answer
  const result = (value: unknown): Answer => ({ ...{ jsonrpc: '2.0' }, id, result: value })
  if (method === 'eth_blockNumber') return result((await blocks.at('latest', false, exchange))?.['number'])
  if (method === 'eth_getBlockByNumber') {
    const number = String(params[0]).startsWith('0x') ? Number(params[0]) : ('latest' as const)
    return result(await blocks.at(number, params[1] === true, exchange))
  }
  if (method === 'eth_getBlockByHash') {
    const hashes = await asNode([blocks.ofNode(params[0])?.hash ?? params[0], false])
    const raw = hashes.result as Raw | null
    const own =
      raw &&
      (await Promise.all(
        [0, 1, 2, 3].map((more) => blocks.at(BLOCKS_TO_A_NUMBER * Number(raw['number']) + more, params[1] === true, exchange)),
      ))
    return result(own?.find((block) => block?.['hash'] === params[0]) ?? null)
  }
  if (method === 'eth_getLogs') {
    const filter = params[0] as Raw
    const mapped = filterOf(filter, blocks)
    const answer = mapped === undefined ? result([]) : await asNode([mapped])
    if (!Array.isArray(answer.result)) return answer
    const logs = await Promise.all(
      (answer.result as Raw[]).map(async (log) => placed(log, await blocks.middle(Number(log['blockNumber']), exchange))),
    )
    const { blockHash } = filter
    return { ...answer, result: logs.filter((log) => blockHash === undefined || log['blockHash'] === blockHash) }
  }
  if (method === 'eth_getBlockReceipts') {
    const number = Number(params[0])
    if (number % BLOCKS_TO_A_NUMBER !== MIDDLE) return result([])
    const answer = await asNode([hex(seenIn(number))])
    const block = await blocks.middle(seenIn(number), exchange)
    return { ...answer, result: (answer.result as Raw[]).map((receipt) => placed(receipt, block)) }
  }
  if (method === 'eth_getTransactionReceipt' || method === 'eth_getTransactionByHash') {
    const answer = await asNode(params)
    const found = answer.result as Raw | null
    return found?.['blockNumber'] == null
      ? answer
      : { ...answer, result: placed(found, await blocks.middle(Number(found['blockNumber']), exchange)) }
  }
  const place = PLACE_OF[method]
  return asNode(place === undefined || place >= params.length ? params : params.with(place, placeOf(params[place], blocks)))
}

/** A node behind which contracts see another number than blocks have. */
export function asNitro(): Behaviour {
  const blocks = createBlocks()
  return async (exchange) => ({ body: exchange.written(await Promise.all(exchange.calls.map((call) => answerOf(call, blocks, exchange)))) })
}
