import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash } from '#domain/ids.ts'
import type { IndexDatabase } from '#io/database/port.ts'
import { openIndex, openWorld, project, VALIDATORS, type World } from './api.test-world.ts'

const [A, B] = [project('A'), project('B')]
const OTHER_ROOT = `0x${'99'.repeat(32)}` as Hash
const valuesOf = (projectId: typeof A, more: object = {}) => ({ projectId, order: 'ascending', limit: 100, text: true, ...more }) as const

async function pointsOf(database: IndexDatabase, projectId = A) {
  return (await database.points(valuesOf(projectId))).map(({ epochId, status, text }) => [epochId, status, text])
}

/** All that can be read, but for numbers that rows have here and there. */
async function told(database: IndexDatabase): Promise<unknown> {
  const epochs = await database.epochs({ limit: 100 })
  return {
    epochs,
    batches: (await Promise.all(epochs.map(({ epochId }) => database.batches({ epochId, limit: 100 }))))
      .flat()
      .map(({ batchNo, ...rest }) => rest),
    points: await Promise.all(epochs.map(({ epochId }) => database.epochPoints({ epochId, limit: 100, text: true }))),
    projects: await database.projects({ limit: 100 }),
  }
}

/** Epochs in which everything goes well. */
async function live(world: World, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const epochId = await world.release()
    const anchored = await world.anchor({ A: { epoch: epochId }, B: { epoch: epochId, b: 1 } })
    await world.end(epochId)
    await world.attest(anchored)
  }
}

test('an epoch goes from the chain and IPFS into the index: times, votes, values', async () => {
  const world = await openWorld()
  const running = await world.start()
  const epochId = await world.release()
  const anchored = await world.anchor({ A: { value: 1 }, B: [2] })
  await world.settle()
  expect(await pointsOf(world.database)).toEqual([[1, 'pending', '{"value":1}']])
  expect(await world.database.epoch(epochId)).toMatchObject({
    status: 'pending',
    projects: 2,
    finalizedProjects: 0,
    submissions: 6,
    slots: 3,
    outvotedSlots: 1,
  })
  await world.end(epochId)
  await world.attest(anchored)
  await world.attest(anchored, { who: 2 })
  await world.settle()
  expect(await pointsOf(world.database, B)).toEqual([[1, 'finalized', '[2]']])
  expect(await world.database.epoch(epochId)).toMatchObject({ status: 'finalized', begin: 1, end: 10, finalizedProjects: 2 })
  expect(await world.database.batch(anchored.batchCid)).toMatchObject({
    status: 'finalized',
    file: 'read',
    anchoring: 'projects',
    submissions: 6,
    submissionsRoot: anchored.batch.submissionsRoot,
    attestations: VALIDATORS.map((validator) => ({ validator, isLate: false })),
  })
  expect(
    (await world.database.outvoted({ epochId, limit: 9 })).map(({ slotId, position, projectId }) => [slotId, position, projectId]),
  ).toEqual([
    [3, 2, A],
    [3, 5, B],
  ])
  expect(running.events).toEqual(['index_leads', 'index_current'])
  await running.stop()
  expect(running.failure()).toBeUndefined()
})

test('A6: batches and winning snapshots are kept for their epoch on the node of this role, which serves them when all others have gone', async () => {
  const world = await openWorld()
  const node = world.ipfs.node('api')
  const kept: unknown[] = []
  const pin = async (cid: Cid, of?: EpochId) => {
    await node.pin(cid, of)
    kept.push([cid, of])
  }
  const running = await world.start({}, { ipfs: { ...node, pin } })
  const epochId = await world.release()
  const { batchCid, batch } = await world.anchor({ A: 1, B: 2 })
  await world.settle()
  expect(kept).toEqual(expect.arrayContaining([batchCid, ...batch.snapshotCids].map((cid) => [cid, epochId])))
  for (const cid of [batchCid, ...batch.snapshotCids]) expect(await node.has(cid)).toBe(true)
  await running.stop()
})

