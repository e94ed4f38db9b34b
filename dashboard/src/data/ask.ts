import type { ApiOutput, ApiQuery, ApiRoute } from '#wire/api.ts'
import { PATHS } from './paths.ts'

/** An api that has no answer: `code` is the api's own, or `unreachable`. */
export class Unanswered extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export type Query = Readonly<Record<string, string | undefined>>

/** The address of a question: what the path does not take goes behind it. */
export function addressOf(route: ApiRoute, query: Query): string {
  const rest = new URLSearchParams()
  let path = PATHS[route]
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue
    if (path.includes(`{${name}}`)) path = path.replace(`{${name}}`, encodeURIComponent(value))
    else rest.set(name, value)
  }
  return rest.size === 0 ? path : `${path}?${rest}`
}

/** Asks the api. That a data point is absent is an answer too, which says why. Throws `Unanswered`. */
export async function ask<Name extends ApiRoute>(
  route: Name,
  query: ApiQuery<Name> & Query,
  signal?: AbortSignal,
): Promise<ApiOutput<Name>> {
  const answer = await fetchAnswer(addressOf(route, query), signal)
  const body = (await answer.json().catch(() => undefined)) as (ApiOutput<Name> & Partial<Refusal>) | undefined
  if (body !== undefined && (answer.ok || ('status' in body && body.status === 'absent'))) return body
  throw new Unanswered(
    body?.error?.code ?? body?.code ?? String(answer.status),
    body?.error?.message ?? body?.message ?? `the api answered ${answer.status}`,
  )
}

interface Refusal {
  readonly code: string
  readonly message: string
  readonly error: { readonly code?: string; readonly message?: string }
}

async function fetchAnswer(address: string, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(address, { headers: { accept: 'application/json' }, ...(signal && { signal }) })
  } catch (failure) {
    if (signal?.aborted) throw failure
    throw new Unanswered('unreachable', 'The api does not answer.')
  }
}
