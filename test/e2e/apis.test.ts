import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '#io/database/server.test-world.ts'
import { decodeCursor } from '#wire/cursor.ts'
import { LIMIT_MS, until } from './within.ts'
import { openWorld, type WeftRole, type World } from './world.ts'

/** Apis as processes: two over one PostgreSQL, of which the one that indexes is killed; and one whose chain goes away. */

const worlds: World[] = []
let rpc: Awaited<ReturnType<typeof startShakyRpc>> | undefined
let postgres: PostgresServer | undefined
const readers: Reader[] = []
afterAll(async () => {
  for (const reader of readers) reader.leave()
  rpc?.stop()
  for (const world of worlds) await world.close()
  await postgres?.stop()
})

interface Event {
  readonly id: string
  readonly epochId: number
  readonly status: string
}
interface Reader {
  readonly events: readonly Event[]
  /** Where it is, an event or not. */
  place(): string
  leave(): void
}

/** An endpoint of the chain that answers, cuts every connection, or takes every question and answers none. */
async function startShakyRpc(rpcUrl: string) {
  let how: 'well' | 'dead' | 'silent' = 'well'
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    if (how === 'dead') request.socket.destroy()
    if (how !== 'well') return
    const answer = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    response.writeHead(200, { 'content-type': 'application/json' }).end(await answer.text())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    become(what: typeof how) {
      how = what
    },
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const EVENT = /^id: (\S+)\n(?:event: epoch\ndata: (.*)\n)?/

function listen({ places }: WeftRole, from = ''): Reader {
  const leaving = new AbortController()
  const events: Event[] = []
  let place = from
  const take = (block: string): void => {
    const [, id, data] = EVENT.exec(`${block}\n`) ?? []
    if (id === undefined) return
    place = id
    if (data !== undefined) events.push({ id, ...(JSON.parse(data) as Omit<Event, 'id'>) })
  }
  void (async () => {
    const { signal } = leaving
    const response = await fetch(`${places['http']?.[0]}/v1/stream?kind=epoch`, { signal, headers: { 'last-event-id': from } })
    let rest = ''
    const decoder = new TextDecoder()
    for await (const part of response.body as ReadableStream<Uint8Array>) {
      const blocks = (rest + decoder.decode(part, { stream: true })).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) take(block)
    }
    // A server that is killed ends it as well.
  })().catch(() => undefined)
  const reader = { events, place: () => place, leave: () => leaving.abort() }
  readers.push(reader)
  return reader
}

const placeOf = ({ id }: Event): number => Number(decodeCursor(id)?.split('.')[1])
const newestOf = (events: readonly Event[]) => Object.fromEntries(events.map(({ epochId, id, status }) => [epochId, [id, status]]))

test('A4, A7: of two processes both serve and one indexes; after kill -9 the other goes on, and who moves from one to the other loses nothing', async () => {
  const world = await openWorld({ chainId: 7_911, windowBlocks: 1, slots: 1 })
  worlds.push(world)
  const { startApi, releaseEpoch, outputs } = world
  postgres = await startPostgres()
  const database = await postgres.database()
  const first = await startApi({ database })
  await first.said('index_current')
  const second = await startApi({ database })
  await second.said('index_led_elsewhere')

  const heard: Event[] = []
  const hears = (reader: Reader, epochId: number) =>
    until(() => reader.events.some((event) => event.epochId === epochId), {
      awaited: `epoch ${epochId} on the stream`,
      limitMs: LIMIT_MS,
      told: () => `${JSON.stringify(reader.events)}\n${outputs()}`,
    })
  /** Goes to another process with what it has so far. */
  const moved = (reader: Reader, to: WeftRole): Reader => {
    reader.leave()
    heard.push(...reader.events)
    return listen(to, reader.place())
  }

  let reader = listen(first)
  await until(() => reader.place() !== '', { awaited: 'where the stream begins', limitMs: LIMIT_MS, told: outputs })
  const beginning = reader.place()
  await releaseEpoch()
  await hears(reader, 1)
  reader = moved(reader, second)
  await releaseEpoch()
  await hears(reader, 2)
  reader = moved(reader, first)
  await releaseEpoch()
  await hears(reader, 3)

  first.child.kill('SIGKILL')
  await first.exited
  reader = moved(reader, second)
  await releaseEpoch()
  await hears(reader, 4)
  await second.said('index_leads')
  const third = await startApi({ database, dataDir: first.dataDir })
  await third.said('index_led_elsewhere')
  reader = moved(reader, third)
  await releaseEpoch()
  await hears(reader, 5)
  // With its window the last one is over: nothing comes behind that.
  await until(() => reader.events.some(({ epochId, status }) => epochId === 5 && status === 'empty'), {
    awaited: 'the end of epoch 5',
    limitMs: LIMIT_MS,
    told: () => `${JSON.stringify(reader.events)}\n${outputs()}`,
  })
  reader.leave()
  heard.push(...reader.events)

  const seqs = heard.map(placeOf)
  expect(seqs, 'in order, none twice').toEqual([...new Set(seqs)].toSorted((left, right) => left - right))
  expect([...new Set(heard.map(({ epochId }) => epochId))].toSorted()).toEqual([1, 2, 3, 4, 5])
  for (const process of [second, third]) {
    const again = listen(process, beginning)
    await until(() => again.place() === heard.at(-1)?.id, { awaited: 'the whole stream again', limitMs: LIMIT_MS, told: outputs })
    again.leave()
    // Who hears it all at once hears less of what has changed since, and in the end the same.
    expect(newestOf(again.events)).toEqual(newestOf(heard))
  }
}, 150_000)

test('A12: whatever becomes of its endpoint of the chain, an api answers what it knows, and goes on with what comes after', async () => {
  const world = await openWorld({ chainId: 7_912, windowBlocks: 1, slots: 1 })
  worlds.push(world)
  rpc = await startShakyRpc(world.rpcUrl)
  const api = await world.startApi({ rpcUrl: rpc.url })
  await api.said('index_current')
  const ask = async (path: string): Promise<readonly [status: number, reason: unknown]> => {
    const response = await fetch(`${api.places['http']?.[0]}${path}`, { signal: AbortSignal.timeout(LIMIT_MS) })
    const { reason, code, items } = (await response.json()) as { reason?: { code: string }; code?: string; items?: unknown[] }
    return [response.status, reason?.code ?? code ?? items?.length]
  }
  const knows = (epochs: number) => api.until(`${epochs} epochs`, async () => (await ask('/v1/epochs'))[1] === epochs)
  await world.releaseEpoch()
  await knows(1)
  for (const how of ['silent', 'dead'] as const) {
    rpc.become(how)
    // More than one address may ask at once: while they wait for the chain, the index is read.
    const absent = Array.from({ length: 15 }, () => ask('/v1/projects/a:b:c/epochs/99'))
    expect(await ask('/v1/epochs'), how).toEqual([200, 1])
    expect(await Promise.all(absent), how).toEqual(absent.map(() => [404, 'epoch_not_released']))
    expect(await ask('/v1/slots'), how).toEqual([503, 'CHAIN_UNREACHABLE'])
  }
  await world.releaseEpoch()
  expect(await ask('/v1/epochs')).toEqual([200, 1])
  rpc.become('well')
  await knows(2)
}, 150_000)
