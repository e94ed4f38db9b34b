import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Clock } from '#io/clock/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { parseJson } from '#wire/untrusted.ts'
import { eventsOf, type ServerEvent } from './events.ts'
import type { Http } from './http.ts'

/** Follows a stream of events over connections that end: none comes twice, and where an endpoint cannot go on from the last one, that is told. */

export interface Following<Event> {
  /** Path and query. */
  readonly path: string
  readonly signal: AbortSignal
  /** Makes of an event what is given out; `undefined` for nothing. What it throws is this endpoint's failure. */
  readonly read: (event: ServerEvent & { readonly id: string; readonly body: unknown }, endpoint: string) => Promise<Event | undefined>
}

export interface FollowDeps {
  readonly urls: readonly string[]
  readonly http: Http
  readonly clock: Clock
  readonly random: { fraction(): number }
  /** Told of each connection that failed. */
  readonly report: (failure: WeftError) => void
}

/** Between connections that fail one after the other. */
const RECONNECT: Backoff = { firstMs: 500, lastMs: 30_000 }
/** Three heartbeats of the api. */
const SILENCE_MS_MAX = 45_000
/** What an endpoint sends again behind a reconnection lies within its latest events. */
const REMEMBERED_MAX = 10_000
/** What every endpoint can be asked to go on from: one that no header holds would keep the others from being asked. Cursors of an api have 512 characters at most. */
const PLACE = /^[\x21-\x7e]{1,512}$/

/**
 * Ends only with the signal, whose reason it throws, or where going on makes no sense: with `API_REFUSED`, as of a place that the endpoint does not
 * know any more; with `VALUE_UNEXPECTED`; and when all endpoints fail without one event in between, before the first connection, or with `VERIFICATION_FAILED`.
 */
export async function* follow<Event>(following: Following<Event>, deps: FollowDeps): AsyncGenerator<Event, never> {
  const { signal } = following
  const place = createPlace()
  let [turn, failures] = [0, 0]
  for (;;) {
    const endpoint = deps.urls[turn % deps.urls.length] as string
    try {
      for await (const event of connection(endpoint, place, { following, deps })) {
        failures = 0
        yield event
      }
      // A server that restarts ends its streams, and one that cuts a slow reader: it is asked again.
    } catch (failure) {
      signal.throwIfAborted()
      if (!isWeftError(failure) || failure.kind === 'caller') throw failure
      turn += 1
      failures += 1
      const isHopeless = !place.isKnown() || failure.code === 'VERIFICATION_FAILED'
      if (isHopeless && failures >= deps.urls.length) throw failure
      deps.report(failure)
    }
    await deps.clock.sleep(pauseMs(RECONNECT, Math.max(failures, 1), deps.random), signal)
  }
}

/** Where the stream goes on. */
function createPlace() {
  let last: string | undefined
  const seen = new Set<string>()
  return {
    last: () => last,
    isKnown: () => last !== undefined,
    isSeen: (id: string) => seen.has(id),
    pass(id: string, isEvent: boolean): void {
      last = id
      if (!isEvent) return
      seen.add(id)
      if (seen.size > REMEMBERED_MAX) seen.delete(seen.values().next().value as string)
    },
  }
}

interface Connecting<Event> {
  readonly following: Following<Event>
  readonly deps: FollowDeps
}

async function* connection<Event>(
  endpoint: string,
  place: ReturnType<typeof createPlace>,
  connecting: Connecting<Event>,
): AsyncGenerator<Event> {
  const { path, read, signal } = connecting.following
  const { http, clock } = connecting.deps
  const silence = new AbortController()
  const last = place.last()
  const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last }
  const parts = http.open(`${endpoint}${path}`, { headers, signal: AbortSignal.any([signal, silence.signal]) })
  for await (const event of eventsOf(untilSilent(parts, { clock, silence, endpoint }), endpoint)) {
    const { id, kind, data } = event
    if (id === undefined) continue
    if (!PLACE.test(id)) throw new WeftError('API_FAILED', { endpoint, detail: 'the id of an event is no place to go on from' })
    // Cut for being slow: it goes on from its place. A cut with a place of its own says that what came before it is not told any more.
    if (kind === 'cut' && id === place.last()) return
    if (place.isSeen(id)) continue
    const body = parseJson(data)
    const given = data === '' ? undefined : await read({ ...event, id, body }, endpoint)
    // Whoever takes no more of it than this has had this one.
    place.pass(id, data !== '')
    if (given !== undefined) yield given
  }
}

/** A connection may die without a word: where not even heartbeats come, it is given up. */
async function* untilSilent(
  parts: AsyncIterable<string>,
  { clock, silence, endpoint }: { readonly clock: Clock; readonly silence: AbortController; readonly endpoint: string },
): AsyncGenerator<string> {
  const iterator = parts[Symbol.asyncIterator]()
  const giveUp = () => silence.abort(new WeftError('API_FAILED', { endpoint, detail: `silent for ${SILENCE_MS_MAX} ms` }))
  try {
    for (;;) {
      const heard = new AbortController()
      clock.sleep(SILENCE_MS_MAX, heard.signal).then(giveUp, () => undefined)
      const next = await iterator.next().finally(() => heard.abort())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await iterator.return?.()
  }
}