test('a batch anchored by its roots is known by its file, and only when that is the one', async () => {
  const world = await openWorld()
  const running = await world.start()
  await world.release()
  const good = await world.anchor({ A: 1 }, { byRoots: true })
  const lie = await world.anchor(
    { B: 2 },
    { byRoots: true, bytes: new TextEncoder().encode('{"submissionIDs":[],"submissions":[],"roothash":"","pids":["x:y:z"],"cids":["c"]}') },
  )
  await world.settle()
  expect(await world.database.batch(good.batchCid)).toMatchObject({ file: 'read', anchoring: 'roots', projects: 1 })
  expect(await world.database.batch(lie.batchCid)).toMatchObject({ file: 'malformed', anchoring: 'roots' })
  expect((await world.database.projects({ limit: 9 })).map(({ projectId }) => projectId)).toEqual([A])
  await running.stop()
})

describe('A5: a file that is not what the chain says', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  test.each([
    ['is no JSON', bytes('nothing')],
    ['is of other projects', bytes('{"submissionIDs":[],"submissions":[],"roothash":"","pids":["pairs:A:TEST"],"cids":["other"]}')],
    ['is empty', bytes('')],
  ])('%s: what the chain says stands, and the next batches are read', async (_, file) => {
    const world = await openWorld()
    const running = await world.start()
    await world.release()
    const bad = await world.anchor({ A: 1 }, { bytes: file })
    const good = await world.anchor({ B: 2 })
    await world.settle()
    expect(await world.database.batch(bad.batchCid)).toMatchObject({ file: 'malformed', projects: 1, bytes: file.length })
    expect(await pointsOf(world.database)).toEqual([[1, 'pending', '1']])
    expect((await world.database.points(valuesOf(A)))[0]).not.toHaveProperty('votes')
    expect(await world.database.batch(good.batchCid)).toMatchObject({ file: 'read' })
    await running.stop()
  })
})

describe('A3: what nobody serves', () => {
  test('keeps nothing else waiting, is unavailable meanwhile, and is taken when somebody serves it', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.release()
    const hidden = []
    for (let index = 0; index < 9; index += 1)
      hidden.push(await world.anchor({ [`h${index}`]: index }, { isFileHidden: true, isContentHidden: true }))
    await world.clock.runUntil(async () => (await world.database.summary()).unavailable > 8, { limitMs: 120_000 })
    const good = await world.anchor({ A: 'true' })
    await world.clock.runUntil(async () => (await pointsOf(world.database))[0]?.[2] === 'true', { limitMs: 500 })
    expect(await world.database.batch(good.batchCid)).toMatchObject({ file: 'read' })
    const [first] = hidden
    expect(await world.database.batch(first?.batchCid as Cid)).toMatchObject({ file: 'unavailable', projects: 1 })
    expect((await world.database.points(valuesOf(project('h0'))))[0]).toMatchObject({ content: 'unavailable', status: 'pending' })
    await world.ipfs.node('late').add(new TextEncoder().encode('0'))
    await world.clock.runUntil(async () => (await pointsOf(world.database, project('h0')))[0]?.[2] === '0', { limitMs: 600_000 })
    await running.stop()
  })

  test('a CID that is none, and content that is no JSON, are told and never asked for again', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.release()
    await world.anchor({ A: 'no json' }, { batchCid: 'no-cid!' as Cid })
    await world.settle()
    expect(await world.database.batch('no-cid!')).toMatchObject({ file: 'malformed' })
    expect((await world.database.points(valuesOf(A)))[0]).toMatchObject({ content: 'not_json' })
    expect([await world.database.wantedBatches(10 ** 15, 9), await world.database.wantedSnapshots(10 ** 15, 9)]).toEqual([[], []])
    expect(running.failure()).toBeUndefined()
    await running.stop()
  })
})

