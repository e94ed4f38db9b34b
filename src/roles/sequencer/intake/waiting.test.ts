import { describe, expect, test } from 'vitest'
import type { BlockNumber, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import { createWire, open, PROJECTS, sealed, vote, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { createWaiting, type Held, WAITING_LIMITS } from './waiting.ts'

const MADE_UP = `0x${'ee'.repeat(32)}`
const codes = (answered: readonly Receipt[]) => answered.map(({ code }) => code)
const deployed = { protocol: 'collect' } as const

/** A sequencer that sees the chain only up to block `seen()`. */
async function behind() {
  const wire = createWire()
  const world = await open({ wire })
  let limit = Number.POSITIVE_INFINITY
  wire.isHeld = (step) => step.kind === 'block' && step.block.number > limit
  return {
    world,
    stall: () => {
      limit = world.sequencer.stats().headBlock as number
    },
    goOn: () => {
      limit = Number.POSITIVE_INFINITY
    },
  }
}

describe('S11: a submission of a peer that hears no answer', () => {
  test('counts when it names a block that is not seen here yet, also when the one behind it, past the window, comes with it', async () => {
    const { world, stall, goOn } = await behind()
    await world.release()
    await world.mine(2)
    stall()
    for (let block = 0; block < 3; block += 1) world.chain.mine()
    const last = await world.submission()
    for (let block = 0; block < 3; block += 1) world.chain.mine()
    const answered: Receipt[] = []
    // More than are judged in one go: the last of them as if its block were the newest, too.
    world.push(Array<Submission>(700).fill(last), answered, deployed)
    await world.clock.advance(1_000)
    expect([codes(answered), world.sequencer.stats().waiting, world.recoveries()]).toEqual([[], 700, 0])
    goOn()
    await world.until(() => answered.length === 700)
    expect(codes(answered)).toEqual(['accepted', ...Array(699).fill('duplicate')])
    expect(world.sequencer.stats().waiting).toBe(0)
    expect(await sealed(world)).toMatchObject({ accepted: 1 })
    await world.stop()
  })

  test('counts when its epoch is not seen here yet, nor the block that it names', async () => {
    const { world, stall, goOn } = await behind()
    await world.release()
    stall()
    const releasing = world.release()
    await world.until(async () => (await world.chain.currentEpoch()).epochId === 2)
    world.chain.mine()
    const answered: Receipt[] = []
    world.push([await world.submission({ epochId: 2 as EpochId })], answered, deployed)
    await world.clock.advance(1_000)
    expect([codes(answered), world.sequencer.stats().waiting]).toEqual([[], 1])
    goOn()
    await releasing
    await world.until(() => answered.length === 1)
    expect(codes(answered)).toEqual(['accepted'])
    await world.stop()
  })

  test('waits for a sequencer that is still reading the chain', async () => {
    const wire = createWire()
    const first = await open()
    await first.release()
    await first.mine(3)
    const head = await first.chain.head()
    wire.isHeld = (step) => step.kind === 'block' && step.block.number >= head.number
    const world: World = await first.crash(undefined, { wire, isNotAwaited: true })
    const answered: Receipt[] = []
    const submissions = await Promise.all([1, 2, 3].map((slot) => world.submission({ slotId: slot as SlotId })))
    world.push(submissions, answered, deployed)
    await world.clock.advance(1_000)
    expect([codes(answered), world.sequencer.stats().waiting]).toEqual([[], 3])
    wire.isHeld = () => false
    await world.until(() => answered.length === 3)
    expect(codes(answered)).toEqual(['accepted', 'accepted', 'accepted'])
    expect(await sealed(world)).toMatchObject({ accepted: 3 })
    await world.stop()
  })

  test('is refused with its window when its block never comes, and costs no signature check', async () => {
    const world = await open()
    await world.release()
    const answered: Receipt[] = []
    world.push([await world.submission({ header: MADE_UP })], answered, deployed)
    await world.mine(5)
    expect(codes(answered)).toEqual([])
    await world.mine(1)
    expect([codes(answered), world.recoveries()]).toEqual([['window_closed'], 0])
    await world.stop()
  })

  test('is refused after 64 blocks when its epoch never comes', async () => {
    const world = await open()
    const answered: Receipt[] = []
    world.push([await world.submission({ epochId: 9 as EpochId })], answered, deployed)
    await world.mine(1)
    await world.mine(WAITING_LIMITS.blocksMax)
    expect(codes(answered)).toEqual([])
    await world.mine(1)
    expect(codes(answered)).toEqual(['epoch_unknown'])
    expect(world.sequencer.stats().receipts).toEqual({ epoch_unknown: 1 })
    await world.stop()
  })

  test('is refused at once when its block is known and lies before the epoch', async () => {
    const world = await open()
    await world.release()
    const { hash } = await world.chain.head()
    await world.release()
    const early = await world.submission({ epochId: 2 as EpochId, header: hash })
    expect((await world.deliver(early, deployed)).code).toBe('header_unknown')
    await world.stop()
  })
})

test('S11, S26: of a slot that has used up its share what came over /collect waits until it has some again', async () => {
  const perSlotAndEpoch = { tokensPerSecond: 20, tokensMax: 1 }
  const world = await open({ counts: { slotLimits: { perSlot: { tokensPerSecond: 1_000, tokensMax: 1_000 }, perSlotAndEpoch } } })
  await world.release()
  const answered: Receipt[] = []
  const votes = await Promise.all(PROJECTS.slice(0, 3).map((projectId) => world.submission({ projectId: projectId as ProjectId })))
  // One is refused before its signature is looked at, one that was looked at with the first after it.
  world.push(votes.slice(0, 2), answered, deployed)
  await world.until(() => answered.length === 1)
  world.push(votes.slice(2), answered, deployed)
  await world.until(() => world.sequencer.stats().waiting === 2)
  expect((await world.deliver(votes[2] as Submission)).code).toBe('rate_limited')
  for (const count of [2, 3]) {
    await world.mine(1)
    await world.mine(1)
    await world.until(() => answered.length === count)
  }
  expect([codes(answered), world.sequencer.stats().waiting]).toEqual([Array(3).fill('accepted'), 0])
  await world.stop()
})

test('S11: whoever hears the answer is told to come again, at once', async () => {
  const world = await open()
  await world.release()
  expect((await world.deliver(await world.submission({ header: MADE_UP }))).code).toBe('header_unknown')
  expect((await world.deliver(await world.submission({ epochId: 9 as EpochId }))).code).toBe('epoch_unknown')
  expect(world.sequencer.stats().waiting).toBe(0)
  await world.stop()
})

test('S11, G7: a peer that names blocks which never come costs its own share of what may wait', async () => {
  const { world, stall, goOn } = await behind()
  await world.release()
  const liar = { ...deployed, peer: 'liar' }
  const refused: Receipt[] = []
  const madeUp = await world.submission({ header: MADE_UP })
  world.push(Array<Submission>(WAITING_LIMITS.unitsPerPeerMax + 500).fill(madeUp), refused, liar)
  await world.until(() => refused.length === 500)
  expect(new Set(codes(refused))).toEqual(new Set(['header_unknown']))
  stall()
  world.chain.mine()
  const answered: Receipt[] = []
  world.push([await world.submission()], answered, deployed)
  await world.clock.advance(100)
  goOn()
  await world.until(() => answered.length === 1)
  expect([codes(answered), world.recoveries()]).toEqual([['accepted'], 1])
  expect((await vote(world, 1, 0)).code).toBe('duplicate')
  await world.stop()
})

describe('S11, G7: what may wait', () => {
  const held = (peer: string, bytes = 10): Held => ({
    delivery: { peer, protocol: 'collect', submissionId: '', payload: new Uint8Array(bytes), respond: () => undefined },
    submission: {} as Submission,
    why: 'header_unknown',
  })
  const block = (number: number) => number as BlockNumber

  test('has one seat for what is passed on again and again, another for another, and a new one once it is free', () => {
    const passed = (as: string): Held => ({ ...held('a'), delivery: { ...held('a').delivery, passed: { as, waits: () => undefined } } })
    const waiting = createWaiting({ unitsMax: 100, unitsPerPeerMax: 2, blocksMax: 5 })
    expect(['one 1', 'one 1', 'other 1', 'one 1'].map((name) => waiting.hold(passed(name)))).toEqual(Array(4).fill(undefined))
    expect(waiting.length()).toBe(2)
    const third = passed('one 2')
    expect(waiting.hold(third)).toBe(third)
    expect(waiting.step(block(1), () => false).due.map(({ delivery }) => delivery.passed?.as)).toEqual(['one 1', 'other 1'])
    expect([waiting.hold(passed('one 1')), waiting.length()]).toEqual([undefined, 1])
  })

  test('is bounded per peer, in count as in bytes', () => {
    const waiting = createWaiting({ unitsMax: 100, unitsPerPeerMax: 3, blocksMax: 5 })
    const mine = [held('a', 1_023), held('a', 1_024), held('a')]
    expect(mine.map((one) => waiting.hold(one))).toEqual([undefined, undefined, mine[2]])
    expect(waiting.hold(held('b'))).toBeUndefined()
    expect(waiting.length()).toBe(3)
  })

  test('is bounded in all: when it is full, the newest of the peer with the most gives way to one with less', () => {
    const waiting = createWaiting({ unitsMax: 6, unitsPerPeerMax: 6, blocksMax: 5 })
    const greedy = Array.from({ length: 6 }, () => held('greedy'))
    for (const one of greedy) expect(waiting.hold(one)).toBeUndefined()
    const more = held('greedy')
    expect(waiting.hold(more)).toBe(more)
    expect([held('a'), held('b'), held('a')].map((one) => waiting.hold(one))).toEqual([greedy[5], greedy[4], greedy[3]])
    // Everybody has as many by now: who comes last finds no place.
    const last = held('a')
    expect(waiting.hold(last)).toBe(last)
    expect(waiting.length()).toBe(6)
  })

  test('gives way to nothing that would not fit all the same', () => {
    const waiting = createWaiting({ unitsMax: 4, unitsPerPeerMax: 4, blocksMax: 5 })
    for (const peer of ['a', 'a', 'b', 'c']) waiting.hold(held(peer))
    const large = held('d', 2_048)
    expect(waiting.hold(large)).toBe(large)
    expect(waiting.length()).toBe(4)
  })

  test('has place again after it was let go, in the order of arrival, and after its blocks', () => {
    const waiting = createWaiting({ unitsMax: 3, unitsPerPeerMax: 3, blocksMax: 5 })
    const three = [held('a'), held('b'), held('a')]
    for (const one of three) waiting.hold(one)
    expect(waiting.step(undefined, () => true)).toEqual({ due: [], givenUp: [] })
    expect(waiting.step(block(10), (one) => one !== three[1])).toEqual({ due: [three[1]], givenUp: [] })
    expect(waiting.hold(held('b'))).toBeUndefined()
    expect(waiting.step(block(15), () => true)).toEqual({ due: [], givenUp: [] })
    expect(waiting.step(block(16), () => true)).toEqual({ due: [], givenUp: [three[0], three[2]] })
    expect(waiting.step(block(16), () => false).due).toHaveLength(1)
    expect(waiting.length()).toBe(0)
    for (const one of three) expect(waiting.hold(one)).toBeUndefined()
  })
})
