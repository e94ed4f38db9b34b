import pLimit from 'p-limit'
import { isWeftError } from '#domain/errors.ts'
import type { IndexReads, Bounds } from '#io/database/port.ts'
import { Answer, type HttpRoute } from '#io/http/port.ts'
import { type ApiStreamInput, STREAM } from '#wire/api.ts'
import { decodeCursor, encodeCursor } from '#wire/cursor.ts'
import { parseRequest } from '#wire/routes.ts'
import { type Told, toldOf } from './changes.ts'
import { lately } from './lately.ts'
import type { ServeDeps } from './served.ts'
import { createTexts, type Texts } from './texts.ts'
import { createWindows, type WindowedDeps } from './windows.ts'

/**
 * `/v1/stream`: every change that the index remembers, once, in order, to whoever listens. Changes are read once for all readers; each goes
 * through them at its own pace, and who is further behind than what is remembered here reads the database as the first reader did. Nothing waits for a reader.
 */

/** Proxies close what is silent for longer. */
const HEARTBEAT_MS = 15_000
/** After a failure that passes. */
const RETRY_MS = 1_000
/** Changes read at once, of whoever catches up. */
const PAGE = 1_000
/** Read at once for all who listen: those of an epoch of a thousand projects that is filled and final between two looks, so that each is read and told once. */
const NEWS_PAGE = 4_096
/** Told and remembered: some seconds of a market with a thousand projects. */
const RECENT_MAX = 8_192
/** Many begin at once when a server is back. Who begins a little before now hears a little twice, and never too little. */
const BOUNDS_FOR_MS = 200
/** Readers that catch up at once; each reads a page of the database at a time. */
const CATCHING_UP_MAX = 4

export interface Stream {
  readonly route: HttpRoute
  /** The index may have more, whoever wrote it. */
  wake(): void
  /** Reads changes until the signal aborts. Rejects with what no waiting mends. */
  run(signal: AbortSignal): Promise<void>
  /** How many listen. */
  readers(): number
}

export function createStream(deps: Pick<ServeDeps, 'index' | 'chain' | 'clock'>): Stream {
  const { index, clock } = deps
  // That an epoch is over is told once: by the block of the change, not by one of a while ago.
  const telling = { index, windows: createWindows(deps, { headForMs: 0 }) }
  const tail = createTail(telling)
  const bounds = lately(() => index.bounds(), BOUNDS_FOR_MS, clock)
  const write = createWriter(createTexts(index))
  const catchUp = pLimit(CATCHING_UP_MAX)
  let readers = 0
  let wakeUp = (): void => undefined

  async function* parts(filter: ApiStreamInput, place: string | undefined, signal: AbortSignal): AsyncIterable<string | Uint8Array> {
    readers += 1
    try {
      const begun = await beginAt(place, bounds, index)
      const mark = (seq: number) => `id: ${encodeCursor(`${begun.indexId}.${seq}`)}\n`
      if (begun.seq === undefined) {
        yield `${mark(begun.lastChange)}${cutEvent('the place in Last-Event-ID is no longer known: read what is there, and listen on from this event')}`
        return
      }
      yield `${mark(begun.seq)}\n`
      for (let { seq } = begun, { beats } = tail; !signal.aborted; ) {
        const recent = tail.after(seq)
        const next = recent ?? (await catchUp(() => pageAfter(seq, telling)))
        if (next === 'pruned') {
          yield `${mark(tail.last())}${cutEvent('you were so far behind that changes are gone: read what is there, and listen on from this event')}`
          return
        }
        if (next.to > seq) {
          const bytes = await write(filter, next, mark)
          seq = next.to
          if (bytes.length > 0) yield bytes
          continue
        }
        if (tail.beats > beats) yield ': still here\n\n'
        beats = tail.beats
        await tail.moved(signal)
      }
    } finally {
      readers -= 1
    }
  }

  return {
    readers: () => readers,
    wake: () => wakeUp(),
    route: {
      method: 'GET',
      path: STREAM.path,
      answer(fields, asking) {
        const filter = parseRequest(STREAM, fields)
        const place = asking.header('last-event-id')
        const lastWord = cutEvent('you took nothing of what was sent for too long')
        return new Answer({ type: 'text/event-stream', body: { flow: { lastWord, parts: (signal) => parts(filter, place, signal) } } })
      },
    },
    async run(signal) {
      await tail.start()
      for (let beatMs = clock.nowMs() + HEARTBEAT_MS; !signal.aborted; ) {
        const woken = new AbortController()
        wakeUp = () => woken.abort()
        const isRead = await unlessItPasses(() => tail.pull())
        const waitMs = Math.min(isRead ? HEARTBEAT_MS : RETRY_MS, beatMs - clock.nowMs())
        await clock.sleep(waitMs, AbortSignal.any([signal, woken.signal])).catch(() => undefined)
        if (clock.nowMs() < beatMs) continue
        tail.beat()
        beatMs = clock.nowMs() + HEARTBEAT_MS
      }
    },
  }
}

const cutEvent = (reason: string): string => `event: cut\ndata: ${JSON.stringify({ reason })}\n\n`

