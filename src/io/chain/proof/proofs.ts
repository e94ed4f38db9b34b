import { isWeftError } from '#domain/errors.ts'
import type { RpcAnswer, RpcCall } from '#io/chain/rpc/answer.ts'
import { quantity } from '#io/chain/rpc/block.ts'
import { contradictionIn } from '#io/chain/rpc/contract-number.ts'
import type { AskSame, Judge, Objection } from '#io/chain/rpc/judge.ts'
import { parseAnswer, parseQuantity } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { fetchReceipts } from './fetch-receipts.ts'
import { isMatch, type LogFilter, mayMatch } from './filter.ts'
import { headerHash, type ProofHeader, proofHeaderOf } from './header.ts'
import { compareLogs, type GivenLog, isLog } from './logs.ts'
import { wholeBlockProblem } from './whole-block.ts'

/** Blocks below the head that are looked at to find one with transactions: on rollups every block has one. */
const SURVEY_BLOCKS = 16
/** So many headers in a row, of whatever endpoint, that have the hash of their fields where none had, or have not where all had: the chain has other headers now. */
const UNEXPECTED_MAX = 32
/** Blocks whose receipts are asked for in one request: of a great chain they are half a MiB each. */
const RECEIPTS_AT_ONCE = 8

export interface ProofOptions {
  /** From 0 to 1: of blocks whose logs fit the bloom of their header, how many are compared with their receipts all the same. */
  readonly receiptsShare: number
  /** A number in [0, 1) that no endpoint can foresee. */
  readonly random: () => number
  /** Told what cannot be proved on this chain. */
  readonly onUnproved?: (means: Means) => void
}

/** What proves something: that headers have the hash of their fields, that receipts have the root of their header. */
export type Means = 'headers' | 'receipts'

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

/**
 * Believes no endpoint: the header of every block is hashed anew, an answer of logs is held against the `logsBloom` of the headers that came
 * with it, and where the two differ, and in a sample of the others, against the receipts, which are held against the header's `receiptsRoot`.
 */
export function createProofs({ receiptsShare, random, onUnproved }: ProofOptions) {
  const isPossible: Record<Means, boolean> = { headers: true, receipts: true }
  /** While it is found out what can be proved; then what cannot. */
  let isSurvey = false
  let impossible: Means | undefined
  let unexpected = 0

  /** In a survey nobody is accused: another endpoint is asked, and if none proves it, it cannot be proved. */
  function objection(means: Means, found: Objection): Objection {
    if (!isSurvey) return found
    impossible = means
    return { method: found.method, detail: found.detail }
  }

  /** A fork may bring headers with a field that is not known here: then no endpoint can prove any more. When all can again, all must. */
  function heed(isHashed: boolean): void {
    if (isSurvey) return
    unexpected = isHashed === isPossible.headers ? 0 : unexpected + 1
    if (unexpected < UNEXPECTED_MAX) return
    unexpected = 0
    isPossible.headers = isHashed
    if (!isHashed) onUnproved?.('headers')
  }

  function headersIn(calls: readonly RpcCall[], answers: readonly RpcAnswer[]): ProofHeader[] | Objection {
    const headers = new Map<string, ProofHeader>()
    for (const [index, call] of calls.entries()) {
      const answer = answers[index]
      if (!isHeaderCall(call) || !answer?.isOk || answer.result === null) continue
      const raw = answer.result as Readonly<Record<string, unknown>>
      const hash = String(raw['hash']).toLowerCase()
      const isHashed = hashOf(raw) === hash
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

  async function compare(open: readonly Given[], ask: AskSame): Promise<Objection | undefined> {
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

  const judge: Judge = async (calls, answers, ask) => {
    const malformed = calls.find((call, index) => !hasForm(call, answers[index]))
    if (malformed !== undefined) return { word: 'invalid', method: malformed.method, detail: 'not the form of an answer' }
    const headers = headersIn(calls, answers)
    if (!Array.isArray(headers)) return headers
    if (isSurvey) return surveyed(headers, ask)
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
    return open.length === 0 ? undefined : compare(open, ask)
  }

  async function surveyed(headers: readonly ProofHeader[], ask: AskSame): Promise<Objection | undefined> {
    const full = headers.findLast(({ transactions }) => transactions.length > 0)
    if (full === undefined || !isPossible.receipts) return undefined
    const fetched = await fetchReceipts([full], ask)
    return Array.isArray(fetched) ? undefined : objection('receipts', fetched as Objection)
  }

  /** Whether nothing speaks against what is thought possible. */
  async function holds(rpc: Rpc): Promise<boolean> {
    impossible = undefined
    try {
      const head = await readHeadNumber(rpc)
      const first = Math.max(0, head - SURVEY_BLOCKS + 1)
      const numbers = Array.from({ length: head - first + 1 }, (_, index) => quantity(first + index))
      await rpc.all(numbers.map((each) => ({ method: 'eth_getBlockByNumber', params: [each, false] })))
      return true
    } catch (failure) {
      if (impossible === undefined || !isWeftError(failure, 'CHAIN_ANSWER_INVALID')) throw failure
      return false
    }
  }

  return {
    judge,
    /**
     * Finds out what can be proved on the chain: rollups may hash headers and receipts in ways of their own. What none of the endpoints can
     * prove is told of and believed from then on. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`.
     */
    async survey(rpc: Rpc): Promise<void> {
      isSurvey = true
      try {
        while (!(await holds(rpc))) {
          isPossible[impossible as Means] = false
          onUnproved?.(impossible as Means)
        }
      } finally {
        isSurvey = false
      }
    },
  }
}
export type Proofs = ReturnType<typeof createProofs>

async function readHeadNumber(rpc: Rpc): Promise<number> {
  const method = 'eth_blockNumber'
  const answer = await rpc.call(method, [])
  return parseAnswer(rpc, method, () => parseQuantity(answer))
}

/** `undefined` for what is no header. */
function hashOf(raw: Readonly<Record<string, unknown>>): string | undefined {
  try {
    return headerHash(raw)
  } catch {
    return undefined // Whatever stands in place of its fields.
  }
}
