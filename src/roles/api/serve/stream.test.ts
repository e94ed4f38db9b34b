import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { numberOf, project } from '#io/database/chain.test-world.ts'
import { Answer } from '#io/http/port.ts'
import { STREAM_EVENTS } from '#wire/api.ts'
import { decodeCursor, encodeCursor } from '#wire/cursor.ts'
import { A, B, contentOf, firstEpoch, openWorld, TEXTS, type World } from './serve.test-world.ts'
import { createStream, type Stream } from './stream.ts'

interface Event {
  readonly id: string
  readonly kind: string
  readonly data: {
    readonly projectId?: string
    readonly epochId?: number
    readonly status?: string
    readonly text?: string
    readonly reason?: string
  }
}

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function streaming(world?: World) {
  const own = world ?? (await openWorld())
  const stream = createStream(own.deps)
  const stop = new AbortController()
  const running = stream.run(stop.signal)
  ends.push(async () => {
    stop.abort()
    stream.wake()
    await running
  })
  await own.clock.advance(1)
  const wake = () => {
    stream.wake()
    return own.clock.advance(0)
  }
  return { ...own, stream, wake }
}

/** A reader, and all that it was sent so far. */
function listen(stream: Stream, { query = {}, from }: { readonly query?: Record<string, unknown>; readonly from?: string } = {}) {
  const answer = stream.route.answer(query, {
    breathe: async () => undefined,
    spend: () => undefined,
    caller: 'a test',
    header: (name) => (name === 'last-event-id' ? from : undefined),
  })
  if (!(answer instanceof Answer) || !('flow' in answer.body)) return expect.fail('a stream is a flow')
  const leaving = new AbortController()
  ends.push(async () => leaving.abort())
  let text = ''
  const { flow } = answer.body
  const ended = (async () => {
    for await (const part of flow.parts(leaving.signal)) text += typeof part === 'string' ? part : new TextDecoder().decode(part)
  })()
  const events = (): Event[] =>
    [...text.matchAll(/id: (\S+)\nevent: (\w+)\ndata: (.*)\n\n/g)].map(([, id = '', kind = '', data = '']) => {
      expect(STREAM_EVENTS[kind as 'point'].safeParse(JSON.parse(data)).error).toBeUndefined()
      return { id, kind, data: JSON.parse(data) }
    })
  return { events, text: () => text, ended, leave: () => leaving.abort(), points: () => events().filter(({ kind }) => kind === 'point') }
}
const short = ({ kind, data }: Event) => [kind, data.projectId, data.epochId, data.status]

test('A7: whoever listens hears in order what becomes of points and epochs, once', async () => {
  const world = await streaming()
  const reader = listen(world.stream)
  await world.wake()
  expect(reader.text()).toMatch(/^id: \S+\n\n$/)
  await firstEpoch(world)
  await world.wake()
  expect(reader.points().map(short)).toEqual([
    ['point', A, 1, 'finalized'],
    ['point', B, 1, 'finalized'],
  ])
  expect(reader.events().at(-1)).toMatchObject({ kind: 'epoch', data: { epochId: 1, status: 'finalized' } })
  const ids = reader.events().map(({ id }) => Number(decodeCursor(id)?.split('.')[1]))
  expect(ids).toEqual(ids.toSorted((left, right) => left - right))
})

test('a status is told when it changes', async () => {
  const world = await streaming()
  const reader = listen(world.stream, { query: { project: A, kind: 'point' } })
  await world.index.apply([world.chain.block(['EpochReleased', 1]), world.chain.block(['SnapshotBatchSubmitted', 1, 'batch1'])])
  await world.index.putBatch(await numberOf(world.index, 'batch1'), contentOf([[A, world.cids.a1]]))
  await world.wake()
  await world.index.apply([world.chain.block(['SnapshotBatchFinalized', 1, 'batch1'])])
  await world.wake()
  const statuses = reader.events().map(({ data }) => data.status)
  expect([statuses[0], statuses.at(-1)]).toEqual(['pending', 'finalized'])
})

test('an epoch that is filled and final between two looks is read once for all who listen, and each of its points told once', async () => {
  const world = await openWorld()
  let pages = 0
  const epochPoints: World['index']['epochPoints'] = (query) => {
    pages += 1
    return world.index.epochPoints(query)
  }
  const { wake, stream } = await streaming({ ...world, deps: { ...world.deps, index: { ...world.index, epochPoints } } })
  const readers = Array.from({ length: 20 }, () => listen(stream))
  const entries = Array.from({ length: 1_000 }, (_, place) => [project(`0x${place}`), `cid${place}` as Cid] as const)
  await world.index.apply([world.chain.block(['EpochReleased', 1], ['SnapshotBatchSubmitted', 1, 'batch1'])])
  await world.index.putBatch(await numberOf(world.index, 'batch1'), contentOf(entries))
  await world.index.apply([world.chain.block(['SnapshotBatchFinalized', 1, 'batch1'])])
  await wake()
  for (const { points } of readers) expect(points().map(({ data }) => data.status)).toEqual(entries.map(() => 'finalized'))
  expect(pages).toBe(1)
})

test('A7: who was away goes on behind the last event, with neither gap nor repetition', async () => {
  const world = await streaming()
  const first = listen(world.stream)
  await firstEpoch(world)
  await world.wake()
  const all = first.events()
  // Those that are remembered, and, in another process, those that only the database has.
  for (const stream of [world.stream, (await streaming(world)).stream]) {
    for (const [place, { id }] of all.entries()) {
      const again = listen(stream, { from: id })
      await world.clock.advance(1)
      await expect.poll(() => again.events()).toEqual(all.slice(place + 1))
    }
  }
})

