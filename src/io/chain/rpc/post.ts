import { WeftError } from '#domain/errors.ts'
import { textWithin } from '#wire/body.ts'
import { parseJson } from '#wire/untrusted.ts'
import { matchAnswers, type RpcAnswer, type RpcCall, type RpcRefusal, refusalOf } from './answer.ts'
import { kindOfRefusal } from './refusals.ts'
import type { Target } from './target.ts'

/** One request may wait so long; a node that takes longer for one block or log range will not do better on waiting. */
const REQUEST_TIMEOUT_MS = 15_000
/** Longest pause that a node may ask for with Retry-After. */
const RETRY_AFTER_MAX_MS = 10_000
/** Largest answer taken: the logs of a full range take a few MiB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** Redirects that one request follows: one to https, one to another host. */
const REDIRECTS_MAX = 3
const PAYLOAD_TOO_LARGE = 413

/** How a request failed: no connection or no answer in time, too busy, no sense in the answer, refused as too much, too long an answer. */
export type TroubleKind = 'unreachable' | 'busy' | 'invalid' | 'batch' | 'too_large'

/** A failed request: `retryAfterMs` when the node said how long to wait. */
export interface Trouble {
  readonly kind: TroubleKind
  readonly failure: WeftError
  readonly retryAfterMs: number | undefined
}

function isBusy(status: number): boolean {
  return status === 429 || status >= 500
}

function retryAfterOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MAX_MS) : undefined
}

/**
 * Where a redirect leads, with the headers that may go there: from https never to http, and credentials to no other host. `undefined` for
 * 303, which asks for another method, and for what leads nowhere.
 */
function redirected(target: Pick<Target, 'url' | 'headers'>, response: Response): Pick<Target, 'url' | 'headers'> | undefined {
  const location = response.headers.get('location')
  if (response.status === 303 || location === null || !URL.canParse(location, target.url)) return undefined
  const [from, to] = [new URL(target.url), new URL(location, target.url)]
  const isSafe = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:')
  // `fetch` refuses credentials in a URL, and those of a stranger's URL are not ours to send.
  if (!isSafe || to.username !== '' || to.password !== '') return undefined
  const { authorization: _, ...others } = target.headers
  return { url: to.href, headers: to.host === from.host ? target.headers : others }
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400 && status !== 304

/** The same body, wherever redirects lead. `fetch` by itself would turn a POST into a GET after 301 and 302. Throws when they lead nowhere safe. */
async function fetchFollowing(target: Target, body: string, onRedirect: Sending['onRedirect']): Promise<Response> {
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  let place: Pick<Target, 'url' | 'headers'> = target
  for (let hops = 0; ; hops += 1) {
    const response = await fetch(place.url, { method: 'POST', headers: place.headers, body, signal, redirect: 'manual' })
    if (!isRedirect(response.status)) return response
    const next = redirected(place, response)
    if (next === undefined || hops === REDIRECTS_MAX) throw new Error(`HTTP ${response.status}, a redirect that is not followed`)
    await response.body?.cancel()
    place = next
    onRedirect?.(new URL(next.url).host)
  }
}

/** Whether the node refuses the request for being too much at once: by status, for all, or, as geth does, in the first answer. */
function isTooMuch(status: number, body: unknown): boolean {
  if (status === PAYLOAD_TOO_LARGE) return true
  const first = Array.isArray(body) ? body.find((item) => item?.error != null) : body
  const error = (first as { error?: unknown } | null | undefined)?.error
  return error != null && kindOfRefusal(refusalOf(error), '') === 'batch'
}

export interface Sending {
  readonly calls: readonly RpcCall[]
  /** Ids never come twice, so that an answer to an earlier request is none. */
  readonly firstId: number
  /** One call, as an object by itself: for endpoints that take no lists. */
  readonly isBare: boolean
  /** Told the host of each redirect that is followed. */
  readonly onRedirect?: (host: string) => void
}

/** One request with all calls; their answers in their order, or what was wrong. Never throws. */
export async function post(target: Target, { calls, firstId, isBare, onRedirect }: Sending): Promise<RpcAnswer[] | Trouble> {
  const { endpoint } = target
  const method = [...new Set(calls.map((call) => call.method))].join(', ')
  const unreachable = (kind: TroubleKind, cause: unknown, retryAfterMs?: number): Trouble => ({
    kind,
    failure: new WeftError('CHAIN_UNREACHABLE', { endpoint, method }, cause),
    retryAfterMs,
  })
  const invalid = (kind: TroubleKind, detail: string): Trouble => ({
    kind,
    failure: new WeftError('CHAIN_ANSWER_INVALID', { endpoint, method, detail }),
    retryAfterMs: undefined,
  })
  const items = calls.map((call, index) => ({ jsonrpc: '2.0', id: firstId + index, ...call }))
  try {
    const response = await fetchFollowing(target, JSON.stringify(isBare ? items[0] : items), onRedirect)
    const text = await textWithin(ANSWER_BYTES_MAX, response.body)
    if (text === undefined) return unreachable('too_large', new Error(`answer above ${ANSWER_BYTES_MAX} bytes`))
    const { status } = response
    if (isBusy(status)) return unreachable('busy', new Error(`HTTP ${status}`), retryAfterOf(response))
    const body = parseJson(text)
    if (isTooMuch(status, body))
      return invalid('batch', `HTTP ${status}, ${refusalOf((body as { error?: unknown } | null)?.error).message}`)
    if (body === undefined) return invalid('invalid', `HTTP ${status}, no JSON`)
    const answers = matchAnswers(isBare && !Array.isArray(body) ? [body] : body, calls, firstId)
    if (typeof answers === 'string') return invalid('invalid', `HTTP ${status}, ${answers}`)
    const busy = busyIn(answers, calls)
    return busy === undefined ? answers : invalid('busy', `${busy.message} (${busy.code})`)
  } catch (cause) {
    return unreachable('unreachable', cause)
  }
}

/** Some say "later" in an answer, with HTTP 200. */
function busyIn(answers: readonly RpcAnswer[], calls: readonly RpcCall[]): RpcRefusal | undefined {
  for (const [index, answer] of answers.entries())
    if (!answer.isOk && kindOfRefusal(answer.refusal, calls[index]?.method ?? '') === 'rate') return answer.refusal
  return undefined
}
