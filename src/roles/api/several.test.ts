import { afterAll, expect, test } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { openPostgresIndex } from '#io/database/postgres.ts'
import { startPostgres } from '#io/database/server.test-world.ts'
import { Answer } from '#io/http/port.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { decodeCursor } from '#wire/cursor.ts'
import { createApi } from './api.ts'
import { MANAGER } from './api.test-world.ts'
import { createStream, type Stream } from './serve/stream.ts'

/** Several apis over one real PostgreSQL, each on connections of its own. */

const postgres = await startPostgres()
const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
  await postgres.stop()
})

const chain = createFakeChain({ clock: systemClock, market: marketOf({ epochManager: MANAGER }), signers: [], pollMs: 5 })
const ipfs = createFakeIpfsNetwork({ clock: systemClock })
const journal = createFakeStore()

async function release(epochId: number): Promise<void> {
  const [begin, end] = [epochId * 10 - 9, epochId * 10] as [BlockNumber, BlockNumber]
  const sender = chain.sender({ address: MANAGER, journal })
  const sent = sender.send(`epoch ${epochId}`, { kind: 'releaseEpoch', begin, end }, new AbortController().signal)
  await expect.poll(() => chain.pendingCount()).toBe(1)
  chain.mine()
  expect(await sent).toMatchObject({ kind: 'done' })
}

async function start(name: string, url: Awaited<ReturnType<typeof postgres.database>>) {
  const database = await openPostgresIndex({ url, market: 'several', indexId: 'several' })
  const deps = { chain, database, ipfs: ipfs.node(name), store: createFakeStore(), clock: systemClock, random: { fraction: () => 0 } }
  const api = createApi({ historyEpochs: 0 }, { ...deps, report: () => undefined })
  const stream = createStream({ index: database, chain, clock: systemClock })
  api.onNews(stream.wake)
  const stopping = new AbortController()
  const running = Promise.allSettled([api.run(stopping.signal), stream.run(stopping.signal)])
  const end = async () => {
    stopping.abort()
    stream.wake()
    await running
    await database.close()
  }
  ends.push(end)
  return { api, stream, database, end }
}

/** Ids and epochs of the events that a reader has had. */
function listen(stream: Stream, from = '') {
  const answer = stream.route.answer(
    { kind: 'epoch' },
    {
      breathe: async () => undefined,
      spend: () => undefined,
      caller: 'a test',
      header: (name) => (name === 'last-event-id' ? from : undefined),
    },
  )
  if (!(answer instanceof Answer) || !('flow' in answer.body)) return expect.fail('a stream is a flow')
  const { flow } = answer.body
  const leaving = new AbortController()
  ends.push(async () => leaving.abort())
  let text = ''
  void (async () => {
    for await (const part of flow.parts(leaving.signal)) text += typeof part === 'string' ? part : new TextDecoder().decode(part)
  })().catch(() => undefined)
  return {
    leave: () => leaving.abort(),
    place: () => [...text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? from,
    events: () =>
      [...text.matchAll(/id: (\S+)\nevent: epoch\ndata: \{"epochId":(\d+)/g)].map(([, id = '', epochId]) => ({
        id,
        epochId: Number(epochId),
      })),
  }
}

test('A4, A7: two over one database both serve; when the one that indexes is gone the other does, and who moves between them loses nothing', async () => {
  const url = await postgres.database()
  const first = await start('first', url)
  await expect.poll(() => first.api.stats().isLeading, { timeout: 10_000 }).toBe(true)
  const second = await start('second', url)
  const heard: { readonly id: string; readonly epochId: number }[] = []
  let reader = listen(first.stream)
  await expect.poll(() => reader.place()).not.toBe('')
  const beginning = reader.place()
  const hears = async (epochId: number) => {
    await release(epochId)
    await expect.poll(() => reader.events().map((event) => event.epochId), { timeout: 10_000 }).toContain(epochId)
  }
  const move = (stream: Stream) => {
    reader.leave()
    heard.push(...reader.events())
    reader = listen(stream, reader.place())
  }
  await hears(1)
  move(second.stream)
  await hears(2)
  move(first.stream)
  await hears(3)
  expect([first.api.stats().isLeading, second.api.stats().isLeading]).toEqual([true, false])
  move(second.stream)
  await first.end()
  await hears(4)
  expect(second.api.stats().isLeading).toBe(true)
  const third = await start('third', url)
  move(third.stream)
  await hears(5)
  move(second.stream)

  expect(heard.map(({ epochId }) => epochId)).toEqual([1, 2, 3, 4, 5])
  const seqs = heard.map(({ id }) => Number(decodeCursor(id)?.split('.')[1]))
  expect(seqs).toEqual([...new Set(seqs)].toSorted((left, right) => left - right))
  for (const { stream } of [second, third]) {
    const again = listen(stream, beginning)
    await expect.poll(() => again.events(), { timeout: 10_000 }).toEqual(heard)
    again.leave()
  }
}, 60_000)