test('A3: a snapshot without a bottom is none, and what Python writes is one', async () => {
  const world = await openWorld()
  const running = await world.start()
  await world.release()
  await world.anchor({ A: `${'['.repeat(1_000)}${']'.repeat(1_000)}`, B: '{"price":NaN}' })
  await world.settle()
  expect(await world.database.points(valuesOf(A))).toMatchObject([{ content: 'not_json' }])
  expect(await world.database.points(valuesOf(B))).toMatchObject([{ content: 'here', text: '{"price":NaN}' }])
  await running.stop()
})

test('what the validators refute is disputed, and the batch in its place counts', async () => {
  const world = await openWorld()
  const running = await world.start()
  await world.release()
  const wrong = await world.anchor({ A: 'wrong' })
  await world.end(1 as EpochId)
  for (const who of [0, 1] as const) await world.attest(wrong, { who, rootHash: OTHER_ROOT })
  await world.settle()
  expect((await pointsOf(world.database))[0]?.[1]).toBe('disputed')
  const right = await world.anchor({ A: 1 })
  await world.attest(right)
  await world.settle()
  expect(await pointsOf(world.database)).toEqual([[1, 'finalized', '1']])
  await running.stop()
})

describe('A1: a reorganisation', () => {
  test.each([1, 3, 5, 8, 20])('%i blocks deep leaves what a fresh index of the new chain has', async (depth) => {
    const world = await openWorld()
    const running = await world.start()
    await live(world, 4)
    await world.settle()
    world.chain.reorg(depth, { isLosingTransactions: depth % 2 === 1 })
    world.chain.mine()
    await world.settle()
    await running.stop()
    const fresh = await openIndex()
    const again = await world.start({}, { database: fresh })
    await world.settle(fresh)
    expect(await told(world.database)).toEqual(await told(fresh))
    await again.stop()
  })

  test('deeper than blocks are remembered is undone as well', async () => {
    const world = await openWorld()
    const running = await world.start()
    await live(world, 2)
    await world.settle()
    world.chain.mine(300)
    await world.settle()
    const deep = (await world.chain.head()).number - 3
    world.chain.reorg(deep, { isLosingTransactions: true })
    world.chain.mine(2)
    await world.settle()
    expect(running.events).toContain('index_rewound')
    await running.stop()
    const fresh = await openIndex()
    const again = await world.start({}, { database: fresh })
    await world.settle(fresh)
    expect((await fresh.summary()).epochs).toBe(1)
    expect(await told(world.database)).toEqual(await told(fresh))
    await again.stop()
  })
})

test('A2: an epoch whose window passes without the word of the sequencer is told of again', async () => {
  const world = await openWorld()
  const running = await world.start()
  await world.release()
  await world.settle()
  const { lastChange: after } = await world.database.bounds()
  world.chain.mine(25)
  await world.settle()
  expect(await world.database.changes({ after, limit: 9 })).toMatchObject([{ kind: 'epoch', epochId: 1 }])
  await running.stop()
})

test('A1: stopped after any time and started again, the index is the same', async () => {
  const whole = await openWorld()
  const undisturbed = await whole.start()
  await live(whole, 3)
  await whole.settle()
  await undisturbed.stop()
  const expected = JSON.stringify(await told(whole.database))
  for (let pauseMs = 0; pauseMs < 60; pauseMs += 7) {
    const database = await openIndex()
    for (let part = 0; part < 6; part += 1) {
      const running = await whole.start({}, { database })
      await whole.clock.advance(pauseMs)
      await running.stop()
    }
    const last = await whole.start({}, { database })
    await whole.settle(database)
    await last.stop()
    expect(JSON.stringify(await told(database)), `after ${pauseMs} ms`).toBe(expected)
  }
})

test('G12: a chain that does not answer is asked again, and nothing is missed', async () => {
  const world = await openWorld()
  world.chain.setReachable(false)
  const running = await world.start()
  await world.clock.advance(2_000)
  world.chain.setReachable(true)
  await live(world, 1)
  await world.settle()
  expect(await pointsOf(world.database)).toEqual([[1, 'finalized', '{"epoch":1}']])
  expect(running.failure()).toBeUndefined()
  await running.stop()
})

