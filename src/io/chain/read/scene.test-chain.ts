import { encodeAbiParameters, encodeEventTopics } from 'viem'
import type { Abi, AbiEvent, AbiFunction } from 'viem'
import type { Address } from '#domain/ids.ts'
import { createScriptedNode, headerOf, hashOf, hex, viewScript } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script } from '#io/chain/rpc/scripted.test-node.ts'
import { dataMarketAbi } from '#wire/abi/data-market.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'

export const STATE = `0x${'5a'.repeat(20)}` as Address
export const MARKET = `0x${'da'.repeat(20)}` as Address
export const OTHER_MARKET = `0x${'db'.repeat(20)}` as Address
export const NODES = `0x${'0d'.repeat(20)}` as Address
export const ABIS: Readonly<Record<string, Abi>> = { [STATE]: protocolStateAbi, [MARKET]: dataMarketAbi, [NODES]: nodesAbi }

export interface ScriptedLog {
  readonly address: string
  readonly topics: readonly string[]
  readonly data: string
  readonly blockNumber: string
  readonly blockHash: string
  readonly logIndex: string
  readonly transactionHash: string
}

/** A log as a node writes it; `from` another contract than the one whose event it is. */
export function logOf(
  place: { readonly block: number; readonly index: number; readonly transaction?: string; readonly from?: Address },
  event: { readonly of: Address; readonly name: string; readonly args: Readonly<Record<string, unknown>> },
): ScriptedLog {
  const abi = ABIS[event.of] as Abi
  const item = abi.find((entry) => entry.type === 'event' && entry.name === event.name) as AbiEvent
  const plain = item.inputs.filter(({ indexed }) => indexed !== true)
  return {
    address: place.from ?? event.of,
    topics: encodeEventTopics({ abi, eventName: event.name, args: event.args } as never) as string[],
    data: encodeAbiParameters(plain, plain.map(({ name }) => event.args[name ?? ''] ?? 0n) as never),
    blockNumber: hex(place.block),
    blockHash: hashOf(`block ${place.block}`),
    logIndex: hex(place.index),
    transactionHash: place.transaction ?? hashOf(`transaction ${place.block} ${place.index}`),
  }
}

/** What ProtocolState says of a market: its own address is the seventh field, the rest is of no concern here. */
const FIELDS = (protocolStateAbi as Abi).find((item) => item.type === 'function' && item.name === 'dataMarkets') as AbiFunction
const EMPTY: Readonly<Record<string, unknown>> = { address: `0x${'0'.repeat(40)}`, bool: true, string: '' }
const MARKET_ENTRY = FIELDS.outputs.map(({ type }, index) => (index === 6 ? MARKET : (EMPTY[type] ?? 0n)))

type Views = Readonly<Record<string, (...args: never[]) => unknown>>

/** A node with the contracts of one market, as far as `connectAnchorChain` and the tests ask for them. */
export function createMarketNode(options: {
  readonly head: number
  readonly state?: Views
  readonly market?: Views
  readonly nodes?: Views
}) {
  const world = { head: options.head, logs: [] as ScriptedLog[] }
  const state: Views = {
    snapshotterState: () => NODES,
    dataMarkets: () => MARKET_ENTRY,
    ...options.state,
  }
  const scripts: Record<string, Script> = {
    eth_chainId: () => hex(1),
    eth_getCode: () => '0x60',
    eth_call: viewScript({
      [STATE]: { abi: protocolStateAbi as Abi, views: state },
      [MARKET]: { abi: dataMarketAbi as Abi, views: options.market ?? {} },
      [NODES]: { abi: nodesAbi as Abi, views: options.nodes ?? {} },
    }),
    eth_getBlockByNumber: (block: string) => {
      const number = block === 'latest' ? world.head : Number(block)
      return number > world.head ? null : headerOf(number)
    },
    eth_getLogs: (filter: LogFilter) => world.logs.filter((log) => isWanted(log, filter)),
  }
  return { ...createScriptedNode(scripts), world }
}

export interface LogFilter {
  readonly address: string | readonly string[]
  readonly topics: readonly (string | readonly string[] | null)[]
  readonly fromBlock?: string
  readonly toBlock?: string
  readonly blockHash?: string
}

function isWanted(log: ScriptedLog, filter: LogFilter): boolean {
  const isOf = [filter.address].flat().includes(log.address)
  const isThere =
    filter.blockHash === undefined
      ? Number(log.blockNumber) >= Number(filter.fromBlock) && Number(log.blockNumber) <= Number(filter.toBlock)
      : log.blockHash === filter.blockHash
  return isOf && isThere && filter.topics.every((wanted, index) => wanted === null || [wanted].flat().includes(log.topics[index] as string))
}
