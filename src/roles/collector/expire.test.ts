import { afterEach, describe, expect, test } from 'vitest'
import { createFakeStore } from '#io/store/fake.ts'
import { createAnchoredWorld, WINDOW_BLOCKS } from './anchored.test-world.ts'
import { createWorld, SEQUENCER, submission } from './collector.test-world.ts'

const HOUR_MS = 3_600_000
/** The window, the blocks in which a reorganisation may still take its end back, and one more. */
const SPENT_BLOCKS = WINDOW_BLOCKS + 17

describe('C13: time is chain time', () => {
  let world = createAnchoredWorld()
  afterEach(() => {
    world.stopping.abort()
    world = createAnchoredWorld()
  })

  test('an hour by the clock gives up nothing while no block comes; it is delivered when the sequencer is back', async () => {
    await world.releaseNext()
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const addresses = host.addresses()
    await host.stop()
    const one = await world.collector(addresses)
    await one.ready()
    for (let index = 1; index <= 50; index += 1) await one.hand(world.signed(1, `pairs:${index}:N`))
    await world.clock.advance(HOUR_MS)
    expect(one.role.stats()).toMatchObject({ open: 50, endings: { expired: 0 } })
    const { taken } = world.answer(await world.network.createSubmissionHost({ identity: SEQUENCER }))
    await world.clock.runUntil(() => one.ended() === 50, { limitMs: 60_000 })
    expect(taken.size).toBe(50)
    expect(one.role.stats().endings).toMatchObject({ acknowledged: 50, expired: 0 })
  })

  test('a clock that is set forward by an hour in the midst of deliveries gives up none, and ends no link', async () => {
    await world.releaseNext()
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    let isLater = true
    const { taken } = world.answer(host, (_, { submissionId }) => (isLater && submissionId < '8' ? 'epoch_unknown' : 'accepted'))
    const one = await world.collector(host.addresses())
    await one.ready()
    const hand = async (from: number) => {
      for (let index = from; index < from + 25; index += 1) await one.hand(world.signed(1, `pairs:${index}:N`))
    }
    await hand(1)
    world.stepClock(HOUR_MS)
    await hand(26)
    await world.clock.advance(5_000)
    expect(one.role.stats()).toMatchObject({ endings: { expired: 0, rejected: 0 }, lost: {} })
    isLater = false
    await world.clock.runUntil(() => one.ended() === 50, { limitMs: 10_000 })
    expect([taken.size, one.role.stats().endings.acknowledged, one.role.stats().linksOpened]).toEqual([50, 50, 1])
  })

  test.each([HOUR_MS, -HOUR_MS])('a restart under a clock that stepped %d ms loses nothing', async (stepMs) => {
    await world.releaseNext()
    const one = await world.collector([])
    await one.ready()
    for (let index = 1; index <= 50; index += 1) await one.hand(world.signed(1, `pairs:${index}:N`))
    const store = one.store.crash()
    await one.stop()
    // As if it had been written by a clock that was behind or ahead.
    for (const { key, value } of store.scan('out')) {
      const end = value.indexOf(0x0a)
      const note = JSON.parse(new TextDecoder().decode(value.subarray(0, end)))
      const head = new TextEncoder().encode(JSON.stringify({ ...note, firstSeenMs: note.firstSeenMs - stepMs }))
      await store.commit([{ key, value: Uint8Array.of(...head, ...value.subarray(end)) }])
    }
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const { taken } = world.answer(host)
    const again = await world.collector(host.addresses(), { store })
    await again.ready()
    await world.clock.runUntil(() => again.ended() === 50, { limitMs: 10_000 })
    expect(taken.size).toBe(50)
  })

  test('what nobody took expires when its window is over for good, with its reason, and not a block before', async () => {
    await world.releaseNext()
    const one = await world.collector([])
    await one.ready()
    await one.hand(world.signed(1))
    await world.mine(SPENT_BLOCKS - 1)
    await world.clock.advance(5_000)
    expect(one.role.stats()).toMatchObject({ open: 1, endings: { expired: 0 } })
    await world.mine()
    await world.clock.advance(2_000)
    expect(one.role.stats()).toMatchObject({ open: 0, endings: { expired: 1 }, endCodes: { window_over: 1 } })
  })

  test('a reorganisation that takes the end of the window back finds everything still there', async () => {
    await world.releaseNext()
    const one = await world.collector([])
    await one.ready()
    await one.hand(world.signed(1))
    await world.mine(WINDOW_BLOCKS + 1)
    expect(await one.hand(world.signed(2))).toBe('window_closed')
    world.chain.reorg(3, { blocks: 2 })
    await world.clock.advance(5_000)
    expect(one.role.stats().open).toBe(1)
    expect(await one.hand(world.signed(2))).toBe('Success')
  })

  test('an epoch whose release a reorganisation took away for good expires as if it had been released when it was taken', async () => {
    await world.mine(5)
    await world.releaseNext()
    const one = await world.collector([])
    await one.ready()
    await one.hand(world.signed(1))
    world.chain.reorg(2, { isLosingTransactions: true })
    await world.clock.advance(2_000)
    expect(one.role.stats().open).toBe(1)
    await world.mine(SPENT_BLOCKS)
    await world.clock.advance(2_000)
    expect(one.role.stats()).toMatchObject({ open: 0, endCodes: { window_over: 1 } })
  })

  test('while the endpoint is silent nothing expires, and nothing is refused that was open', async () => {
    await world.releaseNext()
    const one = await world.collector([])
    await one.ready()
    await one.hand(world.signed(1))
    world.chain.setReachable(false)
    await world.mine(SPENT_BLOCKS)
    await world.clock.advance(HOUR_MS)
    expect(await one.hand(world.signed(2))).toBe('Success')
    expect(one.role.stats()).toMatchObject({ open: 2, endings: { expired: 0 } })
    world.chain.setReachable(true)
    await world.clock.runUntil(() => one.role.stats().open === 0, { limitMs: 60_000 })
    expect(one.role.stats().endCodes).toEqual({ window_over: 2 })
  })

  test('C13, G1: a window is as long as the chain says now, and nothing that was taken is given up on one word that it is shorter', async () => {
    const one = await world.collector([])
    await one.ready()
    world.chain.changeMarket({ snapshotWindowBlocks: 60 })
    await world.mine(61)
    await world.releaseNext()
    await one.hand(world.signed(1))
    await world.mine(SPENT_BLOCKS)
    await world.clock.advance(2_000)
    expect(one.role.stats()).toMatchObject({ open: 1, endings: { expired: 0 } })
    world.chain.changeMarket({ snapshotWindowBlocks: 5 })
    // One reading.
    await world.mine(40)
    expect(one.role.stats()).toMatchObject({ open: 1, endings: { expired: 0 } })
    await world.mine(61)
    await world.clock.advance(2_000)
    expect(one.role.stats()).toMatchObject({ open: 0, endCodes: { window_over: 1 } })
  })

  test('C13, G1: nothing that was taken is given up because an endpoint names an epoch as the newest that nobody has released', async () => {
    await world.releaseNext()
    const one = await world.collector([])
    await one.ready()
    await one.hand(world.signed(1))
    await one.stop()
    await world.mine(1)
    const { connect } = world.chain
    const lying = () => ({ ...connect(), currentEpoch: async () => ({ epochId: 1_000_000, begin: 1, end: 10 }) as never })
    Object.assign(world.chain, { connect: lying })
    const again = await world.collector([], { store: one.store.crash() })
    await again.ready()
    await world.clock.advance(5_000)
    expect(again.role.stats()).toMatchObject({ open: 1, endings: { expired: 0 } })
    expect(await again.hand(world.signed(2))).toBe('Success')
    // It ends by itself all the same.
    await world.mine(SPENT_BLOCKS)
    await world.clock.advance(2_000)
    expect(again.role.stats()).toMatchObject({ open: 0, endCodes: { window_over: 2 } })
  })

  test('a window that ended while the collector was away has ended, and one that is open is', async () => {
    await world.releaseNext()
    const one = await world.collector([])
    await one.ready()
    await one.hand(world.signed(1))
    await one.stop()
    await world.mine(SPENT_BLOCKS)
    await world.releaseNext()
    const again = await world.collector([], { store: one.store.crash() })
    await again.ready()
    expect(await again.hand(world.signed(1))).toBe('Success')
    await world.clock.advance(2_000)
    expect(again.role.stats()).toMatchObject({ open: 1, endCodes: { window_over: 1 } })
  })
})

test('C13: without a chain the age decides, from the very millisecond, and it is said once that nothing is checked', async () => {
  const world = createWorld()
  const one = await world.collector([], { store: createFakeStore(), limits: { ageMaxMs: 3_000 } })
  one.start()
  await one.hand(submission(1))
  await world.clock.advance(2_999)
  expect(one.role.stats().open).toBe(1)
  await world.clock.advance(1_001)
  expect(one.role.stats()).toMatchObject({ open: 0, endCodes: { too_old: 1 } })
  expect(world.events.filter((event) => event === 'submissions_unchecked')).toHaveLength(1)
  world.stopping.abort()
})
