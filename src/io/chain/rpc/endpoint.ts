import { keccak256 } from '#wire/keccak.ts'
import { createAllowance } from './allowance.ts'
import type { Allowance } from './allowance.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { post } from './post.ts'
import type { Trouble } from './post.ts'
import { kindOfRefusal, rangeSaid } from './refusals.ts'
import type { Target } from './target.ts'

/** Calls per JSON-RPC batch: below the limits of common providers. */
const BATCH_LENGTH_MAX = 100
/** Filters whose number of results is remembered: a market has a handful. */
const FILTERS_MAX = 256

/**
 * What is worth telling of an endpoint that answers all the same: it takes no longer list of calls, range of blocks or list of logs, or sends to
 * another place.
 */
export type Noticed = 'limits_batch' | 'limits_range' | 'limits_results' | 'redirects'

export interface EndpointDeps {
  /** Called with the number of calls before each request, which it may put off. */
  readonly pay: (calls: number) => Promise<void>
  readonly notice?: (notice: Noticed, detail: string) => void
}

/** What is known of the answers to some calls: kept while the same endpoint is asked again, so that only what is missing is. */
export interface Progress {
  readonly answers: Map<number, RpcAnswer>
  /** Calls that are asked in parts. */
  readonly parts: Map<number, Parts>
}
interface Parts {
  readonly calls: readonly RpcCall[]
  readonly progress: Progress
}
export const createProgress = (): Progress => ({ answers: new Map(), parts: new Map() })

interface LogRange {
  readonly from: number
  readonly to: number
  readonly filter: Readonly<Record<string, unknown>>
}

/** The blocks of a log query that can be asked for in parts; `undefined` for any other call. */
function rangeOf({ method, params }: RpcCall): LogRange | undefined {
  if (method !== 'eth_getLogs') return undefined
  const filter = params[0] as Readonly<Record<string, unknown>>
  const [from, to] = [Number(filter['fromBlock'] ?? Number.NaN), Number(filter['toBlock'] ?? Number.NaN)]
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && to >= from ? { from, to, filter } : undefined
}
const sizeOf = ({ from, to }: LogRange): number => to - from + 1

/**
 * A long range as several, each with the header of its last block in the same request: a node that lags answers with fewer logs, and says
 * nothing. Whoever asked for the whole asked for such a header once.
 */
function split({ from, to, filter }: LogRange, size: number): RpcCall[] {
  return Array.from({ length: Math.ceil((to - from + 1) / size) }, (_, index) => {
    const toBlock = `0x${Math.min(to, from + (index + 1) * size - 1).toString(16)}`
    const fromBlock = `0x${(from + index * size).toString(16)}`
    return [
      { method: 'eth_getLogs', params: [{ ...filter, fromBlock, toBlock }] },
      { method: 'eth_getBlockByNumber', params: [toBlock, false] },
    ]
  }).flat()
}

/** The logs of all parts, or the refusal of the first that has none. */
function joined({ calls, progress }: Parts): RpcAnswer {
  const logs: unknown[] = []
  for (let index = 0; index < calls.length; index += 2) {
    const [part, last] = [progress.answers.get(index) as RpcAnswer, progress.answers.get(index + 1) as RpcAnswer]
    if (!part.isOk) return part
    if (!Array.isArray(part.result)) return part
    if (!last.isOk || last.result === null) {
      const message = `header not found: block ${Number(calls[index + 1]?.params[0])}`
      return { isOk: false, refusal: { code: -32_001, message, data: undefined } }
    }
    for (const log of part.result) logs.push(log)
  }
  return { isOk: true, result: logs }
}

/** A call has bytes for an answer. What has none says nothing about the contract. */
const NO_BYTES: RpcAnswer = { isOk: false, refusal: { code: 0, message: 'null is no answer to a call', data: undefined } }

/** The answer as it is meant: a transaction that is there already was taken, and a call without an answer has none. */
function meant({ method, params }: RpcCall, answer: RpcAnswer): RpcAnswer {
  if (answer.isOk) return method === 'eth_call' && answer.result === null ? NO_BYTES : answer
  if (method !== 'eth_sendRawTransaction' || kindOfRefusal(answer.refusal, method) !== 'known') return answer
  return { isOk: true, result: `0x${keccak256(Uint8Array.fromHex(String(params[0]).slice(2))).toHex()}` }
}

