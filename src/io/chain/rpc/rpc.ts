import { WeftError } from '#domain/errors.ts'
import { safeUint } from '#domain/ids.ts'
import type { Pause } from './pace.ts'

/** One request may wait so long; a node that takes longer for one block or log range will not do better on waiting. */
const REQUEST_TIMEOUT_MS = 15_000
/** Tries per request, for answers that say "later" and for connections that fail. Followers and senders try on above that. */
const ATTEMPTS_MAX = 3
const BACKOFF_FIRST_MS = 200
/** Longest pause that a node may ask for with Retry-After. */
const BACKOFF_MAX_MS = 10_000
/** Calls per JSON-RPC batch: below the limits of common providers. */
const BATCH_LENGTH_MAX = 100
/** Largest answer taken: the logs of a full range take a few MiB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

export interface RpcCall {
  readonly method: string
  readonly params: readonly unknown[]
}

/** What a node says instead of a result. `data` is revert data when there is any. */
export interface RpcRefusal {
  readonly code: number
  readonly message: string
  readonly data: string | undefined
}

export type RpcAnswer = { readonly isOk: true; readonly result: unknown } | { readonly isOk: false; readonly refusal: RpcRefusal }

/** A JSON-RPC endpoint over HTTP. Answers are matched to calls by id, whatever their order. */
export interface Rpc {
  /** Scheme and host: what may be printed. Keys live in path, query and credentials. */
  readonly endpoint: string
  /** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. Calls made in one turn travel together. */
  ask(method: string, params: readonly unknown[]): Promise<RpcAnswer>
  /** As `ask`; a refusal is `CHAIN_ANSWER_INVALID` too. */
  call(method: string, params: readonly unknown[]): Promise<unknown>
  /** As `call` for several, in one request as far as it holds them, answered in their order. */
  all(calls: readonly RpcCall[]): Promise<unknown[]>
}

interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly endpoint: string
}

