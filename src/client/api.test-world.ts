import { expect } from 'vitest'
import { API, type ApiRoute, type Point } from '#wire/api.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { decodeCursor, encodeCursor } from '#wire/cursor.ts'
import { parseRequest, type RouteForm } from '#wire/routes.ts'

/** Endpoints that a client asks, without sockets: hosts by name, each a function, behind one `fetch`. */

export type Host = (path: string, asking: { readonly url: URL; readonly init: RequestInit }) => Response | Promise<Response>

export interface Net {
  readonly fetch: typeof fetch
  /** What was asked, in order: host, path and query. */
  readonly asked: string[]
}

/** A host that is not among these cannot be reached. */
export function netOf(hosts: Readonly<Record<string, Host>>): Net {
  const asked: string[] = []
  return {
    asked,
    async fetch(address, init = {}) {
      const url = new URL(String(address))
      asked.push(`${url.host}${decodeURIComponent(url.pathname)}${url.search}`)
      init.signal?.throwIfAborted()
      const host = hosts[url.host]
      if (host === undefined) throw new TypeError('fetch failed', { cause: new Error(`connect ECONNREFUSED ${url.host}`) })
      return host(decodeURIComponent(url.pathname), { url, init })
    },
  }
}

export const json = (body: unknown, status = 200): Response => Response.json(body, { status })
export const refused = (status: number, code: string, message = code): Response => json({ status: 'error', code, message }, status)

export const PROJECT = 'pairContract_pair_total_reserves:0xpair:weft:uniswapv2'
export const BATCH = 'bafkreibatch'

/** What Python would have written for it, with an integer that no double holds. */
export const textOf = (epochId: number): string =>
  `{"epochId":${epochId},"price":{"block${epochId}":${epochId}.5},"raw":12345678901234567890}`

export async function pointOf(epochId: number, told: Partial<Point> = {}): Promise<Point> {
  const text = told.text ?? textOf(epochId)
  return {
    projectId: PROJECT,
    epochId,
    status: 'finalized',
    begin: 10 * epochId,
    end: 10 * epochId + 9,
    releasedAt: 1_700_000_000 + epochId,
    snapshotCid: await snapshotCidOf(new TextEncoder().encode(text)),
    batchCid: BATCH,
    text,
    ...told,
  }
}

export const absent = (epochId: number): Point => ({
  projectId: PROJECT,
  epochId,
  status: 'absent',
  reason: { code: 'epoch_not_released', message: 'The epoch is still to come.', newestEpochId: 15 },
})

/** An api that holds these points of one project. It takes and gives what `#wire/api.ts` says, or the test fails. */
export function apiOf(points: readonly Point[], answers: Partial<Record<ApiRoute, unknown>> = {}): Host {
  return (path, { url }) => {
    const found = routeOf(path)
    if (found === undefined) return refused(404, 'ROUTE_UNKNOWN')
    const { name, values } = found
    // Ids that the route knows are parsed; the answers are of its form.
    const fields = parseRequest(API[name] as RouteForm<Record<string, unknown>>, { ...Object.fromEntries(url.searchParams), ...values })
    const { status = 200, body } = answerOf(name, { fields, points, answers })
    if (status === 200) expect(API[name].output.safeParse(body).error, name).toBeUndefined()
    return json(body, status)
  }
}

function routeOf(path: string): { readonly name: ApiRoute; readonly values: Record<string, string> } | undefined {
  for (const [name, form] of Object.entries(API)) {
    const pattern = form.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')
    const match = new RegExp(`^${pattern}$`).exec(path)
    if (match !== null) return { name: name as ApiRoute, values: { ...match.groups } }
  }
  return undefined
}

interface Scripted {
  readonly fields: Record<string, unknown>
  readonly points: readonly Point[]
  readonly answers: Partial<Record<ApiRoute, unknown>>
}

function answerOf(name: ApiRoute, { fields, points, answers }: Scripted): { readonly status?: number; readonly body: unknown } {
  if (name in answers) return { body: answers[name] }
  const told = points.map(({ text, ...point }) => (fields['text'] === true ? { ...point, ...(text !== undefined && { text }) } : point))
  if (name === 'latest') return { body: told.findLast(({ status }) => fields['status'] === 'any' || status === 'finalized') }
  if (name === 'point') {
    const point = told.find(({ epochId }) => epochId === fields['epochId']) ?? absent(fields['epochId'] as number)
    return { status: point.status === 'absent' ? 404 : 200, body: point }
  }
  if (name === 'points') return { body: pageOf(told, fields) }
  return { status: 404, body: { status: 'error', code: 'ROUTE_UNKNOWN', message: `${name} is not scripted` } }
}

function pageOf(points: readonly Point[], { from = 0, to = 1e9, last, limit = 100, cursor }: Record<string, unknown>) {
  const within = points.filter(({ epochId }) => epochId >= (from as number) && epochId <= (to as number))
  const wanted = last === undefined ? within : within.slice(-(last as number))
  const start = cursor === undefined ? 0 : Number(decodeCursor(cursor as string) ?? cursor)
  const end = start + (limit as number)
  return { items: wanted.slice(start, end), ...(end < wanted.length && { nextCursor: encodeCursor(String(end)) }) }
}