/** What an endpoint has been found to take. */
function createLimits(notice: EndpointDeps['notice']) {
  const batch = createAllowance(BATCH_LENGTH_MAX)
  const range = createAllowance(Number.POSITIVE_INFINITY)
  const results = new Map<string, Allowance>()
  const resultsOf = (filter: LogRange['filter']): Allowance => {
    const key = JSON.stringify([filter['address'], filter['topics']])
    const known = results.get(key) ?? createAllowance(Number.POSITIVE_INFINITY)
    if (!results.has(key) && results.size >= FILTERS_MAX) results.delete(results.keys().next().value as string)
    results.set(key, known)
    return known
  }
  return {
    batch,
    blocks: ({ filter }: LogRange): number => Math.min(range.now(), resultsOf(filter).now()),
    served(asked: LogRange): void {
      range.served(sizeOf(asked))
      resultsOf(asked.filter).served(sizeOf(asked))
    },
    /** Whether the range was refused for its length or its number of results, and can be asked for in parts. */
    refused(asked: LogRange, answer: RpcAnswer): boolean {
      if (answer.isOk || sizeOf(asked) === 1) return false
      const kind = kindOfRefusal(answer.refusal, 'eth_getLogs')
      if (kind === 'range') range.refused(sizeOf(asked), rangeSaid(answer.refusal.message))
      // How many results a range has differs from filter to filter.
      else if (kind === 'results') resultsOf(asked.filter).refused(sizeOf(asked))
      else return false
      notice?.(kind === 'range' ? 'limits_range' : 'limits_results', `of ${sizeOf(asked)} blocks: ${answer.refusal.message}`)
      return true
    },
    tooLarge(asked: LogRange): void {
      resultsOf(asked.filter).refused(sizeOf(asked))
      notice?.('limits_results', `of ${sizeOf(asked)} blocks: too large an answer`)
    },
    tooMany(calls: number, detail: string): void {
      batch.refused(calls)
      notice?.('limits_batch', `of ${calls} calls: ${detail}`)
    },
  }
}

/**
 * One endpoint, within what it takes in one go: longer batches and log ranges are asked for in parts. Nothing is tried again here.
 */
export function createEndpoint(target: Target, { pay, notice }: EndpointDeps) {
  const limits = createLimits(notice)
  let nextId = 1
  let isBare = false

  /** The answers of one request go to `progress`; what must be asked for in smaller parts is left open. */
  async function request(calls: readonly RpcCall[], group: readonly number[], progress: Progress): Promise<Trouble | undefined> {
    const asked = group.map((index) => calls[index] as RpcCall)
    await pay(asked.length)
    const firstId = nextId
    nextId += asked.length
    const wasBare = isBare
    const outcome = await post(target, { calls: asked, firstId, isBare, onRedirect: (place) => notice?.('redirects', `to ${place}`) })
    if (!Array.isArray(outcome)) return isSmaller(outcome, asked, wasBare) ? undefined : outcome
    limits.batch.served(asked.length)
    outcome.forEach((answer, place) => {
      const call = asked[place] as RpcCall
      const range = rangeOf(call)
      if (range !== undefined && limits.refused(range, answer)) return
      if (range !== undefined && answer.isOk) limits.served(range)
      progress.answers.set(group[place] as number, meant(call, answer))
    })
    return undefined
  }

  /** Whether less can be asked for after a request that was too much. */
  function isSmaller({ kind, failure }: Trouble, asked: readonly RpcCall[], wasBare: boolean): boolean {
    if (kind !== 'batch' && kind !== 'too_large') return false
    const range = asked.length === 1 ? rangeOf(asked[0] as RpcCall) : undefined
    if (asked.length > 1) limits.tooMany(asked.length, 'detail' in failure.facts ? String(failure.facts.detail) : 'too large an answer')
    else if (kind === 'too_large' && range !== undefined && sizeOf(range) > 1) limits.tooLarge(range)
    // An endpoint that takes no lists takes a call by itself; several lists may be under way when that is found out.
    else if (kind === 'batch' && !wasBare) {
      isBare = true
      notice?.('limits_batch', 'takes no lists')
    } else return false
    return true
  }

  async function ask(calls: readonly RpcCall[], progress: Progress): Promise<Trouble | undefined> {
    for (;;) {
      const open = calls.map((_, index) => index).filter((index) => !progress.answers.has(index))
      if (open.length === 0) return undefined
      const long = open.filter((index) => isLong(calls[index] as RpcCall) || progress.parts.has(index))
      for (const index of long) {
        const trouble = await askInParts(calls[index] as RpcCall, index, progress)
        if (trouble !== undefined) return trouble
      }
      const group = open.filter((index) => !long.includes(index)).slice(0, isBare ? 1 : limits.batch.now())
      const trouble = group.length === 0 ? undefined : await request(calls, group, progress)
      if (trouble !== undefined) return trouble
    }
  }

  const isLong = (call: RpcCall): boolean => {
    const range = rangeOf(call)
    return range !== undefined && sizeOf(range) > limits.blocks(range)
  }

  async function askInParts(call: RpcCall, index: number, progress: Progress): Promise<Trouble | undefined> {
    const range = rangeOf(call) as LogRange
    const parts = progress.parts.get(index) ?? { calls: split(range, limits.blocks(range)), progress: createProgress() }
    progress.parts.set(index, parts)
    const trouble = await ask(parts.calls, parts.progress)
    if (trouble !== undefined) return trouble
    progress.answers.set(index, joined(parts))
    return undefined
  }

  return {
    target,
    /** Fills `progress` with an answer to each call, or returns why it could not. Never throws. */
    ask,
  }
}
export type Endpoint = ReturnType<typeof createEndpoint>
