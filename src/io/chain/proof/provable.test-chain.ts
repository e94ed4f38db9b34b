import { hexToBytes, keccak256 } from 'viem'
import type { ScriptedLog } from '#io/chain/read/scene.test-chain.ts'
import { hashOf, hex } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script } from '#io/chain/rpc/scripted.test-node.ts'
import { headerHash } from './header.ts'
import { receiptsRoot } from './receipts.ts'

type Hex = `0x${string}`
type Raw = Record<string, unknown>

/** A chain whose headers have the hash of their fields, the bloom of their logs and the root of their receipts. */

const NO_UNCLES = '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347'
const ZERO_HASH = `0x${'0'.repeat(64)}`

/** The bloom of logs, bit by bit. */
export function bloomOf(logs: readonly Pick<ScriptedLog, 'address' | 'topics'>[]): Hex {
  const bloom = new Uint8Array(256)
  for (const item of logs.flatMap(({ address, topics }) => [address, ...topics])) {
    const hash = hexToBytes(keccak256(item as Hex))
    for (const at of [0, 2, 4]) {
      const bit = (((hash[at] as number) << 8) | (hash[at + 1] as number)) & 2047
      bloom[255 - (bit >> 3)] = (bloom[255 - (bit >> 3)] as number) | (1 << (bit & 7))
    }
  }
  return `0x${bloom.toHex()}`
}

export interface ProvableBlock {
  readonly header: Raw & { readonly hash: string; readonly number: string }
  readonly receipts: readonly Raw[]
  readonly logs: readonly ScriptedLog[]
}

/** What Nitro's headers have in place of others' for contracts to see that number. */
const nitroFields = (seen: number): Raw => ({
  difficulty: '0x1',
  extraData: `0x${'5e'.repeat(32)}`,
  mixHash: `0x${[7, seen, 40, 0].map((part) => part.toString(16).padStart(16, '0')).join('')}`,
})

/**
 * The block above another one; each log is of a transaction of its own, and `bloom` is of those logs instead when they are given. `seen`: it is one of Nitro's,
 * whose contracts see that number.
 */
export function blockAbove(
  parent: ProvableBlock | undefined,
  logs: readonly ScriptedLog[],
  how: { readonly fork?: string; readonly bloom?: readonly ScriptedLog[]; readonly seen?: number } = {},
): ProvableBlock {
  const number = parent === undefined ? 0 : Number(parent.header.number) + 1
  const transactions = logs.map((_, index) => hashOf(`transaction ${number} ${index}${how.fork ?? ''}`))
  const bare: Raw[] = logs.map((log, index) => ({
    type: '0x2',
    status: '0x1',
    cumulativeGasUsed: hex(50_000 * (index + 1)),
    logsBloom: bloomOf([log]),
    logs: [log],
    transactionHash: transactions[index],
  }))
  const fields = {
    parentHash: parent?.header.hash ?? ZERO_HASH,
    sha3Uncles: NO_UNCLES,
    miner: `0x${'0'.repeat(40)}`,
    stateRoot: hashOf(`state ${number}${how.fork ?? ''}`),
    transactionsRoot: hashOf(`transactions ${number}`),
    receiptsRoot: receiptsRoot(bare),
    logsBloom: bloomOf(how.bloom ?? logs),
    difficulty: '0x0',
    number: hex(number),
    gasLimit: hex(30_000_000),
    gasUsed: hex(50_000 * logs.length),
    timestamp: hex(1_000 + number),
    extraData: '0x',
    mixHash: ZERO_HASH,
    nonce: '0x0000000000000000',
    baseFeePerGas: hex(10),
    ...(how.seen !== undefined && nitroFields(how.seen)),
  }
  const told = how.seen === undefined ? {} : { l1BlockNumber: hex(how.seen) }
  const hash = headerHash(fields)
  const placed = logs.map((log, index) => ({
    ...log,
    blockNumber: hex(number),
    blockHash: hash,
    logIndex: hex(index),
    transactionHash: transactions[index] as string,
  }))
  return {
    header: { ...fields, ...told, hash, transactions },
    receipts: bare.map((receipt, index) => ({ ...receipt, blockHash: hash, logs: [placed[index]] })),
    logs: placed as ScriptedLog[],
  }
}

/** A chain of blocks with these logs, from 0 on. */
export function provableChain(logs: readonly (readonly ScriptedLog[])[]): ProvableBlock[] {
  const blocks: ProvableBlock[] = []
  for (const ofBlock of logs) blocks.push(blockAbove(blocks.at(-1), ofBlock))
  return blocks
}

/** What a node with these blocks answers about blocks and receipts; `head` is its newest. */
export function blockScripts(blocks: readonly ProvableBlock[], head: () => number): Record<string, Script> {
  const known = () => blocks.slice(0, head() + 1)
  const at = (block: string) => (block === 'latest' ? known().at(-1) : known()[Number(block)])
  return {
    eth_blockNumber: () => hex(head()),
    eth_getBlockByNumber: (block: string) => at(block)?.header ?? null,
    eth_getBlockByHash: (hash: string) => known().find(({ header }) => header.hash === hash)?.header ?? null,
    eth_getBlockReceipts: (block: string) => at(block)?.receipts ?? null,
    eth_getTransactionReceipt: (hash: string) =>
      known()
        .flatMap(({ receipts }) => receipts)
        .find(({ transactionHash }) => transactionHash === hash) ?? null,
  }
}