test('A4: of two processes over one database one indexes and both hear of news; the other takes over', async () => {
  const database = await openIndex()
  let leader: string | undefined
  /** One of several views of the same tables. */
  const view = (name: string): IndexDatabase => ({
    ...database,
    async lead() {
      leader ??= name
      return leader === name
    },
  })
  const world = await openWorld(database)
  const first = await world.start({}, { database: view('first') })
  await world.clock.advance(10)
  const second = await world.start({}, { database: view('second') })
  let news = 0
  second.api.onNews(() => {
    news += 1
  })
  await live(world, 1)
  await world.settle()
  await world.clock.advance(300)
  expect([first.api.stats(), second.api.stats(), news > 0]).toEqual([
    { isLeading: true, isCurrent: true },
    { isLeading: false, isCurrent: true },
    true,
  ])
  await first.stop()
  leader = undefined
  await live(world, 1)
  await world.settle()
  expect(second.api.stats()).toEqual({ isLeading: true, isCurrent: true })
  expect(second.events).toEqual(['index_led_elsewhere', 'index_leads', 'index_current'])
  await second.stop()
})

describe('a database that takes nothing in for a while ends nothing:', () => {
  test.each([
    ['it is away', new WeftError('DATABASE_UNREACHABLE', { database: 'test', detail: 'away' })],
    ['its disk is full', new WeftError('DATABASE_FULL', { database: 'test' })],
  ])('%s, which is said, and then all is there', async (_, trouble) => {
    const database = await openIndex()
    let isInTrouble = false
    const unlessInTrouble = () => {
      if (isInTrouble) throw trouble
    }
    const shaky: IndexDatabase = {
      ...database,
      async apply(...steps) {
        unlessInTrouble()
        await database.apply(...steps)
      },
      async putBatch(...batch) {
        unlessInTrouble()
        await database.putBatch(...batch)
      },
      async putSnapshots(snapshots) {
        unlessInTrouble()
        await database.putSnapshots(snapshots)
      },
    }
    const world = await openWorld(database)
    const running = await world.start({}, { database: shaky })
    await live(world, 1)
    isInTrouble = true
    await live(world, 1)
    await world.clock.advance(3_000)
    expect(running.events).toContain('will_try_again')
    isInTrouble = false
    await world.settle()
    expect((await pointsOf(database)).map(([epochId]) => epochId)).toEqual([1, 2])
    expect(running.failure()).toBeUndefined()
    await running.stop()
  })
})

test('A6: while the node has no room for what it is to keep, nothing of it is in the tables, and with room it goes on by itself', async () => {
  const world = await openWorld()
  const running = await world.start()
  await live(world, 1)
  await world.settle()
  await running.stop()
  const node = world.ipfs.node('api')
  let hasRoom = false
  const full = {
    ...node,
    pin: (...args: Parameters<typeof node.pin>) =>
      hasRoom ? node.pin(...args) : Promise.reject(new WeftError('STORE_FULL', { path: 'blocks', doing: 'writing a block' })),
  }
  await live(world, 1)
  const again = await world.start({}, { ipfs: full })
  await world.clock.advance(60_000)
  expect([again.failure(), again.events.includes('will_try_again')]).toEqual([undefined, true])
  expect((await pointsOf(world.database)).map(([epochId]) => epochId)).toEqual([1])
  hasRoom = true
  await world.settle()
  expect((await pointsOf(world.database)).map(([epochId, status]) => [epochId, status])).toEqual([
    [1, 'finalized'],
    [2, 'finalized'],
  ])
  await again.stop()
})

test('with a history that is limited, old epochs go from index and node', async () => {
  const world = await openWorld()
  await live(world, 73)
  world.chain.mine(1_500)
  const running = await world.start({ historyEpochs: 70 })
  await world.settle()
  await world.clock.advance(30_000)
  expect((await world.database.summary()).epochs).toBe(70)
  expect(await world.database.epoch(1 as EpochId)).toBeUndefined()
  await running.stop()
})
