import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { PAGE_POLICY } from '#io/http/folder.ts'
import { float, jsonSchemaOf, object } from '#domain/snapshot-schema.ts'
import { API, type ApiRoute, type Point, STREAM_EVENTS } from '#wire/api.ts'
import { decodeCursor, encodeCursor } from '#wire/cursor.ts'
import { fieldOf } from '#wire/field.ts'
import { parseRequest } from '#wire/routes.ts'
import { unlessThrown } from '#wire/untrusted.ts'
import vectors from '../../test/vectors/proof/proofs.json' with { type: 'json' }
import { textOf } from './snapshots.ts'
import { createWorld, type World } from './world.ts'

/** An api on a scripted market, with the pages of the dashboard beside it: what it takes and gives is what `#wire/api.ts` says, or it tells of a problem. */

export interface ScriptedApi extends AsyncDisposable {
  readonly url: string
  readonly world: World
  /** What an api may not answer, or was not asked as it may be. */
  readonly problems: string[]
  /** The market goes one step on, and whoever listens hears of it. */
  advance(): void
  /** Streams are ended, and refused from now on. */
  breakStreams(): void
}

export interface ScriptedOptions {
  readonly folder: string
  readonly hasAave?: boolean
  readonly epochs?: number
  readonly port?: number
}

