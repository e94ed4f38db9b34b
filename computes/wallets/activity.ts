import {
  boolean,
  bulk,
  type ChainLog,
  type ChainTransaction,
  type ComputeEpoch,
  checksummed,
  int,
  list,
  object,
  preloadedBy,
  type SnapshotCompute,
  type SnapshotOf,
  text,
} from 'weft/compute'
import { BLOCK_TRANSACTIONS } from './block-transactions.ts'

/** `Transfer(address,address,uint256)`. */
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
const WORD_LENGTH = 2 + 64

const address = text({ description: 'With EIP-55 capitals' })
const SCHEMA = object({
  wallet: text({ description: 'With EIP-55 capitals' }),
  chainHeightRange: object({ begin: int(), end: int() }, { description: 'First and last block of the epoch' }),
  timestamp: int({ unit: 'seconds', description: 'Of the last block, Unix time' }),
  transactions: list(
    object({
      hash: text(),
      blockNumber: int(),
      from: address,
      to: text({ description: 'With EIP-55 capitals; empty where it makes a contract' }),
      value: int({ unit: 'wei' }),
      isSuccess: boolean({ description: 'Not where it reverted, and moved nothing' }),
    }),
    { description: 'That the wallet sent or that were sent to it, in chain order' },
  ),
  transfers: list(
    object({
      token: address,
      from: address,
      to: address,
      value: int({ description: 'As the token counts, unscaled' }),
      transactionHash: text(),
      blockNumber: int(),
      logIndex: int({ description: 'Within its block' }),
    }),
    { description: 'Of ERC-20 tokens from the wallet or to it, in chain order' },
  ),
  valueSent: int({ unit: 'wei', description: 'By transactions that succeeded' }),
  valueReceived: int({ unit: 'wei', description: 'By transactions that succeeded; what contracts pass on is in no receipt' }),
})
type Activity = SnapshotOf<typeof SCHEMA>

/** What is gathered of one wallet. */
interface Seen {
  readonly transactions: Activity['transactions'][number][]
  readonly transfers: Activity['transfers'][number][]
  valueSent: bigint
  valueReceived: bigint
}

/** Everything that touched a wallet within the epoch, in one snapshot; a wallet that nothing touched has none. */
export function activity(wallets: readonly string[]): SnapshotCompute {
  return bulk({
    projectType: 'eth:wallet_activity',
    schema: SCHEMA,
    description: 'Transactions and token transfers of a wallet',
    dataSources: wallets,
    preloads: [BLOCK_TRANSACTIONS],
    async all({ epoch, source, preloaded }) {
      const seen = gathered(wallets, preloadedBy<readonly ChainTransaction[]>(preloaded, BLOCK_TRANSACTIONS), epoch)
      const timestamp = BigInt(await source.timestamp(epoch.end))
      const chainHeightRange = { begin: BigInt(epoch.begin), end: BigInt(epoch.end) }
      return new Map([...seen].map(([wallet, found]) => [wallet, { wallet: checksummed(wallet), chainHeightRange, timestamp, ...found }]))
    },
  })
}

/** One pass over the epoch, whatever the number of wallets. */
function gathered(
  wallets: readonly string[],
  byBlock: ReadonlyMap<number, readonly ChainTransaction[]>,
  { begin, end }: ComputeEpoch,
): ReadonlyMap<string, Seen> {
  const wanted = new Set(wallets)
  const seen = new Map<string, Seen>()
  const of = (wallet: string): Seen => {
    const found = seen.get(wallet) ?? { transactions: [], transfers: [], valueSent: 0n, valueReceived: 0n }
    seen.set(wallet, found)
    return found
  }
  /** Those of the two that are looked for; somebody who sends to himself is one. */
  const among = (from: string, to: string | undefined) => new Set([from, to].filter((each) => each !== undefined && wanted.has(each)))
  for (let block = begin; block <= end; block += 1)
    for (const transaction of byBlock.get(block) ?? []) {
      const { from, to, value, isSuccess } = transaction
      for (const wallet of among(from, to) as Set<string>) {
        const found = of(wallet)
        found.transactions.push(printed(transaction))
        if (isSuccess && wallet === from) found.valueSent += value
        if (isSuccess && wallet === to) found.valueReceived += value
      }
      for (const log of transaction.logs) {
        const parties = partiesOf(log)
        if (parties === undefined) continue
        for (const wallet of among(parties.from, parties.to) as Set<string>)
          of(wallet).transfers.push(transferOf(log, { ...parties, transaction }))
      }
    }
  return seen
}

const printed = ({ hash, blockNumber, from, to, value, isSuccess }: ChainTransaction): Activity['transactions'][number] => ({
  hash,
  blockNumber: BigInt(blockNumber),
  from: checksummed(from),
  to: to === undefined ? '' : checksummed(to),
  value,
  isSuccess,
})

/** Who sent and who got an amount of an ERC-20 token; `undefined` for any other log, as of tokens that are told apart, whose transfer has a fourth topic. */
function partiesOf({ topics: [selector, from, to, ...more], data }: ChainLog): { readonly from: string; readonly to: string } | undefined {
  if (selector !== TRANSFER || from === undefined || to === undefined || more.length > 0 || data.length !== WORD_LENGTH) return undefined
  return { from: `0x${from.slice(-40)}`, to: `0x${to.slice(-40)}` }
}

const transferOf = (
  { address: token, data, logIndex }: ChainLog,
  { from, to, transaction }: { readonly from: string; readonly to: string; readonly transaction: ChainTransaction },
): Activity['transfers'][number] => ({
  token: checksummed(token),
  from: checksummed(from),
  to: checksummed(to),
  value: BigInt(data),
  transactionHash: transaction.hash,
  blockNumber: BigInt(transaction.blockNumber),
  logIndex: BigInt(logIndex),
})
