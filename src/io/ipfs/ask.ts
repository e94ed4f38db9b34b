import { WeftError } from '#domain/errors.ts'
import { bytesWithin } from '#wire/body.ts'

/** One request over HTTP to a place that is not trusted. */
export interface Question {
  /** Whom the failure names. */
  readonly place: string
  readonly url: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | FormData
  /** More than this is not read. */
  readonly bytesMax: number
}

export interface Answer {
  readonly status: number
  readonly bytes: Uint8Array
}

/**
 * Asks once. Redirects are answers like any other, so that no header goes anywhere else, and certificates are checked. Throws `PLACE_FAILED`
 * when nothing comes, or too much; what is told of it is the name of the failure: texts of others may repeat what they were sent.
 */
export async function ask({ place, url, bytesMax, ...request }: Question, signal: AbortSignal): Promise<Answer> {
  const failed = (detail: string, cause?: unknown) => new WeftError('PLACE_FAILED', { place, detail }, cause)
  try {
    const response = await fetch(url, { ...request, redirect: 'manual', signal })
    const bytes = await bytesWithin(bytesMax, response.body)
    if (bytes === undefined) throw failed(`more than ${bytesMax} bytes`)
    return { status: response.status, bytes }
  } catch (failure) {
    signal.throwIfAborted()
    if (failure instanceof WeftError) throw failure
    throw failed(nameOf(failure))
  }
}

/** `ECONNREFUSED` and the like. The failure itself goes no further: it may hold the request, and with it a secret. */
export function nameOf(failure: unknown): string {
  const { cause, name } = (failure ?? {}) as { readonly cause?: { readonly code?: unknown }; readonly name?: unknown }
  const code = cause?.code
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : String(name)
}

/** What is said of an answer that is not the one asked for. */
export function unexpected(place: string, { status }: Answer): WeftError<'PLACE_FAILED'> {
  return new WeftError('PLACE_FAILED', { place, detail: `HTTP ${status}` })
}

/** The answer's JSON. Throws `PLACE_FAILED` unless it is some, of status 200 to 299. */
export function jsonOf(place: string, answer: Answer): unknown {
  if (answer.status < 200 || answer.status > 299) throw unexpected(place, answer)
  try {
    return JSON.parse(new TextDecoder().decode(answer.bytes))
  } catch {
    throw new WeftError('PLACE_FAILED', { place, detail: 'no JSON' })
  }
}
