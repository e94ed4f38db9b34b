import type { Hash } from '#domain/ids.ts'
import type { RpcAnswer, RpcCall } from '#io/chain/rpc/answer.ts'
import { contradictionIn } from '#io/chain/rpc/contract-number.ts'
import type { AskSame, Judge, Objection } from '#io/chain/rpc/judge.ts'
import { unlessThrown } from '#wire/untrusted.ts'
import { fetchReceipts } from './fetch-receipts.ts'
import { isMatch, type LogFilter, mayMatch } from './filter.ts'
import { headerHash, type ProofHeader, proofHeaderOf } from './header.ts'
import { compareLogs, type GivenLog, isLog } from './logs.ts'
import { createProvable, type Means, type Provable } from './provable.ts'
import { wholeBlockProblem } from './whole-block.ts'

/** Blocks whose receipts are asked for in one request: of a great chain they are half a MiB each. */
const RECEIPTS_AT_ONCE = 8
/** Blocks whose proved blooms are remembered: a follower asks for the logs of the newest sixteen one by one, and several followers one after the other. */
const BLOOMS_MAX = 64

export interface ProofOptions {
  /** From 0 to 1: of blocks whose logs fit the bloom of their header, how many are compared with their receipts all the same. */
  readonly receiptsShare: number
  /** A number in [0, 1) that no endpoint can foresee. */
  readonly random: () => number
  /** Told what cannot be proved on this chain. */
  readonly onUnproved?: (means: Means) => void
}

/** One query for logs and what came of it. */
interface Query {
  readonly filter: LogFilter & { readonly fromBlock?: string; readonly toBlock?: string; readonly blockHash?: string }
  readonly logs: readonly GivenLog[]
}

/** The logs of one filter in one block. */
interface Given {
  readonly header: ProofHeader
  readonly filter: LogFilter
  readonly logs: readonly GivenLog[]
}

function queryOf({ method, params }: RpcCall, answer: RpcAnswer | undefined): Query[] {
  if (method !== 'eth_getLogs' || answer?.isOk !== true) return []
  const filter = params[0] as Query['filter']
  // A node may answer with more than it was asked for.
  return [{ filter, logs: (answer.result as readonly GivenLog[]).filter((log) => isMatch(filter, log)) }]
}

/** What a query brought of each block whose header came along. */
function givenIn({ filter, logs }: Query, headers: readonly ProofHeader[]): Given[] {
  const { blockHash, fromBlock, toBlock } = filter
  if (blockHash !== undefined)
    return headers.filter(({ hash }) => hash === blockHash.toLowerCase()).map((header) => ({ header, filter, logs }))
  const byNumber = Map.groupBy(logs, (log) => Number(log.blockNumber))
  return headers
    .filter(({ number }) => number >= Number(fromBlock) && number <= Number(toBlock))
    .map((header) => ({ header, filter, logs: byNumber.get(header.number) ?? [] }))
}

/** Whether headers are objects or not there, and logs a list of logs. */
function hasForm(call: RpcCall, answer: RpcAnswer | undefined): boolean {
  if (!answer?.isOk) return true
  if (isHeaderCall(call)) return typeof answer.result === 'object'
  return call.method !== 'eth_getLogs' || (Array.isArray(answer.result) && answer.result.every(isLog))
}

const isHeaderCall = ({ method }: RpcCall): boolean => method === 'eth_getBlockByNumber' || method === 'eth_getBlockByHash'

/** The headers that came, unless one of them has not the hash of its fields, or is not the one that was asked for. */
function headersIn(
  calls: readonly RpcCall[],
  answers: readonly RpcAnswer[],
  { isPossible, heed, objection }: Provable,
): ProofHeader[] | Objection {
  const headers = new Map<string, ProofHeader>()
  for (const [index, call] of calls.entries()) {
    const answer = answers[index]
    if (!isHeaderCall(call) || !answer?.isOk || answer.result === null) continue
    const raw = answer.result as Readonly<Record<string, unknown>>
    const hash = String(raw['hash']).toLowerCase()
    const isHashed = unlessThrown(() => headerHash(raw)) === hash
    heed(isHashed)
    const isOther = call.method === 'eth_getBlockByHash' && hash !== String(call.params[0]).toLowerCase()
    if (isOther || (isPossible.headers && !isHashed)) {
      const detail = `the header of block ${Number(raw['number'])} has not the hash ${hash.slice(0, 66)}`
      return objection('headers', { word: 'forges', method: call.method, detail })
    }
    const contradiction = isPossible.headers ? contradictionIn(raw) : undefined
    if (contradiction !== undefined)
      return { word: 'forges', method: call.method, detail: `of block ${Number(raw['number'])}: ${contradiction}` }
    const header = proofHeaderOf(raw)
    if (header !== undefined) headers.set(hash, header)
  }
  return [...headers.values()]
}