export async function startScriptedApi({ folder, hasAave = true, epochs = 140, port = 0 }: ScriptedOptions): Promise<ScriptedApi> {
  const proofs = Object.values(vectors.proofs).map(({ proof }) => proof)
  const world = createWorld({ epochs, hasAave, now: Math.floor(Date.now() / 1_000), proofs })
  const problems: string[] = []
  const streams = new Set<ServerResponse>()
  let [areStreamsBroken, eventId] = [false, 0]

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://host')
    if (url.pathname === '/v1/stream') stream(response)
    else if (url.pathname.startsWith('/v1/')) answer(url, response)
    else file(url, response)
  }

  function file(url: URL, response: ServerResponse): void {
    const path = normalize(url.pathname === '/' ? '/index.html' : url.pathname)
    const body = unlessThrown(() => readFileSync(join(folder, path)))
    const type = TYPES[extname(path)] ?? 'application/octet-stream'
    response
      .writeHead(body === undefined ? 404 : 200, { 'content-type': type, 'content-security-policy': PAGE_POLICY })
      .end(body ?? 'no such file')
  }

  function stream(response: ServerResponse): void {
    if (areStreamsBroken) {
      response.writeHead(503).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).write('id: 0\n\n')
    streams.add(response)
    response.on('close', () => streams.delete(response))
  }

  function answer(url: URL, response: ServerResponse): void {
    const { status, body } = answerTo(url, world, problems)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  const server = createServer(serve)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    world,
    problems,
    advance() {
      const event = STREAM_EVENTS.epoch.parse(world.advance())
      eventId += 1
      for (const response of streams) response.write(`id: ${eventId}\nevent: epoch\ndata: ${JSON.stringify(event)}\n\n`)
    },
    breakStreams() {
      areStreamsBroken = true
      for (const response of streams) response.destroy()
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What computes say of their projects; most say nothing. */
const DECLARED: Readonly<Record<string, object>> = {
  pairContract_trade_volume: {
    description: 'What was traded in a pair',
    schema: jsonSchemaOf(object({ token0TradeVolume: float({ unit: 'token 0', description: 'Swapped of token 0' }) })),
  },
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface Reply {
  readonly status: number
  readonly body: unknown
}

const refused = (status: number, code: string, message: string): Reply => ({ status, body: { status: 'error', code, message } })

function answerTo(url: URL, world: World, problems: string[]): Reply {
  for (const [name, form] of Object.entries(API)) {
    const match = new RegExp(`^${form.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(url.pathname)
    if (match === null) continue
    const values = Object.fromEntries(Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]))
    try {
      const fields = parseRequest(form as (typeof API)['epochs'], {
        ...Object.fromEntries(url.searchParams),
        ...values,
      }) as unknown as Fields
      const reply = ANSWERS[name as ApiRoute](fields, world)
      if (reply === undefined) return refused(404, 'NOT_FOUND', 'There is no such thing.')
      form.output.parse(reply)
      const isAbsent = (reply as Partial<Point>).status === 'absent'
      return { status: isAbsent ? 404 : 200, body: reply }
    } catch (failure) {
      problems.push(`${url.pathname}${url.search}: ${String(failure)}`)
      return refused(400, 'REQUEST_INVALID', String(failure))
    }
  }
  problems.push(`${url.pathname}: no route`)
  return refused(404, 'ROUTE_UNKNOWN', 'There is no such route.')
}

interface Fields {
  readonly projectId: string
  readonly epochId: number
  readonly slotId: number
  readonly batchCid: string
  readonly search?: string
  readonly type?: string
  readonly source?: string
  readonly path: string
  readonly from?: number
  readonly to?: number
  readonly last?: number
  readonly limit?: number
  readonly cursor?: string
  readonly data?: boolean
  readonly text?: boolean
}

function page<Item>(items: readonly Item[], { limit = 100, cursor }: Pick<Fields, 'limit' | 'cursor'>) {
  const start = cursor === undefined ? 0 : Number(decodeCursor(cursor) ?? cursor)
  const end = start + limit
  return { items: items.slice(start, end), ...(end < items.length && { nextCursor: encodeCursor(String(end)) }) }
}

const epochsDown = (world: World): number[] => Array.from({ length: world.newest() }, (_, index) => world.newest() - index)

function told({ text, ...point }: Point, fields: Fields, isDataWanted: boolean): Point {
  if (text === undefined) return point
  return { ...point, ...((fields.data ?? isDataWanted) && { data: JSON.parse(text) }), ...(fields.text && { text }) }
}

function epochsOf({ from = 1, to = Number.POSITIVE_INFINITY, last }: Fields, world: World): number[] {
  const within = epochsDown(world)
    .toReversed()
    .filter((epochId) => epochId >= from && epochId <= to && world.batches(epochId).length > 0)
  return last === undefined ? within : within.slice(-last)
}

const isKnown = ({ projectId }: Fields, world: World): boolean => world.projects().some((project) => project.projectId === projectId)

const ANSWERS: Readonly<Record<ApiRoute, (fields: Fields, world: World) => unknown>> = {
  status: (_, world) => world.status(),
  market: (_, world) => world.market(),
  validators: (_, world) => world.validators(),
  refusals: (_, world) => world.refusals(),
  projects: ({ search, type, source, ...paging }, world) =>
    page(
      world
        .projects()
        .filter(({ projectId, projectType, dataSource = '' }) =>
          [
            projectId.toLowerCase().includes(search?.toLowerCase() ?? ''),
            type === undefined || type === projectType,
            source === undefined || source.toLowerCase() === dataSource,
          ].every(Boolean),
        ),
      paging,
    ),
  project({ projectId }, world) {
    const project = world.projects().find((each) => each.projectId === projectId)
    return project && { ...project, ...DECLARED[project.projectType] }
  },
  points: (fields, world) =>
    page(
      epochsOf(fields, world).map((epochId) => told(world.point(fields.projectId, epochId), fields, true)),
      fields,
    ),
  latest: (fields, world) => {
    const epochId = epochsDown(world).find((id) => world.point(fields.projectId, id).status === 'finalized')
    return told(world.point(fields.projectId, epochId ?? world.newest()), fields, true)
  },
  point: (fields, world) => told(world.point(fields.projectId, fields.epochId), fields, true),
  votes: ({ projectId, epochId, ...paging }, world) => page(world.votes(projectId, epochId), paging),
  sources: ({ projectId, epochId }, world) => ({ projectId, epochId, sources: world.sources(projectId, epochId) }),
  series: (fields, world) => {
    const project = world.scripted.find(({ projectId }) => projectId === fields.projectId)
    if (project === undefined) return isKnown(fields, world) ? { items: [] } : undefined
    const observations = epochsOf(fields, world).map((epochId) => {
      const { releasedAt = 0, status } = world.point(fields.projectId, epochId)
      return { epochId, at: releasedAt, block: epochId * 10, status, value: fieldOf(textOf(project, epochId), fields.path.split('.')) }
    })
    return page(observations, fields)
  },
  proof: ({ projectId, epochId }) =>
    Object.values(vectors.proofs).find(({ proof }) => proof.projectId === projectId && proof.epochId === epochId)?.proof,
  epochs: (fields, world) => page(epochsDown(world).map(world.epoch), fields),
  epoch: ({ epochId }, world) => (epochId > world.newest() ? undefined : world.detail(epochId)),
  epochPoints: (fields, world) =>
    page(
      world.batches(fields.epochId).length === 0
        ? []
        : world.scripted.map(({ projectId }) => told(world.point(projectId, fields.epochId), fields, false)),
      fields,
    ),
  epochOutvoted: ({ epochId, ...paging }, world) => page(world.outvoted(epochId), paging),
  batch: ({ batchCid }, world) =>
    epochsDown(world)
      .flatMap(world.batches)
      .find((batch) => batch.batchCid === batchCid),
  batchSubmissions: () => ({ items: [] }),
  slots: (fields, world) => page(world.slots.map(world.slot), fields),
  slot: ({ slotId }, world) => (world.slots.includes(slotId) ? world.slot(slotId) : undefined),
  slotEpochs: ({ slotId, ...paging }, world) => page(world.slotEpochs(slotId), paging),
}