/** Where a reader begins: now, or behind the event that it had last. `seq` is `undefined` where that is not known any more. */
async function beginAt(place: string | undefined, bounds: () => Promise<Bounds>, index: IndexReads) {
  let { indexId, firstChange, lastChange } = await bounds()
  if (place === undefined || place === '') return { indexId, lastChange, seq: lastChange }
  const [, own, digits] = /^(.*)\.(\d{1,15})$/.exec(decodeCursor(place) ?? '') ?? []
  const seq = Number(digits)
  // Of a change that is newer than what is remembered of the index.
  if (own === indexId && seq > lastChange) ({ indexId, firstChange, lastChange } = await index.bounds())
  const isKnown = own === indexId && seq <= lastChange && seq >= firstChange - 1
  return { indexId, lastChange, seq: isKnown ? seq : undefined }
}

/** Changes behind a place, up to and with `to`. */
interface Stretch {
  readonly told: readonly Told[]
  readonly from: number
  readonly to: number
}

type Telling = Pick<WindowedDeps, 'index' | 'windows'>

async function pageAfter(seq: number, telling: Telling): Promise<Stretch | 'pruned'> {
  const { index } = telling
  const changes = await index.changes({ after: seq, limit: PAGE })
  const { firstChange } = await index.bounds()
  if (firstChange > seq + 1) return 'pruned'
  return { told: await toldOf(changes, telling), from: seq, to: changes.at(-1)?.seq ?? seq }
}

/** The newest changes, in memory. */
function createTail(telling: Telling) {
  const { index } = telling
  let recent: Told[] = []
  /** What is behind `floor` is in `recent`, up to `last`. */
  let floor = 0
  let last = 0
  let beats = 0
  const waiting = new Set<() => void>()
  const tellAll = (): void => {
    const all = [...waiting]
    waiting.clear()
    for (const tell of all) tell()
  }
  return {
    last: () => last,
    get beats() {
      return beats
    },
    beat(): void {
      beats += 1
      tellAll()
    },
    async start(): Promise<void> {
      last = (await index.bounds()).lastChange
      floor = last
      recent = []
    },
    async pull(): Promise<void> {
      for (;;) {
        const changes = await index.changes({ after: last, limit: NEWS_PAGE })
        const newest = changes.at(-1)
        if (newest === undefined) return
        recent.push(...(await toldOf(changes, telling)))
        last = newest.seq
        if (recent.length > RECENT_MAX) {
          recent = recent.slice(-RECENT_MAX / 2)
          floor = (recent[0]?.seq ?? last + 1) - 1
        }
        tellAll()
        if (changes.length < NEWS_PAGE) return
      }
    },
    /** `undefined` when that is further back than is remembered. */
    after(seq: number): Stretch | undefined {
      if (seq < floor) return undefined
      if (seq >= last) return { told: [], from: seq, to: seq }
      const behind = recent.findLastIndex((each) => each.seq <= seq)
      return { told: recent.slice(behind + 1), from: seq, to: last }
    },
    async moved(signal: AbortSignal): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      const ended = (): void => resolve()
      signal.addEventListener('abort', ended, { once: true })
      await promise
      signal.removeEventListener('abort', ended)
      waiting.delete(resolve)
    },
  }
}

/** Stretches that are on their way to readers. */
const WRITTEN_MAX = 16

/** Writes stretches; for readers who want the same of the same one, once. */
function createWriter(texts: Texts) {
  const written = new Map<string, Promise<Uint8Array>>()

  async function write(filter: ApiStreamInput, { told, to }: Stretch, mark: (seq: number) => string): Promise<Uint8Array> {
    const isWanted = filterOf(filter)
    const lines: string[] = []
    for (const each of told) {
      if (!isWanted(each)) continue
      const text = filter.text === true && each.point !== undefined ? await texts.of(each.point) : undefined
      const data = text === undefined ? each.data : `${each.data.slice(0, -1)},"text":${JSON.stringify(text)}}`
      lines.push(`${mark(each.seq)}event: ${each.kind}\ndata: ${data}\n\n`)
    }
    // Where nothing of it is for a reader, it need not hear of it after a pause either.
    if (told.length > 0 && lines.length === 0) lines.push(`${mark(to)}\n`)
    return new TextEncoder().encode(lines.join(''))
  }

  return (filter: ApiStreamInput, stretch: Stretch, mark: (seq: number) => string): Promise<Uint8Array> => {
    const key = `${stretch.from} ${stretch.to} ${JSON.stringify(filter)}`
    const found = written.get(key) ?? write(filter, stretch, mark)
    written.set(key, found)
    found.catch(() => written.delete(key))
    const [oldest] = written.keys()
    if (written.size > WRITTEN_MAX && oldest !== undefined) written.delete(oldest)
    return found
  }
}

function filterOf({ project, type, status, kind }: ApiStreamInput): (told: Told) => boolean {
  const projects = project && new Set<string>(project)
  const prefix = type && `${type.toLowerCase()}:`
  return ({ kind: own, projectId, point }) => {
    if (kind !== undefined && !kind.includes(own)) return false
    if (projectId === undefined) return true
    if (projects !== undefined && !projects.has(projectId)) return false
    // Behind the type there are a source, as a rule, and a namespace: `a:b` is no type of `a:b:c:d:e`.
    if (prefix !== undefined && !(projectId.toLowerCase().startsWith(prefix) && projectId.slice(prefix.length).split(':').length <= 2))
      return false
    return status === undefined || point === undefined || status.includes(point.status)
  }
}

/** Whether it was done; `false` where that may be tried again. */
async function unlessItPasses(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    return false
  }
}