/** What of the logs given is not what the receipts of their blocks say. */
async function compare(open: readonly Given[], ask: AskSame, { objection }: Provable): Promise<Objection | undefined> {
  const byBlock = [...Map.groupBy(open, ({ header }) => header.hash).values()]
  for (let begin = 0; begin < byBlock.length; begin += RECEIPTS_AT_ONCE) {
    const group = byBlock.slice(begin, begin + RECEIPTS_AT_ONCE)
    const fetched = await fetchReceipts(
      group.map(([first]) => (first as Given).header),
      ask,
    )
    if (!Array.isArray(fetched)) return objection('receipts', fetched as Objection)
    for (const [index, ofBlock] of group.entries())
      for (const { header, filter, logs } of ofBlock) {
        const found = compareLogs(header.number, logs, { filter, receipts: fetched[index] as readonly unknown[] })
        if (found !== undefined) return found
      }
  }
  return undefined
}

/** Whether the receipts of one of the blocks can be had and proved. */
async function surveyed(
  headers: readonly ProofHeader[],
  ask: AskSame,
  { isPossible, objection }: Provable,
): Promise<Objection | undefined> {
  const full = headers.findLast(({ transactions }) => transactions.length > 0)
  if (full === undefined || !isPossible.receipts) return undefined
  const fetched = await fetchReceipts([full], ask)
  return Array.isArray(fetched) ? undefined : objection('receipts', fetched as Objection)
}

/**
 * Believes no endpoint: the header of every block is hashed anew, an answer of logs is held against the `logsBloom` of the headers that came
 * with it, and where the two differ, and in a sample of the others, against the receipts, which are held against the header's `receiptsRoot`.
 */
export function createProofs({ receiptsShare, random, onUnproved }: ProofOptions) {
  const provable = createProvable(onUnproved)
  const { isPossible } = provable
  /** Of headers that had the hash of their fields, by that hash: whoever told of them, these are their blooms. */
  const blooms = new Map<string, string>()

  function remember(headers: readonly ProofHeader[]): void {
    for (const { hash, logsBloom } of headers) {
      if (blooms.size >= BLOOMS_MAX && !blooms.has(hash)) blooms.delete(blooms.keys().next().value as string)
      blooms.set(hash, logsBloom)
    }
  }

  /** Whether the bloom leaves something to be asked of the receipts; or what is wrong already. */
  function isOpen({ header, filter, logs }: Given): boolean | Objection {
    const other = logs.find(({ blockHash }) => String(blockHash).toLowerCase() !== header.hash)
    if (other !== undefined) {
      const detail = `a log of block ${header.number} is of ${String(other.blockHash).slice(0, 66)}, the header is ${header.hash}`
      return { word: 'other_forks', method: 'eth_getLogs', detail }
    }
    if (!mayMatch(filter, header.logsBloom)) {
      if (logs.length === 0) return false
      return { word: 'invents', method: 'eth_getLogs', detail: `a log of block ${header.number} that its bloom excludes` }
    }
    return isPossible.receipts && (logs.length === 0 || random() < receiptsShare)
  }

  const judge: Judge = async (calls, answers, ask) => {
    const malformed = calls.find((call, index) => !hasForm(call, answers[index]))
    if (malformed !== undefined) return { word: 'invalid', method: malformed.method, detail: 'not the form of an answer' }
    const headers = headersIn(calls, answers, provable)
    if (!Array.isArray(headers)) return headers
    if (provable.isSurvey()) return surveyed(headers, ask, provable)
    if (isPossible.headers) remember(headers)
    const whole = isPossible.headers ? await wholeBlockProblem(calls, answers, isPossible.receipts) : undefined
    if (whole !== undefined) return whole
    const open: Given[] = []
    for (const [index, call] of calls.entries())
      for (const query of queryOf(call, answers[index]))
        for (const given of givenIn(query, headers)) {
          const verdict = isOpen(given)
          if (typeof verdict === 'object') return verdict
          if (verdict) open.push(given)
        }
    return open.length === 0 ? undefined : compare(open, ask, provable)
  }

  return {
    judge,
    survey: provable.survey,
    /** Whether the block has no log of any of the filters, by the bloom of its header, which came with another answer and was proved: then nobody need be asked for them. */
    excludes(hash: Hash, filters: readonly LogFilter[]): boolean {
      const bloom = blooms.get(hash)
      return bloom !== undefined && filters.every((filter) => !mayMatch(filter, bloom))
    },
  }
}
export type Proofs = ReturnType<typeof createProofs>
