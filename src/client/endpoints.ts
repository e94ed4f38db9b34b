import { isWeftError, type WeftError } from '#domain/errors.ts'
import type { Reason } from '#wire/api.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { type Http, refusal } from './http.ts'
import { difference, tooFew } from './said.ts'

/** Several endpoints of one api: the next one answers where one does not, or as many as asked for must say the same. */

export interface Question<Value> {
  /** Path and query. */
  readonly path: string
  /** Makes of an answer what was asked for, or throws `VERIFICATION_FAILED`: then the next endpoint is asked. */
  readonly read: (answer: { readonly status: number; readonly body: unknown; readonly endpoint: string }) => Value | Promise<Value>
  /** What endpoints must agree upon; without it, they are not compared. */
  readonly essence?: (value: Value) => unknown
  /** How far the endpoint has come. Those that differ in it are behind or ahead, and contradict nobody; without it, any difference is a contradiction. */
  readonly progress?: (value: Value) => number
  /** Why this endpoint has nothing, where it is told in an answer: one that is behind, or has forgotten, is not the last that is asked. */
  readonly lack?: (value: Value) => string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Endpoints {
  /** Throws what the last endpoint failed with, but a lie rather than a silence; `ENDPOINTS_DISAGREE`, `ENDPOINT_APART`; or the signal's reason. */
  ask<Value>(question: Question<Value>): Promise<Value>
}

export interface EndpointsOptions {
  readonly urls: readonly string[]
  /** So many must say the same, where it is set. */
  readonly agree?: number | undefined
}

export interface EndpointsDeps {
  readonly http: Http
  /** Told of each failure that another endpoint made good. */
  readonly report: (failure: WeftError) => void
}

export function createEndpoints({ urls, agree }: EndpointsOptions, { http, report }: EndpointsDeps): Endpoints {
  /** The one that answered last is asked first. */
  let preferred = 0

  async function askOne<Value>(endpoint: string, { path, read, signal }: Question<Value>): Promise<Value> {
    return read({ ...(await http.get(`${endpoint}${path}`, signal)), endpoint })
  }

  async function askAny<Value>(question: Question<Value>): Promise<Value> {
    const failures: WeftError[] = []
    let lacking: { readonly value: Value } | undefined
    for (let turn = 0; turn < urls.length; turn += 1) {
      const index = (preferred + turn) % urls.length
      try {
        const value = await askOne(urls[index] as string, question)
        if (isElsewhereKnown(question.lack?.(value))) {
          lacking ??= { value }
          continue
        }
        preferred = index
        failures.forEach(report)
        return value
      } catch (failure) {
        question.signal?.throwIfAborted()
        if (!isElsewhereBetter(failure)) throw failure
        failures.push(failure)
      }
    }
    if (lacking === undefined) throw failures.find(({ code }) => code === 'VERIFICATION_FAILED') ?? failures.at(-1)
    failures.forEach(report)
    return lacking.value
  }

  async function askSeveral<Value>(question: Question<Value>, agree: number): Promise<Value> {
    const { essence = () => null, progress = () => 0 } = question
    const answers = await Promise.all(
      urls.map(async (endpoint) => {
        try {
          const value = await askOne(endpoint, question)
          return { endpoint, value, said: textOf(essence(value)), place: progress(value) }
        } catch (failure) {
          question.signal?.throwIfAborted()
          if (!isWeftError(failure)) throw failure
          return { endpoint, failure, said: failure.code }
        }
      }),
    )
    const alike = (answer: { readonly said: string }) => answers.filter(({ said }) => said === answer.said)
    const largest = answers.map(alike).sort((left, right) => right.length - left.length)[0] ?? []
    const first = largest[0]
    if (largest.length < agree || first === undefined)
      throw tooFew(answers, { about: question.path, agreeing: largest.length, needed: agree })
    for (const answer of answers.filter((answer) => !largest.includes(answer))) report(answer.failure ?? difference(first, answer))
    if (first.failure !== undefined) throw first.failure
    return first.value
  }

  return {
    ask: (question) => (agree === undefined || question.essence === undefined ? askAny(question) : askSeveral(question, agree)),
  }
}

/** The same JSON as the same text, whatever the order of its keys. */
const textOf = (value: unknown): string => new TextDecoder().decode(canonicalJson(value as never))

/** What one endpoint lacks because of where its index begins and ends, and another may have. */
const LACKED: readonly (Reason['code'] | undefined)[] = ['epoch_forgotten', 'not_indexed']
const isElsewhereKnown = (lack: string | undefined): boolean => LACKED.includes(lack as Reason['code'])

/** A question that one refuses is refused by all; other trouble is the endpoint's own, as is the block that it proves something by. */
const isElsewhereBetter = (failure: unknown): failure is WeftError =>
  isWeftError(failure) && (failure.kind !== 'caller' || failure.code === 'ENDPOINTS_DISAGREE')

/** The body of an answer with 200. Throws `API_REFUSED`, `API_FAILED`. */
export function bodyOf({
  status,
  body,
  endpoint,
}: {
  readonly status: number
  readonly body: unknown
  readonly endpoint: string
}): unknown {
  if (status === 200) return body
  throw refusal(endpoint, status, body)
}
