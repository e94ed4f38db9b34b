import { setImmediate as turn } from 'node:timers/promises'
import type { IndexDatabase } from '#io/database/port.ts'
import { serveHttp } from '#io/http/server.ts'
import { encodeCursor } from '#wire/cursor.ts'
import { createServe } from '#roles/api/serve/serve.ts'
import { cpuMs, median, type Row, row } from '../seal/rows.ts'
import { createAsker, percentile } from './asked.ts'
import { createFiller, depsOn, projectOf, type Size, textOf } from './filled.ts'
import { createReaders } from './readers.ts'

export interface TableOptions extends Size {
  /** What the database is called. */
  readonly name: string
  readonly reads: number
  readonly readers: number
  /** Projects of the epochs by which indexing is measured, and which readers hear of. */
  readonly epochProjects: number
  /** Of the epochs those that are there already. */
  readonly filled?: number
}

/** Epochs of a range, unless there are fewer. */
const RANGE = 1_000
const ROUNDS = 15
/** Snapshots of the range take this long at most to reach the last reader, or they are lost. */
const HEARD_WITHIN_MS = 60_000
/** One poll of the chain, and this. */
const NEWS_MS_MAX = 50

/** What reading costs over an index, against reading the same bytes without one. */
export async function* table(index: IndexDatabase, options: TableOptions): AsyncIterable<Row> {
  const { name, projects, epochs, filled = 0 } = options
  await index.lead()
  const filler = createFiller(index, filled)
  for (let epochId = filled; epochId < epochs; epochId += 1) await filler.next(projects)
  const serve = createServe(depsOn(index))
  const stopping = new AbortController()
  const running = serve.run(stopping.signal)
  const unlimited = { tokensPerSecond: 1e9, tokensMax: 1e9 }
  const many = 10_000
  const server = await serveHttp(
    {
      listen: '127.0.0.1:0',
      routes: serve.routes,
      pages: { '/bare': { type: 'application/json', body: Buffer.from(textOf(1, 0)), etag: '"bare"', keeping: 'immutable' } },
      limits: {
        perAddress: unlimited,
        connectionsMax: many,
        connectionsPerAddressMax: many,
        requestsPerConnectionMax: 1e9,
        flowsMax: many,
        flowsPerAddressMax: many,
      },
    },
    { nowMs: Date.now, report: (event, facts) => process.stderr.write(`${event} ${JSON.stringify(facts)}\n`) },
  )
  try {
    yield* reads(server.url, options)
    yield* ranges(server.url, { index, ...options })
    yield* streams(server.url, { index, filler, wake: serve.wake, ...options })
    const { bytes } = await index.summary()
    yield row(`${name}: bytes on disk of a data point, of ${projects * epochs}`, bytes / (projects * epochs), 'bytes')
  } finally {
    stopping.abort()
    await running
    await server.stop()
  }
}

/** In turns, so that what the machine does beside it falls upon both. */
async function* reads(url: string, { name, reads: count, projects, epochs }: TableOptions): AsyncIterable<Row> {
  const asker = createAsker(url)
  const [bare, data, json]: [number[], number[], number[]] = [[], [], []]
  for (let round = -count / 10; round < count; round += 1) {
    const [place, epochId] = [Math.abs(round * 7_919) % projects, 1 + (Math.abs(round * 104_729) % epochs)]
    const timed = [
      [bare, '/bare'],
      [data, `/data/${epochId}/${projectOf(place)}/`],
      [json, `/v1/projects/${projectOf(place)}/epochs/${epochId}`],
    ] as const
    for (const [times, path] of timed) {
      const { ms } = await asker.ask(path)
      if (round >= 0) times.push(ms)
    }
  }
  asker.end()
  const p99 = percentile(bare, 0.99)
  yield row(`${name}: p99 of a final snapshot, over a bare file of its size`, percentile(data, 0.99) / p99, 'times', 10)
  yield row(`${name}: p99 of a final data point as JSON, over the same`, percentile(json, 0.99) / p99, 'times', 10)
  yield row(`${name}: p99 of that bare file`, p99, 'ms')
}

async function* ranges(url: string, { name, index, epochs }: TableOptions & { readonly index: IndexDatabase }): AsyncIterable<Row> {
  const asker = createAsker(url)
  const length = Math.min(RANGE, epochs)
  const [direct, served]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    const projectId = projectOf(round % 3)
    const beganMs = performance.now()
    await index.points({ projectId, from: 1, to: length, order: 'ascending', limit: length, text: true })
    direct.push(performance.now() - beganMs)
    served.push((await asker.ask(`/v1/projects/${projectId}/epochs?from=1&to=${length}&limit=${length}`)).ms)
  }
  asker.end()
  yield row(`${name}: a range of ${length} epochs, over reading it from the database`, median(served) / median(direct), 'times', 5)
}

/** What one reader waits for, from when a final epoch is in the tables until it has all of it. */
async function* news(url: string, { name, index, filler, wake, epochProjects }: StreamOptions): AsyncIterable<Row> {
  for (const projects of [1, epochProjects]) {
    const reader = await createReaders(url, 1)
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      await filler.next(projects)
      times.push(await heardAfter(reader, index, wake))
    }
    reader.end()
    yield row(`${name}: from the index to one reader, an epoch of ${projects} projects`, median(times), 'ms', NEWS_MS_MAX)
  }
}

type Readers = Awaited<ReturnType<typeof createReaders>>
interface StreamOptions extends TableOptions {
  readonly index: IndexDatabase
  readonly filler: ReturnType<typeof createFiller>
  wake(): void
}

/** Milliseconds until every reader has the newest change of the index. */
async function heardAfter(readers: Readers, index: IndexDatabase, wake: () => void): Promise<number> {
  const { indexId, lastChange } = await index.bounds()
  const newest = encodeCursor(`${indexId}.${lastChange}`)
  const beganMs = performance.now()
  wake()
  while (!readers.areAllAt(newest) && performance.now() - beganMs < HEARD_WITHIN_MS) await turn()
  return readers.areAllAt(newest) ? readers.lastAtMs() - beganMs : Number.NaN
}

async function* streams(url: string, options: StreamOptions): AsyncIterable<Row> {
  const { name, index, filler, wake, readers: count, epochProjects } = options
  const before = await cpuMs(() => filler.next(epochProjects))
  yield row(`${name}: CPU of indexing an epoch of ${epochProjects} projects, 20 votes each`, before, 'ms')
  wake()
  yield* news(url, options)
  const rssBefore = process.memoryUsage().rss
  const readers = await createReaders(url, count)
  await filler.next(epochProjects)
  let lastMs = Number.NaN
  const cpuOfAll = await cpuMs(async () => {
    lastMs = await heardAfter(readers, index, wake)
  })
  // A point that changes in two pages of changes is told twice: to all of them alike.
  const told = Math.max(epochProjects, ...readers.heard())
  const lost = readers.heard().reduce((sum, heard) => sum + told - heard, 0)
  yield row(`${name}: events lost by ${count} readers of a stream, of ${told} each`, lost, 'events', 0)
  yield row(`${name}: CPU of an event to one of them, both ends in one process`, (cpuOfAll * 1_000) / count / told, 'µs')
  yield row(`${name}: from the index to the last of them`, lastMs, 'ms')
  yield row(`${name}: memory for each of them, its own included`, (process.memoryUsage().rss - rssBefore) / count / 1024, 'KiB')
  readers.end()
}
