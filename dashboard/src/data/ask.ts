import { type Client, createClient, isWeftError } from '#client/client.ts'
import type { ApiOutput, ApiRoute } from '#wire/api.ts'

/** The api that serves this page. */
export const client: Client = createClient({ api: window.location.origin })

export type Query<Name extends ApiRoute> = Parameters<typeof client.get<Name>>[1]

export const ask = <Name extends ApiRoute>(route: Name, query: Query<Name>, signal?: AbortSignal): Promise<ApiOutput<Name>> =>
  client.get(route, query, { signal })

/** Why there is no answer, for people. */
export interface Failure {
  readonly code: string
  readonly told: string
}

export function failureOf(cause: unknown): Failure {
  if (isWeftError(cause, 'API_REFUSED')) return { code: String(cause.facts.refusal) || cause.code, told: String(cause.facts.detail) }
  if (isWeftError(cause, 'API_FAILED')) return { code: cause.code, told: String(cause.facts.detail) }
  return { code: isWeftError(cause) ? cause.code : 'page', told: cause instanceof Error ? cause.message : String(cause) }
}