/** A password as it is meant: a `%` that escapes nothing stands for itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%(?![0-9a-fA-F]{2})/g, '%25'))
  } catch {
    return text // What it escapes is no text.
  }
}

/** `fetch` refuses URLs with credentials: they travel as a header. */
function targetOf(rpcUrl: string): Target {
  if (!URL.canParse(rpcUrl)) throw new WeftError('SETTINGS_INVALID', { problems: ['an RPC URL is no URL'] })
  const url = new URL(rpcUrl)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new WeftError('SETTINGS_INVALID', { problems: ['an RPC URL is not http or https'] })
  const endpoint = `${url.protocol}//${url.host}`
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (url.username !== '' || url.password !== '') {
    const credentials = `${unescaped(url.username)}:${unescaped(url.password)}`
    headers['authorization'] = `Basic ${new TextEncoder().encode(credentials).toBase64()}`
    url.username = ''
    url.password = ''
  }
  return { url: url.href, headers, endpoint }
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > ANSWER_BYTES_MAX) throw new Error(`answer above ${ANSWER_BYTES_MAX} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** A failed try: `retryAfterMs` when the node said how long to wait. */
interface Trouble {
  readonly failure: WeftError
  readonly retryAfterMs: number | undefined
}

function isBusy(status: number): boolean {
  return status === 429 || status >= 500
}

function retryAfterOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, BACKOFF_MAX_MS) : undefined
}

function refusalOf(error: unknown): RpcRefusal {
  const { code, message, data } = (typeof error === 'object' && error !== null ? error : {}) as {
    code?: unknown
    message?: unknown
    data?: unknown
  }
  // Some nodes put the revert data one level deeper.
  const inner = typeof data === 'object' && data !== null ? (data as { data?: unknown }).data : data
  return {
    code: typeof code === 'number' ? code : 0,
    message: String(message ?? 'no message').slice(0, 300),
    data: typeof inner === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(inner) ? inner : undefined,
  }
}

/** The answers in the order of the calls, or what is wrong with them. */
function matchAnswers(body: unknown, calls: readonly RpcCall[], firstId: number): RpcAnswer[] | string {
  if (!Array.isArray(body)) return `no list of answers: ${refusalOf((body as { error?: unknown } | null)?.error).message}`
  const byId = new Map<unknown, { readonly result?: unknown; readonly error?: unknown }>()
  for (const item of body) if (typeof item === 'object' && item !== null) byId.set(item.id, item)
  const answers: RpcAnswer[] = []
  for (let index = 0; index < calls.length; index += 1) {
    const item = byId.get(firstId + index)
    if (item === undefined) return `no answer to ${calls[index]?.method}, number ${index + 1} of ${calls.length}`
    if (item.error !== undefined && item.error !== null) answers.push({ isOk: false, refusal: refusalOf(item.error) })
    else if (item.result === undefined) return `neither result nor error for ${calls[index]?.method}`
    else answers.push({ isOk: true, result: item.result })
  }
  return answers
}

/** Sends batches and tries again what may pass. */
function createTransport(target: Target, pause: Pause): (calls: readonly RpcCall[]) => Promise<RpcAnswer[]> {
  const { endpoint } = target
  let nextId = 1

  function unreachable(method: string, cause: unknown, retryAfterMs?: number): Trouble {
    return { failure: new WeftError('CHAIN_UNREACHABLE', { endpoint, method }, cause), retryAfterMs }
  }
  function invalid(method: string, detail: string, cause?: unknown): Trouble {
    return { failure: new WeftError('CHAIN_ANSWER_INVALID', { endpoint, method, detail }, cause), retryAfterMs: undefined }
  }

  async function attempt(calls: readonly RpcCall[]): Promise<RpcAnswer[] | Trouble> {
    const method = [...new Set(calls.map((call) => call.method))].join(', ')
    const firstId = nextId
    nextId += calls.length
    const body = JSON.stringify(calls.map((call, index) => ({ jsonrpc: '2.0', id: firstId + index, ...call })))
    try {
      const response = await fetch(target.url, {
        method: 'POST',
        headers: target.headers,
        body,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
      const text = await readBounded(response)
      if (isBusy(response.status)) return unreachable(method, new Error(`HTTP ${response.status}`), retryAfterOf(response))
      const answers = matchAnswers(JSON.parse(text), calls, firstId)
      return typeof answers === 'string' ? invalid(method, `HTTP ${response.status}, ${answers}`) : answers
    } catch (cause) {
      return cause instanceof SyntaxError ? invalid(method, 'no JSON', cause) : unreachable(method, cause)
    }
  }

  async function askChunk(calls: readonly RpcCall[]): Promise<RpcAnswer[]> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await attempt(calls)
      if (Array.isArray(outcome)) return outcome
      if (tries === ATTEMPTS_MAX) throw outcome.failure
      await pause.sleep(outcome.retryAfterMs ?? BACKOFF_FIRST_MS * 2 ** (tries - 1))
    }
  }

  return async (calls) => {
    const answers: RpcAnswer[] = []
    for (let start = 0; start < calls.length; start += BATCH_LENGTH_MAX)
      answers.push(...(await askChunk(calls.slice(start, start + BATCH_LENGTH_MAX))))
    return answers
  }
}

/** Opens nothing yet: the first call does. `pause` is used between tries. Throws `SETTINGS_INVALID` for what is no HTTP URL. */
export function createRpc(options: { readonly rpcUrl: string; readonly pause: Pause }): Rpc {
  const target = targetOf(options.rpcUrl)
  const { endpoint } = target
  const askAll = createTransport(target, options.pause)
  let waiting: { readonly call: RpcCall; readonly resolve: (answer: Promise<RpcAnswer>) => void }[] = []

  function resultOf(answer: RpcAnswer, method: string): unknown {
    if (answer.isOk) return answer.result
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint, method, detail: `${answer.refusal.message} (${answer.refusal.code})` })
  }

  function flush(): void {
    const group = waiting
    waiting = []
    const asked = askAll(group.map(({ call }) => call))
    group.forEach(({ resolve }, index) => {
      resolve(asked.then((answers) => answers[index] as RpcAnswer))
    })
  }

  function ask(method: string, params: readonly unknown[]): Promise<RpcAnswer> {
    return new Promise((resolve) => {
      if (waiting.length === 0) queueMicrotask(flush)
      waiting.push({ call: { method, params }, resolve })
    })
  }

  return {
    endpoint,
    ask,
    call: async (method, params) => resultOf(await ask(method, params), method),
    async all(calls) {
      const answers = await askAll(calls)
      return answers.map((answer, index) => resultOf(answer, calls[index]?.method ?? ''))
    },
  }
}

/** Throws `CHAIN_WRONG` unless the endpoint serves this chain. */
export async function assertChainId(rpc: Rpc, chainId: number): Promise<void> {
  const gotChainId = Number(await rpc.call('eth_chainId', []))
  if (gotChainId !== chainId) throw new WeftError('CHAIN_WRONG', { endpoint: rpc.endpoint, expectedChainId: chainId, gotChainId })
}

/** What `parse` makes of an answer; whatever it throws becomes `CHAIN_ANSWER_INVALID`, for a node may answer anything. */
export function parseAnswer<Value>(rpc: Rpc, method: string, parse: () => Value): Value {
  try {
    return parse()
  } catch (cause) {
    const detail = (cause instanceof Error ? cause.message : String(cause)).slice(0, 200)
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method, detail }, cause)
  }
}

/** A safe non-negative integer from a node's hex. For use within `parseAnswer`. */
export function parseQuantity(text: unknown): number {
  const value = typeof text === 'string' && /^0x[0-9a-fA-F]{1,16}$/.test(text) ? safeUint(BigInt(text)) : undefined
  if (value === undefined) throw new Error(`${String(text).slice(0, 40)} is not a quantity`)
  return value
}
