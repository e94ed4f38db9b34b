import { afterEach, describe, expect, test } from 'vitest'
import { createFakeStore } from '#io/store/fake.ts'
import { createWorld, naming, submission } from './collector.test-world.ts'

describe('accept', () => {
  let world = createWorld()
  afterEach(() => {
    world.stopping.abort()
    world = createWorld()
  })

  test('C12: what has not the form of a submission is answered with its code, and nowhere on disk', async () => {
    const one = await world.collector([])
    const unsigned = { ...submission(1), signature: 'ab'.repeat(65) }
    expect(await one.hand(unsigned)).toBe('signature_malformed')
    expect(await one.hand(unsigned)).toBe('signature_malformed')
    expect(await one.hand(submission(2))).toBe('Success')
    expect(one.role.stats()).toMatchObject({ open: 1, refused: { signature_malformed: 2 }, handedOver: { new: 1, known: 0, full: 0 } })
    expect(one.store.crash().scan('out')).toHaveLength(1)
  })

  test('C2: a full outbox is QUEUE_FULL, counted each time, and no reason to end', async () => {
    const one = await world.collector([], { limits: { openMax: 1 } })
    one.start()
    await one.hand(submission(1))
    for (let round = 0; round < 2; round += 1) await expect(one.hand(submission(2))).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    expect(one.role.stats().handedOver).toEqual({ new: 1, known: 0, full: 2 })
    await world.clock.advance(5_000)
    expect(await one.hand(submission(1))).toBe('Success')
    await one.stop()
  })

  test('G1, C1: a vote that names another block is a Success only when that form of it is on disk', async () => {
    const one = await world.collector([])
    await one.hand(submission(1))
    let isAnswered = false
    void one.role.handler(naming(submission(1), '0f')).then(() => {
      isAnswered = true
    })
    for (let step = 0; step < 50; step += 1) await Promise.resolve()
    expect(isAnswered).toBe(false)
  })

  test('G1, C10: a disk that fails at a hand-over ends the role, and nothing is answered Success any more', async () => {
    const store = createFakeStore()
    const one = await world.collector([], { store })
    one.start()
    expect(await one.hand(submission(1))).toBe('Success')
    store.breakDisk()
    // The second finds the first on its way to the disk.
    const both = [one.role.handler(submission(2)), one.role.handler(submission(2))]
    const outcomes = await world.clock.runUntil(Promise.allSettled(both), { limitMs: 1_000 })
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(one.hand(submission(1))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(one.hand(submission(3))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(one.role.stats().handedOver).toEqual({ new: 1, known: 0, full: 0 })
    await expect(one.stop()).rejects.toMatchObject({ code: 'STORE_FAILED' })
    const again = await world.collector([], { store: store.crash() })
    expect(again.role.stats().open).toBe(1)
  })

  test('C10: a role whose disk failed before it ran does not start to forward', async () => {
    const store = createFakeStore()
    const host = await world.network.createSubmissionHost({ identity: new Uint8Array(32) })
    const one = await world.collector(host.addresses(), { store })
    store.breakDisk()
    await expect(one.hand(submission(1))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    const running = one.role.run(world.stopping.signal)
    await expect(world.clock.runUntil(running, { limitMs: 1_000 })).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(one.role.stats().linksOpened).toBe(0)
  })

  test('C17: a full disk refuses every hand-over, ends nothing, and takes them again when there is room', async () => {
    const store = createFakeStore()
    const host = await world.network.createSubmissionHost({ identity: new Uint8Array(32) })
    const one = await world.collector(host.addresses(), { store })
    one.start()
    await one.hand(submission(1))
    store.setRoom(false)
    // The first learns it from the disk, the second from the first; the same vote again is no other.
    for (const which of [2, 3, 2, 1]) await expect(one.hand(submission(which))).rejects.toMatchObject({ code: 'STORE_FULL' })
    await expect(one.hand(naming(submission(2), '0f'))).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(one.role.stats().handedOver).toEqual({ new: 1, known: 0, full: 5 })
    await world.clock.advance(60_000)
    store.setRoom(true)
    await world.clock.advance(1)
    expect([await one.hand(submission(2)), await one.hand(submission(3))]).toEqual(['Success', 'Success'])
    const { taken } = world.answer(host)
    await world.clock.runUntil(() => one.ended() === 3, { limitMs: 5_000 })
    expect(taken.size).toBe(3)
    await one.stop()
  })

  test('C6, C17: what waited for room is delivered when there is some, though nobody hands it over again', async () => {
    const store = createFakeStore()
    const host = await world.network.createSubmissionHost({ identity: new Uint8Array(32) })
    const { taken } = world.answer(host)
    const one = await world.collector(host.addresses(), { store })
    one.start()
    store.setRoom(false)
    await expect(one.hand(submission(1))).rejects.toMatchObject({ code: 'STORE_FULL' })
    store.setRoom(true)
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 5_000 })
    expect(taken.size).toBe(1)
    await one.stop()
  })
})