test('A7: who lost the connection before the first event misses none', async () => {
  const world = await streaming()
  const first = listen(world.stream)
  await world.wake()
  const [, begin] = /^id: (\S+)\n\n/.exec(first.text()) ?? []
  first.leave()
  await firstEpoch(world)
  await world.wake()
  const again = listen(world.stream, { from: begin ?? '' })
  await world.clock.advance(1)
  await expect.poll(() => again.points()).toHaveLength(2)
})

test.each([
  ['of another index', encodeCursor('another.0')],
  ['of the future', encodeCursor('index.99999')],
  ['that is none', '%%%'],
])('A7: a place %s is refused with a reason, and with one from where to go on', async (_what, from) => {
  const world = await streaming()
  const reader = listen(world.stream, { from })
  await reader.ended
  expect(reader.events()).toMatchObject([{ kind: 'cut', data: { reason: expect.stringContaining('Last-Event-ID') } }])
  const again = listen(world.stream, { from: reader.events()[0]?.id ?? '' })
  await firstEpoch(world)
  await world.wake()
  expect(again.points()).toHaveLength(2)
})

test('A10: an epoch of which the sequencer never says that it is done is told as over with its window, and why', async () => {
  const { chain, index, ...world } = await streaming()
  const reader = listen(world.stream, { query: { kind: 'epoch', project: A } })
  const windows = await world.deps.chain.market()
  await index.apply([chain.block(['EpochReleased', 1])], windows)
  await world.wake()
  for (let block = 0; block < windows.batchWindowBlocks; block += 1) await index.apply([chain.block()], windows)
  await world.wake()
  expect(reader.events().map(({ data }) => data.status)).toEqual(['open'])
  await index.apply([chain.block()], windows)
  await world.wake()
  const reason = { code: 'window_over', untilBlock: 104 }
  expect(
    reader
      .events()
      .map(({ data }) => data)
      .at(-1),
  ).toMatchObject({ epochId: 1, status: 'empty', reason })
})

test('A7: a reorganisation takes back what was told: that is an event, and what holds then follows', async () => {
  const world = await streaming()
  const reader = listen(world.stream, { query: { project: A } })
  await world.index.apply([world.chain.block()])
  const before = world.chain.head ?? expect.fail('a block')
  await firstEpoch(world)
  await world.wake()
  await world.index.apply([world.chain.rollback(before)])
  await world.wake()
  expect(reader.events().at(-1)).toMatchObject({ kind: 'undone', data: { projectId: A, epochId: 1 } })
  const { id } = reader.events().at(-1) ?? expect.fail('an event')
  await firstEpoch(world)
  await world.wake()
  // Also for who was away just then.
  const again = listen(world.stream, { query: { project: A, kind: 'point' }, from: id })
  await world.clock.advance(1)
  await expect.poll(() => again.points().map(short)).toEqual([['point', A, 1, 'finalized']])
  expect(reader.points().map(short).at(-1)).toEqual(['point', A, 1, 'finalized'])
})

describe('filters', () => {
  test.each([
    ['a project', { project: B }, [B]],
    ['several', { project: [A, B] }, [A, B]],
    ['a type, in any case', { type: 'RESERVES' }, [A, B]],
    ['a part of a type', { type: 'reserve' }, []],
    ['a status', { status: 'disputed' }, []],
    ['another kind of event', { kind: 'epoch' }, []],
  ])('%s', async (_what, query, projects) => {
    const world = await streaming()
    const reader = listen(world.stream, { query })
    await firstEpoch(world)
    await world.wake()
    expect([...new Set(reader.points().map(({ data }) => data.projectId))]).toEqual(projects)
  })

  test('what is no filter is refused', async () => {
    const world = await streaming()
    expect(() =>
      world.stream.route.answer(
        { status: 'new' },
        { breathe: async () => undefined, spend: () => undefined, header: () => undefined, caller: 'a test' },
      ),
    ).toThrow('REQUEST_INVALID')
  })

  test('the exact text comes with an event when it is asked for', async () => {
    const world = await streaming()
    const [bare, full] = [listen(world.stream, { query: { project: B } }), listen(world.stream, { query: { project: B, text: 'true' } })]
    await firstEpoch(world)
    await world.wake()
    await expect.poll(() => full.points()[0]?.data.text).toBe(TEXTS.b1)
    expect(bare.points()[0]?.data.text).toBeUndefined()
  })
})

test('a heartbeat comes every 15 s, and only then', async () => {
  const world = await streaming()
  const reader = listen(world.stream)
  await world.clock.advance(14_000)
  expect(reader.text()).not.toContain('still here')
  await world.clock.advance(2_000)
  expect(reader.text().match(/^: still here$/gm)).toHaveLength(1)
})

test('A7: a database that is away for a while takes nothing from who listens', async () => {
  const world = await openWorld()
  const trouble = { isAway: false }
  const changes: World['index']['changes'] = async (query) => {
    if (trouble.isAway) throw new WeftError('DATABASE_UNREACHABLE', { database: 'there', detail: 'away' })
    return world.index.changes(query)
  }
  const own = await streaming({ ...world, deps: { ...world.deps, index: { ...world.index, changes } } })
  const reader = listen(own.stream)
  trouble.isAway = true
  await firstEpoch(world)
  await own.wake()
  expect(reader.points()).toEqual([])
  trouble.isAway = false
  await own.clock.advance(1_000)
  expect(reader.points()).toHaveLength(2)
})

test('who leaves is no reader any more', async () => {
  const world = await streaming()
  const reader = listen(world.stream)
  await world.clock.advance(1)
  expect(world.stream.readers()).toBe(1)
  reader.leave()
  await reader.ended
  expect(world.stream.readers()).toBe(0)
})
