import type { RpcAnswer } from '#io/chain/rpc/answer.ts'
import { quantity } from '#io/chain/rpc/block.ts'
import type { AskSame, Objection } from '#io/chain/rpc/judge.ts'
import type { ProofHeader } from './header.ts'
import { receiptsRoot } from './receipts.ts'

/** Endpoints that give receipts by transaction only. */
const bySingle = new WeakSet<AskSame>()

type Receipts = readonly unknown[]
const method = 'eth_getBlockReceipts'

const listOf = (answer: RpcAnswer | undefined, { transactions }: ProofHeader): Receipts | undefined =>
  answer?.isOk === true && Array.isArray(answer.result) && answer.result.length === transactions.length ? answer.result : undefined

/** Receipts of whole blocks; `undefined` where none came. Without transactions there are none. */
async function ofBlocks(headers: readonly ProofHeader[], ask: AskSame): Promise<(Receipts | undefined)[]> {
  const full = headers.filter(({ transactions }) => transactions.length > 0)
  const isAsked = full.length > 0 && !bySingle.has(ask)
  const answers = isAsked ? await ask(full.map(({ number }) => ({ method, params: [quantity(number)] }))) : []
  return headers.map((header) => (header.transactions.length === 0 ? [] : listOf(answers[full.indexOf(header)], header)))
}

async function ofTransactions({ transactions }: ProofHeader, ask: AskSame): Promise<Receipts | undefined> {
  const answers = await ask(transactions.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })))
  const receipts = answers.flatMap((answer) => (answer.isOk && answer.result !== null ? [answer.result] : []))
  return receipts.length === transactions.length ? receipts : undefined
}

/** Another look at a block of which no receipts came, together with its header: it may be several nodes, one of which has not come so far. */
async function lookAgain(header: ProofHeader, ask: AskSame): Promise<Receipts | Objection> {
  const { number, hash } = header
  const [receipts, block] = await ask([
    { method, params: [quantity(number)] },
    { method: 'eth_getBlockByHash', params: [hash, false] },
  ])
  const none = { method, detail: `no receipts of block ${number}` }
  const isThere = block?.isOk === true && block.result !== null
  return listOf(receipts, header) ?? (isThere ? { word: 'withholds', ...none } : none)
}

/** The receipts of each block, all of them under the root of its header; or what is wrong. */
export async function fetchReceipts(headers: readonly ProofHeader[], ask: AskSame): Promise<Receipts[] | Objection> {
  const all: Receipts[] = []
  for (const [index, whole] of (await ofBlocks(headers, ask)).entries()) {
    const header = headers[index] as ProofHeader
    const single = whole ?? (await ofTransactions(header, ask))
    if (whole === undefined && single !== undefined) bySingle.add(ask)
    const receipts = single ?? (await lookAgain(header, ask))
    if (!Array.isArray(receipts)) return receipts as Objection
    const other = receipts.find((receipt) => String((receipt as { blockHash?: unknown } | null)?.blockHash).toLowerCase() !== header.hash)
    if (other !== undefined) return { word: 'other_forks', method, detail: `receipts of block ${header.number} are not of ${header.hash}` }
    if (rootOf(receipts) !== header.receiptsRoot)
      return { word: 'forges', method, detail: `the receipts of block ${header.number} have not the root ${header.receiptsRoot}` }
    all.push(receipts)
  }
  return all
}

/** `undefined` for what are no receipts. */
function rootOf(receipts: Receipts): string | undefined {
  try {
    return receiptsRoot(receipts)
  } catch {
    return undefined // Whatever stands in place of their fields.
  }
}
