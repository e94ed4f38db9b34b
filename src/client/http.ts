import { isWeftError, WeftError } from '#domain/errors.ts'
import { partsOf, textWithin } from '#wire/body.ts'
import { isRecord, parseJson } from '#wire/untrusted.ts'

/** Questions to one endpoint, over the `fetch` of whoever runs this. Nothing read is trusted; everything has a limit. */

/** Bytes of one answer: a page of snapshots, of which the largest has half of that. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

export interface HttpOptions {
  readonly fetch: typeof fetch
  /** For one answer, read to its end. */
  readonly timeoutMs: number
  /** Of the api, where it asks for one. */
  readonly key?: string | undefined
}

export interface Http {
  /** What the address answers, whatever the status. Throws `API_FAILED`, or the signal's reason. */
  get(address: string, signal?: AbortSignal): Promise<{ readonly status: number; readonly body: unknown }>
  /** One call of JSON-RPC: its result. Throws `API_FAILED`, or the signal's reason. */
  call(address: string, method: string, params: readonly unknown[]): Promise<unknown>
  /** Bytes of a stream as they come, for as long as they do. Throws `API_FAILED`, `API_REFUSED`, or the signal's reason. */
  open(address: string, asking: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal }): AsyncIterable<string>
}

export function createHttp({ fetch, timeoutMs, key }: HttpOptions): Http {
  const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }

  async function json(address: string, init: RequestInit, signal?: AbortSignal) {
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(address, { ...init, redirect: 'error', signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
      return { status: response.status, body: JSON.parse(await textOf(response)) as unknown }
    } catch (failure) {
      signal?.throwIfAborted()
      throw apiFailed(address, failure)
    }
  }

  return {
    get: (address, signal) => json(address, { headers: { accept: 'application/json', ...authorization } }, signal),
    async call(address, method, params) {
      const headers = { 'content-type': 'application/json' }
      const { body } = await json(address, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) })
      const { result, error } = isRecord(body) ? body : {}
      const message = isRecord(error) ? error['message'] : undefined
      if (result === undefined) throw apiFailed(address, new Error(`${method}: ${typeof message === 'string' ? message : 'no result'}`))
      return result
    },
    async *open(address, { headers, signal }) {
      const decoder = new TextDecoder()
      try {
        const response = await fetch(address, {
          headers: { accept: 'text/event-stream', ...authorization, ...headers },
          redirect: 'error',
          cache: 'no-store',
          signal,
        })
        if (response.status !== 200) throw refusal(address, response.status, parseJson(await textOf(response)))
        for await (const part of partsOf(response.body)) yield decoder.decode(part, { stream: true })
      } catch (failure) {
        signal.throwIfAborted()
        throw isWeftError(failure) ? failure : apiFailed(address, failure)
      }
    },
  }
}

/** Throws when it is longer than any may be. */
async function textOf({ body }: Response): Promise<string> {
  const text = await textWithin(ANSWER_BYTES_MAX, body)
  if (text === undefined) throw new Error(`more than ${ANSWER_BYTES_MAX} bytes: ask for shorter pages`)
  return text
}

/** Of what no route answers with 200: `API_REFUSED` where asking again or elsewhere changes nothing, otherwise `API_FAILED`. */
export function refusal(endpoint: string, status: number, body: unknown): WeftError<'API_FAILED' | 'API_REFUSED'> {
  const told = (body ?? {}) as Refusal & { readonly reason?: Refusal }
  // What is absent is told in the form of a data point, with the reason in it.
  const { code, message } = told.reason ?? told
  const detail = typeof message === 'string' ? message.slice(0, 500) : `status ${status}`
  if (status !== 400 && status !== 404) return new WeftError('API_FAILED', { endpoint, detail })
  return new WeftError('API_REFUSED', { endpoint, status, refusal: typeof code === 'string' ? code : '', detail })
}

interface Refusal {
  readonly code?: unknown
  readonly message?: unknown
}

function apiFailed(endpoint: string, failure: unknown): WeftError<'API_FAILED'> {
  const { message, cause } = failure as Error
  return new WeftError('API_FAILED', { endpoint, detail: (cause instanceof Error ? cause.message : message).slice(0, 500) }, failure)
}
