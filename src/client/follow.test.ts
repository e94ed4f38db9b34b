import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import type { Point } from '#wire/api.ts'
import { netOf, PROJECT, pointOf, refused } from './api.test-world.ts'
import { type Client, type ClientStreamEvent, createClient } from './client.ts'

/** Streams over connections that end, without sockets and in virtual time. */

/** One connection: what a test sends over it, and how it ends. */
interface Connection {
  readonly host: string
  readonly lastEventId: string | null
  readonly path: string
  send(text: string): void
  end(failure?: Error): void
  isLeft(): boolean
}

let clock: VirtualClock
let connections: Connection[]
let problems: WeftError[]
let stop: AbortController

beforeEach(() => {
  clock = createVirtualClock()
  connections = []
  problems = []
  stop = new AbortController()
})
afterEach(() => stop.abort())

function connect(path: string, url: URL, init: RequestInit): Response {
  let controller: ReadableStreamDefaultController<Uint8Array>
  let isLeft = false
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given
    },
    cancel() {
      isLeft = true
    },
  })
  init.signal?.addEventListener('abort', () => {
    isLeft = true
    controller.error(init.signal?.reason)
  })
  connections.push({
    host: url.host,
    path: `${path}${url.search}`,
    lastEventId: new Headers(init.headers).get('last-event-id'),
    send: (text) => controller.enqueue(new TextEncoder().encode(text)),
    end: (failure) => (failure === undefined ? controller.close() : controller.error(failure)),
    isLeft: () => isLeft,
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

function clientOf(hosts: readonly string[] = ['a'], refusing: () => Response | undefined = () => undefined): Client {
  const host = (path: string, { url, init }: { url: URL; init: RequestInit }) => refusing() ?? connect(path, url, init)
  const net = netOf(Object.fromEntries(hosts.map((name) => [name, host])))
  return createClient({
    api: hosts.map((name) => `http://${name}`),
    verify: 'cid',
    fetch: net.fetch,
    clock,
    onProblem: (problem) => problems.push(problem),
  })
}

/** Takes what comes, until it ends. */
function take(events: AsyncIterable<ClientStreamEvent<unknown>>) {
  const ids: string[] = []
  const ended = (async () => {
    for await (const { id } of events) ids.push(id)
  })()
  ended.catch(() => undefined)
  return { ids, ended }
}

const eventOf = (id: string, data: unknown, kind = 'point'): string => `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`
const point = async (epochId: number, told: Partial<Point> = {}): Promise<string> => eventOf(`p${epochId}`, await pointOf(epochId, told))
/** Longer than the pause after one failure. */
const PAUSE_MS = 600

describe('a stream', () => {
  test('tells what comes, with its value, and asks for what is wanted', async () => {
    const events = clientOf().project(PROJECT).stream({ signal: stop.signal })
    const first = events.next()
    await clock.advance(0)
    connections[0]?.send(`id: start\n\n: heartbeat\n\n${await point(15)}`)
    expect((await first).value).toMatchObject({ kind: 'point', id: 'p15', data: { epochId: 15, verified: 'cid', value: { epochId: 15n } } })
    expect(connections[0]?.path).toBe(`/v1/stream?project=${encodeURIComponent(PROJECT)}&kind=point&kind=undone&text=true`)
    const second = events.next()
    connections[0]?.send(eventOf('u', { projectId: PROJECT, epochId: 15 }, 'undone'))
    expect((await second).value).toEqual({ kind: 'undone', id: 'u', data: { projectId: PROJECT, epochId: 15 } })
  })

  test.each([
    ['of letters that no header has', 'zażółć'],
    ['longer than any place', 'p'.repeat(10_000)],
  ])('does not go on from a place %s: the next endpoint is asked from the one before', async (_, id) => {
    const { ids } = take(clientOf(['liar', 'honest']).stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send((await point(14)) + eventOf(id, await pointOf(15)))
    await clock.advance(PAUSE_MS)
    expect(connections[1]).toMatchObject({ host: 'honest', lastEventId: 'p14' })
    expect([ids, problems]).toMatchObject([['p14'], [{ code: 'API_FAILED', facts: { endpoint: 'http://liar' } }]])
  })

  test('with a project of no form is that of an endpoint that fails', async () => {
    const { ids } = take(clientOf(['liar', 'honest']).stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send((await point(14)) + eventOf('p15', await pointOf(15, { projectId: '\ud800' })))
    await clock.advance(PAUSE_MS)
    expect(connections[1]?.host).toBe('honest')
    expect([ids, problems]).toMatchObject([['p14'], [{ code: 'API_FAILED', facts: { endpoint: 'http://liar' } }]])
  })

  test('goes on behind the last event when its connection breaks, and tells none twice', async () => {
    const { ids } = take(clientOf().stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send((await point(14)) + (await point(15)) + (await point(16)).slice(0, 40))
    await clock.advance(0)
    connections[0]?.end(new Error('reset'))
    await clock.advance(PAUSE_MS)
    expect(connections[1]?.lastEventId).toBe('p15')
    connections[1]?.send((await point(15)) + (await point(16)))
    await clock.advance(0)
    expect(ids).toEqual(['p14', 'p15', 'p16'])
    expect(problems).toMatchObject([{ code: 'API_FAILED' }])
  })

  test('that breaks before its first event goes on from where it began', async () => {
    take(clientOf().stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send('id: start\n\n')
    await clock.advance(0)
    connections[0]?.end()
    await clock.advance(PAUSE_MS)
    expect(connections[1]?.lastEventId).toBe('start')
  })

  test('that is cut because its reader is slow is taken up again, unseen', async () => {
    const { ids } = take(clientOf().stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send(`${await point(14)}event: cut\ndata: {"reason":"slow"}\n\n`)
    await clock.advance(PAUSE_MS)
    expect(connections[1]?.lastEventId).toBe('p14')
    expect(ids).toEqual(['p14'])
  })

  test('that was away for longer than the endpoint remembers says so, and goes on from there', async () => {
    const { ids } = take(clientOf().stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send(await point(14))
    await clock.advance(0)
    connections[0]?.end()
    await clock.advance(PAUSE_MS)
    connections[1]?.send(eventOf('now', { reason: 'changes are gone' }, 'cut'))
    connections[1]?.end()
    await clock.advance(PAUSE_MS)
    expect(ids).toEqual(['p14', 'now'])
    expect(connections[2]?.lastEventId).toBe('now')
  })

  test('in which nothing is heard, not even a heartbeat, is given up for a new one', async () => {
    take(clientOf().stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send('id: start\n\n')
    await clock.advance(40_000)
    connections[0]?.send(': heartbeat\n\n')
    await clock.advance(40_000)
    expect(connections).toHaveLength(1)
    await clock.advance(6_000)
    expect(connections).toHaveLength(2)
    expect(connections[0]?.isLeft()).toBe(true)
    expect(problems).toMatchObject([{ code: 'API_FAILED', facts: { detail: 'silent for 45000 ms' } }])
  })

  test('goes to the next endpoint when its own fails, with its place', async () => {
    const { ids } = take(clientOf(['a', 'b']).stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send(await point(14))
    await clock.advance(0)
    connections[0]?.end(new Error('reset'))
    await clock.advance(PAUSE_MS)
    expect(connections[1]).toMatchObject({ host: 'b', lastEventId: 'p14' })
    connections[1]?.send(await point(15))
    await clock.advance(0)
    expect(ids).toEqual(['p14', 'p15'])
  })

  test('of an endpoint that lies goes on at the next one', async () => {
    const { ids } = take(clientOf(['a', 'b']).stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send((await point(14)) + (await point(15, { snapshotCid: 'bafkreiother' })))
    await clock.advance(PAUSE_MS)
    expect(connections[1]).toMatchObject({ host: 'b', lastEventId: 'p14' })
    connections[1]?.send(await point(15))
    await clock.advance(0)
    expect(ids).toEqual(['p14', 'p15'])
    expect(problems).toMatchObject([{ code: 'VERIFICATION_FAILED', facts: { step: 'cid', endpoint: 'http://a' } }])
  })

  test('leaves its connection when nobody takes it any more', async () => {
    const events = clientOf().stream()
    const first = events.next()
    await clock.advance(0)
    connections[0]?.send(await point(14))
    await first
    await events.return?.(undefined as never)
    expect(connections[0]?.isLeft()).toBe(true)
  })
})

describe('a stream ends', () => {
  test('with the signal', async () => {
    const { ended } = take(clientOf().stream({ signal: stop.signal }))
    await clock.advance(0)
    stop.abort(new Error('enough'))
    await expect(ended).rejects.toThrow('enough')
    expect(connections[0]?.isLeft()).toBe(true)
  })

  test('when the endpoint refuses it', async () => {
    const { ended } = take(clientOf(['a'], () => refused(400, 'REQUEST_INVALID', 'no such place')).stream({ signal: stop.signal }))
    await expect(ended).rejects.toMatchObject({ code: 'API_REFUSED', facts: { detail: 'no such place' } })
  })

  test('when no endpoint can be reached before it has begun', async () => {
    const { ended } = take(clientOf(['a', 'b'], () => refused(503, 'QUEUE_FULL')).stream({ signal: stop.signal }))
    await clock.advance(PAUSE_MS)
    await expect(ended).rejects.toMatchObject({ code: 'API_FAILED' })
  })

  test('when all endpoints lie', async () => {
    const { ended } = take(clientOf().stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send(`id: start\n\n${await point(15, { text: '{}', snapshotCid: 'bafkreiother' })}`)
    await expect(ended).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', facts: { step: 'cid', expected: 'bafkreiother' } })
  })

  test('with a data point of a project that was not asked for', async () => {
    const { ended } = take(clientOf().project(PROJECT).stream({ signal: stop.signal }))
    await clock.advance(0)
    connections[0]?.send(await point(15, { projectId: 'other:weft' }))
    await expect(ended).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', facts: { step: 'asked', got: 'other:weft' } })
  })
})

test('a server that is away for long is asked again and again, ever more seldom', async () => {
  let isAway = false
  take(clientOf(['a'], () => (isAway ? refused(503, 'QUEUE_FULL') : undefined)).stream({ signal: stop.signal }))
  await clock.advance(0)
  connections[0]?.send('id: start\n\n')
  await clock.advance(0)
  isAway = true
  connections[0]?.end()
  await clock.advance(600_000)
  expect(problems.length).toBeGreaterThan(15)
  expect(problems.length).toBeLessThan(60)
  isAway = false
  await clock.advance(60_000)
  expect(connections[1]?.lastEventId).toBe('start')
})
