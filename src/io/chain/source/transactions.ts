import type { ChainTransaction } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { parseAddress, parseHash } from '#domain/ids.ts'
import type { SourceChain } from '#io/chain/port.ts'
import { parseHeader, quantity } from '#io/chain/rpc/block.ts'
import { parseAnswer, parseQuantity } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'

type Raw = Readonly<Record<string, unknown>>

const RECEIPTS = 'eth_getBlockReceipts'
const HEX = /^0x(?:[0-9a-f]{2})*$/

function hexOf(value: unknown): string {
  const text = String(value).toLowerCase()
  if (!HEX.test(text)) throw new TypeError(`${text.slice(0, 80)} is no hex`)
  return text
}

/** A transaction with its receipt. Throws whatever comes for what is neither. */
function transactionOf(raw: Raw, receipt: Raw, firstLog: number): ChainTransaction {
  const hash = parseHash(String(raw['hash']))
  if (parseHash(String(receipt['transactionHash'])) !== hash) throw new TypeError(`another receipt in place of that of ${hash}`)
  return {
    hash,
    blockNumber: parseQuantity(raw['blockNumber']),
    index: parseQuantity(raw['transactionIndex']),
    from: parseAddress(String(raw['from'])),
    to: raw['to'] == null ? undefined : parseAddress(String(raw['to'])),
    value: BigInt(raw['value'] as string),
    input: hexOf(raw['input']),
    // Before Byzantium a receipt had a state root in place of the status, and said nothing of this.
    isSuccess: receipt['status'] == null || parseQuantity(receipt['status']) === 1,
    logs: (receipt['logs'] as readonly Raw[]).map((log, index) => ({
      address: parseAddress(String(log['address'])),
      topics: (log['topics'] as readonly unknown[]).map(hexOf),
      data: hexOf(log['data']),
      // No root covers it: counted, not believed.
      logIndex: firstLog + index,
    })),
  }
}

/**
 * The transactions of a block with their receipts, asked for together: whoever judges answers holds both against the roots of its header.
 * Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`, also where no endpoint gives the receipts of a block in one answer.
 */
export async function readTransactions(
  rpc: Rpc,
  { blockNumber, blockHash }: Parameters<SourceChain['transactions']>[0],
): Promise<readonly ChainTransaction[]> {
  const invalid = (detail: string) => new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: RECEIPTS, detail })
  const [block, receipts] = await rpc.all([
    { method: 'eth_getBlockByNumber', params: [quantity(blockNumber), true] },
    { method: RECEIPTS, params: [quantity(blockNumber)] },
  ])
  const header = parseHeader(rpc, block)
  if (header?.number !== blockNumber) throw invalid(`block ${blockNumber} is not there yet`)
  if (blockHash !== undefined && header.hash !== blockHash) throw invalid(`block ${blockNumber} is not ${blockHash} any more`)
  const transactions = (block as Raw)['transactions']
  if (!Array.isArray(transactions) || !Array.isArray(receipts) || transactions.length !== receipts.length)
    throw invalid(`block ${blockNumber} has not as many receipts as transactions`)
  if (receipts.some((receipt: Raw | null) => String(receipt?.['blockHash']).toLowerCase() !== header.hash))
    throw invalid(`the receipts of block ${blockNumber} are not of ${header.hash}`)
  return parseAnswer(rpc, RECEIPTS, () => {
    let logs = 0
    return transactions.map((raw: Raw, index) => {
      const transaction = transactionOf(raw, receipts[index] as Raw, logs)
      logs += transaction.logs.length
      return transaction
    })
  })
}
