import { toRlp } from 'viem/utils'
import type { LogBody } from './filter.ts'
import { bare } from './header.ts'
import { orderedRoot } from './trie.ts'

type Hex = `0x${string}`
type Raw = Readonly<Record<string, unknown>>

const logsIn = (receipt: Raw): readonly LogBody[] => receipt['logs'] as readonly LogBody[]

/**
 * What a rollup of the OP stack adds to the receipt of a deposit (type 0x7e): since Canyon, whose receipts bear a version. Between Regolith and
 * Canyon nodes tell of the nonce, and no root covers it (op-geth, `Receipts.EncodeIndex`).
 */
const ofDeposit = ({ depositNonce, depositReceiptVersion }: Raw): readonly Hex[] =>
  depositReceiptVersion == null ? [] : [bare(depositNonce), bare(depositReceiptVersion)]

/** A receipt as its block's root covers it. Before Byzantium it had a state root in place of the status. */
function encoded(receipt: Raw): Uint8Array {
  const outcome = receipt['status'] == null ? (receipt['root'] as Hex) : bare(receipt['status'])
  const logs = logsIn(receipt).map(({ address, topics, data }) => [address as Hex, topics as Hex[], data as Hex])
  const body = toRlp([outcome, bare(receipt['cumulativeGasUsed']), receipt['logsBloom'] as Hex, logs, ...ofDeposit(receipt)], 'bytes')
  const type = Number(receipt['type'] ?? 0)
  return type === 0 ? body : Uint8Array.of(type, ...body)
}

/** The `receiptsRoot` of a block with these receipts. Throws whatever comes for what is no receipt. */
export const receiptsRoot = (receipts: readonly unknown[]): Hex => orderedRoot(receipts.map((receipt) => encoded(receipt as Raw)))

/** All logs of a block by their index in it. */
export const logsOf = (receipts: readonly unknown[]): readonly LogBody[] => receipts.flatMap((receipt) => logsIn(receipt as Raw))
