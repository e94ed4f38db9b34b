import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { decodeSubmission } from '#wire/submission-proto.ts'
import { createWorld, identity, RELAY, SEQUENCER, submission } from './collector.test-world.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

describe('collector', () => {
  let world = createWorld()
  afterEach(() => {
    world.stopping.abort()
    world = createWorld()
  })

  test('a submission is taken, forwarded and acknowledged', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const { projects } = world.answer(host)
    const one = await world.collector(host.addresses())
    one.start()
    expect(await one.hand(submission(1))).toBe('Success')
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 1_000 })
    expect(projects()).toEqual(['p1:N'])
    expect(one.role.stats()).toMatchObject({
      open: 0,
      inFlight: 0,
      address: host.addresses()[0],
      endings: { acknowledged: 1 },
      endCodes: { accepted: 1 },
    })
    await one.stop()
  })

  test('C1: Success comes after the disk; without it nothing is owed', async () => {
    const one = await world.collector([])
    let answered = false
    const note = () => {
      answered = true
    }
    void one.role.handler(submission(1)).then(note)
    // The same again finds the first on its way to the disk, not there.
    void one.role.handler(submission(1)).then(note)
    // As far as it gets without the disk, which answers in the next turn of the event loop.
    for (let step = 0; step < 50; step += 1) await Promise.resolve()
    const after = one.store.crash()
    expect(answered).toBe(false)
    const again = await world.collector([], { store: after })
    expect(again.role.stats().open).toBe(0)
    await again.hand(submission(1))
    expect((await world.collector([], { store: again.store.crash() })).role.stats().open).toBe(1)
  })

  test('C2: a full outbox says so and takes again when there is room', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const one = await world.collector(host.addresses(), { limits: { openMax: 2 } })
    const answers = [1, 2, 3].map((index) => one.role.handler(submission(index)).catch((failure: { code: string }) => failure.code))
    expect(await world.clock.runUntil(Promise.all(answers), { limitMs: 1_000 })).toEqual(['Success', 'Success', 'QUEUE_FULL'])
    expect(one.role.stats().handedOver).toEqual({ new: 2, known: 0, full: 1 })
    world.answer(host)
    one.start()
    await world.clock.runUntil(() => one.ended() === 2, { limitMs: 1_000 })
    expect(await one.hand(submission(3))).toBe('Success')
    await one.stop()
  })

  test('C8: the same vote handed over again is known, before and after its receipt and a restart; a refused one may come again', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const { seen } = world.answer(host, (project) => (project === 'p2:N' ? 'deadline_passed' : 'accepted'))
    const one = await world.collector(host.addresses())
    const both = [one.role.handler(submission(1)), one.role.handler({ ...submission(1), signature: `${'22'.repeat(64)}1c` })]
    expect(await world.clock.runUntil(Promise.all(both), { limitMs: 1_000 })).toEqual(['Success', 'Success'])
    one.start()
    await one.hand(submission(2))
    await world.clock.runUntil(() => one.ended() === 2, { limitMs: 1_000 })
    await one.hand(submission(1))
    await one.stop()
    const again = await world.collector(host.addresses(), { store: one.store.crash() })
    again.start()
    await again.hand(submission(1))
    await again.hand(submission(2))
    await world.clock.runUntil(() => again.ended() === 1, { limitMs: 1_000 })
    expect(seen.map(({ project }) => project)).toEqual(['p1:N', 'p2:N', 'p2:N'])
    expect(again.role.stats()).toMatchObject({ handedOver: { new: 1, known: 1 }, endCodes: { deadline_passed: 1 }, open: 0 })
    await again.stop()
  })

  test('C8: a vote that names another block than before is sent in its newest form, also after it was acknowledged', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const headers: (string | undefined)[] = []
    world.answer(host, (_, { payload }) => {
      headers.push(decodeSubmission(payload)?.header)
      return headers.length === 1 ? 'header_unknown' : 'accepted'
    })
    const named = (digits: string) => ({ ...submission(1), header: `0x${digits.repeat(32)}` })
    const one = await world.collector(host.addresses())
    one.start()
    await one.hand(named('0a'))
    await world.clock.runUntil(() => headers.length === 1, { limitMs: 1_000 })
    await one.hand(named('0b'))
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 1_000 })
    await one.hand(named('0b'))
    await one.hand(named('0c'))
    await world.clock.runUntil(() => one.ended() === 2, { limitMs: 1_000 })
    expect(headers).toEqual(['0a', '0b'].map((digits) => `0x${digits.repeat(32)}`))
    expect(one.role.stats()).toMatchObject({ handedOver: { new: 2, known: 2 }, endCodes: { accepted: 1, duplicate: 1 }, open: 0 })
    await one.stop()
  })

  test('C8: a receipt for what was sent before the vote named another block does not end it', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const { seen } = world.answer(host)
    world.network.setFaults({ delayMsMax: 400 })
    const one = await world.collector(host.addresses())
    one.start()
    await one.hand(submission(1))
    await world.clock.runUntil(() => one.role.stats().inFlight === 1, { limitMs: 1_000 })
    await one.hand({ ...submission(1), header: `0x${'0f'.repeat(32)}` })
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 5_000 })
    expect(seen).toHaveLength(2)
    expect(new Set(seen.map(({ id }) => id)).size).toBe(1)
    expect(one.role.stats().endCodes).toEqual({ duplicate: 1 })
    await one.stop()
  })

  test('C3: after a restart everything unacknowledged goes again, under the same ids', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const silent = world.answer(host, () => undefined)
    const one = await world.collector(host.addresses())
    one.start()
    for (const index of [1, 2, 3]) await one.hand(submission(index))
    await world.clock.runUntil(() => silent.seen.length === 3, { limitMs: 1_000 })
    const store = one.store.crash()
    await host.stop()
    const restarted = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const { seen } = world.answer(restarted)
    const again = await world.collector(restarted.addresses(), { store })
    again.start()
    await world.clock.runUntil(() => again.ended() === 3, { limitMs: 1_000 })
    expect(seen).toEqual(silent.seen)
    await again.stop()
  })

  test('C4: the epoch that closes first goes first', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    const { projects } = world.answer(host)
    const one = await world.collector(host.addresses(), { limits: { inFlightMax: 1 } })
    for (const [index, epoch] of [9, 8, 9, 7].entries()) await one.hand(submission(index, epoch))
    one.start()
    await world.clock.runUntil(() => one.ended() === 4, { limitMs: 1_000 })
    expect(projects()).toEqual(['p3:N', 'p1:N', 'p0:N', 'p2:N'])
    await one.stop()
  })

  test('C5: links that die lose nothing and acknowledge nothing twice, whatever the faults', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 }), async (seed) => {
        const faulty = createWorld(seed)
        faulty.network.setFaults({ delayMsMax: 300, breakRate: 0.1, dialFailureRate: 0.3 })
        const host = await faulty.network.createSubmissionHost({ identity: SEQUENCER })
        const { seen, taken } = faulty.answer(host, () => (faulty.random.fraction() < 0.2 ? 'inbox_full' : 'accepted'))
        const one = await faulty.collector(host.addresses(), { limits: { inFlightMax: 8 } })
        one.start()
        for (let index = 0; index < 30; index += 1) expect(await one.hand(submission(index))).toBe('Success')
        await faulty.clock.runUntil(() => one.ended() === 30, { limitMs: 10 * 60_000 })
        const { endings, endCodes, linksOpened } = one.role.stats()
        expect(endings).toEqual({ acknowledged: 30, sent: 0, rejected: 0, expired: 0 })
        expect((endCodes.accepted ?? 0) + (endCodes.duplicate ?? 0)).toBe(30)
        expect(taken.size).toBe(30)
        // One id per vote, at every attempt.
        expect(new Set(seen.map(({ project, id }) => `${project} ${id}`)).size).toBe(30)
        expect(linksOpened).toBeGreaterThan(0)
        await one.stop()
        faulty.stopping.abort()
      }),
      { numRuns: 25, ...replay },
    )
  })

  test('C6: a closed window and a great age end an entry with the reason', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    world.answer(host, (project) => (project === 'p1:N' ? 'window_closed' : 'not_ready'))
    const one = await world.collector(host.addresses(), { limits: { ageMaxMs: 20_000 } })
    one.start()
    await one.hand(submission(1))
    await one.hand(submission(2))
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 1_000 })
    expect(one.role.stats()).toMatchObject({ open: 1, endCodes: { window_closed: 1 } })
    expect(world.events).toContain('submission_rejected')
    await world.clock.runUntil(() => one.ended() === 2, { limitMs: 30_000 })
    expect(one.role.stats()).toMatchObject({ open: 0, endings: { expired: 2 }, endCodes: { window_closed: 1, too_old: 1 } })
    expect(one.role.stats().retries.not_ready).toBeGreaterThan(3)
    await one.stop()
  })

  test('C7: the relay is used while the direct way is closed, and left when it opens, without losing a receipt', async () => {
    const relay = await world.network.createRelay({ identity: RELAY })
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER, relays: relay.addresses() })
    const { taken } = world.answer(host)
    const [direct, relayed] = host.addresses() as [string, string]
    // Another host, gone for now, stands for the direct way.
    const doorstep = await world.network.createSubmissionHost({ identity: identity(5) })
    const door = doorstep.addresses()[0] as string
    await doorstep.stop()
    const one = await world.collector([door, relayed, direct])
    one.start()
    await one.hand(submission(1))
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 1_000 })
    expect(one.role.stats().address).toBe(relayed)
    const opened = await world.network.createSubmissionHost({ identity: identity(5) })
    const atTheDoor = world.answer(opened)
    await world.clock.runUntil(() => one.role.stats().address === door, { limitMs: 60_000 })
    expect(relay.stats().circuits).toBe(0)
    await one.hand(submission(2))
    await world.clock.runUntil(() => one.ended() === 2, { limitMs: 1_000 })
    expect([taken.size, atTheDoor.taken.size]).toEqual([1, 1])
    await opened.stop()
    await one.hand(submission(3))
    await world.clock.runUntil(() => one.ended() === 3, { limitMs: 10_000 })
    expect(taken.size).toBe(2)
    await one.stop()
  })

  test('C9: a link on which receipts stay out is closed and made anew', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    let isDeaf = true
    const { seen } = world.answer(host, () => (isDeaf ? undefined : 'accepted'))
    const one = await world.collector(host.addresses())
    one.start()
    await one.hand(submission(1))
    await world.clock.runUntil(() => seen.length === 1, { limitMs: 1_000 })
    isDeaf = false
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 60_000 })
    expect(world.events).toContain('link_silent')
    expect(seen).toHaveLength(2)
    await one.stop()
  })

  test('C6: to a peer that never answers a submission is sent once, and never counts as acknowledged', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER, isLegacy: true })
    const { projects } = world.answer(host)
    const one = await world.collector(host.addresses())
    one.start()
    await one.hand(submission(1))
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 1_000 })
    expect(one.role.stats()).toMatchObject({ endings: { sent: 1, acknowledged: 0 }, endCodes: { unacknowledged: 1 } })
    await world.clock.advance(60_000)
    expect(projects()).toEqual(['p1:N'])
    await one.stop()
  })

  test('C2: what is remembered of finished entries is bounded', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    world.answer(host)
    const one = await world.collector(host.addresses(), { limits: { finishedMax: 3 } })
    one.start()
    for (let index = 0; index < 10; index += 1) await one.hand(submission(index))
    await world.clock.runUntil(() => one.ended() === 10, { limitMs: 10_000 })
    expect(one.store.scan('out')).toHaveLength(3)
    await one.stop()
  })

  test('C10: a store that fails ends the collector', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    world.answer(host)
    const one = await world.collector(host.addresses())
    await one.hand(submission(1))
    await one.store.close()
    const running = one.role.run(world.stopping.signal)
    await expect(world.clock.runUntil(running, { limitMs: 10_000 })).rejects.toMatchObject({ code: 'STOPPED' })
  })
})
