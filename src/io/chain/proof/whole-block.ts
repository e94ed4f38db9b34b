import type { RpcAnswer, RpcCall } from '#io/chain/rpc/answer.ts'
import type { Objection } from '#io/chain/rpc/judge.ts'
import { receiptsRoot } from './receipts.ts'
import { isKnownType, misnamed, transactionsRoot } from './transactions.ts'

type Raw = Readonly<Record<string, unknown>>

const isWhole = ({ method, params }: RpcCall): boolean => /^eth_getBlockBy(Number|Hash)$/.test(method) && params[1] === true
const low = (value: unknown): string => String(value).toLowerCase()

/**
 * What is wrong with blocks that came with their transactions, and with receipts that were asked for beside them: each is held against its
 * root in the header. A block with transactions of a type that is not known here is believed where its receipts say so, too.
 */
export async function wholeBlockProblem(
  calls: readonly RpcCall[],
  answers: readonly RpcAnswer[],
  isReceiptsProof: boolean,
): Promise<Objection | undefined> {
  for (const [index, call] of calls.entries()) {
    const answer = answers[index]
    if (!isWhole(call) || !answer?.isOk || answer.result === null) continue
    const block = answer.result as Raw
    const forged = (what: string): Objection => ({
      word: 'forges',
      method: call.method,
      detail: `the ${what} of block ${Number(block['number'])} have not the root of its header`,
    })
    const receipts = isReceiptsProof ? receiptsOf(block, calls, answers) : undefined
    if (receipts !== undefined && !(await holds(() => receiptsRoot(receipts) === low(block['receiptsRoot'])))) return forged('receipts')
    if (!(await holds(() => isProved(block, receipts)))) return forged('transactions')
  }
  return undefined
}

/** Those of that very block; `undefined` where they were not asked for, or did not come. */
function receiptsOf(block: Raw, calls: readonly RpcCall[], answers: readonly RpcAnswer[]): readonly Raw[] | undefined {
  const index = calls.findIndex(({ method, params }) => method === 'eth_getBlockReceipts' && params[0] === block['number'])
  const answer = answers[index]
  if (!answer?.isOk || !Array.isArray(answer.result)) return undefined
  const receipts = answer.result as readonly Raw[]
  return receipts.every((receipt) => low(receipt?.['blockHash']) === low(block['hash'])) ? receipts : undefined
}

async function isProved(block: Raw, receipts: readonly Raw[] | undefined): Promise<boolean> {
  const transactions = block['transactions'] as readonly Raw[]
  const isStrange = (raw: Raw | undefined): boolean => raw !== undefined && !isKnownType(raw)
  if (transactions.some(isStrange)) return receipts === undefined || receipts.some(isStrange)
  return transactionsRoot(transactions) === low(block['transactionsRoot']) && (await misnamed(transactions)) === 0
}

/** What cannot be encoded at all has no root. */
async function holds(test: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await test()
  } catch {
    return false
  }
}
