import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Receipt } from '#domain/submission.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createInbox, INBOX_LIMITS, type Inbox, type InboxLimits } from './inbox.ts'
import { createPace } from './pace.ts'
import { turn } from './scripted.test-stream.ts'
import type { Later } from './waiting-room.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

function open(limits: Partial<InboxLimits> = {}) {
  let nowMs = 1_000
  const receipts: Receipt[] = []
  const timers: { readonly atMs: number; readonly action: () => void }[] = []
  const later: Later = (durationMs, action) => void timers.push({ atMs: nowMs + durationMs, action })
  const inbox = createInbox({ ...INBOX_LIMITS, ...limits }, () => nowMs, later)
  let count = 0
  /** Offers one delivery; gives the code it was refused with, if any. */
  function offer(bytes = 0, peer = 'a', address?: string): string | undefined {
    count += 1
    const before = receipts.length
    const inbound: Inbound = {
      peer,
      protocol: 'weft',
      submissionId: String(count),
      payload: new Uint8Array(bytes),
      respond: (receipt) => receipts.push(receipt),
    }
    inbox.offer(inbound, address)
    return receipts[before]?.code
  }
  return {
    inbox,
    offer,
    receipts,
    later,
    /** Timers that were set. */
    timerCount: () => timers.length,
    pass(durationMs: number) {
      nowMs += durationMs
      for (const { atMs, action } of timers) if (atMs > nowMs - durationMs && atMs <= nowMs) action()
    },
  }
}

/** The next batch, by submission id, each answered with a code if one is given. Fails at once when nothing waits. */
async function next(inbox: Inbox, code?: ReceiptCode): Promise<string[]> {
  const leaving = new AbortController()
  const reading = inbox.inbound(leaving.signal)[Symbol.asyncIterator]()
  const step = reading.next()
  await turn()
  await turn()
  leaving.abort()
  const { value, done } = await step
  if (done === true) throw new Error('nothing waits in the inbox')
  for (const inbound of value as Inbound[])
    if (code !== undefined) inbound.respond({ submissionId: inbound.submissionId as SubmissionId, code, reason: '' })
  return value.map(({ submissionId }: Inbound) => submissionId)
}

describe('the queue', () => {
  test('G7: takes as many as its length says, refuses the rest by id, and takes again when the role has taken', async () => {
    const { inbox, offer, receipts } = open({ lengthMax: 2 })
    expect([offer(), offer(), offer()]).toEqual([undefined, undefined, 'inbox_full'])
    expect(receipts).toEqual([{ submissionId: '3', code: 'inbox_full', reason: '' }])
    expect(await next(inbox)).toEqual(['1', '2'])
    expect([offer(), offer(), offer()]).toEqual([undefined, undefined, 'inbox_full'])
    expect(inbox.counts()).toEqual({ inbox_full: 2 })
  })

  test('G7: takes as many bytes as its limit says to the last one, and has them back, batch after batch', async () => {
    const { inbox, offer } = open({ bytesMax: 1_000 })
    for (let round = 0; round < 3; round += 1) {
      expect([offer(600), offer(401), offer(400), offer(1)]).toEqual([undefined, 'inbox_full', undefined, 'inbox_full'])
      expect(await next(inbox)).toHaveLength(2)
    }
    expect(offer(1_001)).toBe('inbox_full')
  })

  test('what came in one turn of the event loop goes along in one batch, in order', async () => {
    const { inbox, offer } = open()
    const reading = inbox.inbound(new AbortController().signal)[Symbol.asyncIterator]()
    const step = reading.next()
    await turn()
    offer()
    for (let tick = 0; tick < 20; tick += 1) await Promise.resolve()
    offer()
    const { value } = await step
    expect(value.map(({ submissionId }: Inbound) => submissionId)).toEqual(['1', '2'])
    offer()
    const { value: second } = await reading.next()
    expect(second.map(({ submissionId }: Inbound) => submissionId)).toEqual(['3'])
  })

  test('S26: what comes alone goes at once; what comes soon after goes together, when the time is over or a whole step waits', async () => {
    const { inbox, offer, pass } = open({ stepEveryMs: 8 })
    offer(0, 'known')
    await next(inbox, 'accepted')
    pass(8)
    const steps: number[] = []
    const read = async (): Promise<void> => {
      for await (const step of inbox.inbound(new AbortController().signal)) steps.push(step.length)
    }
    const reading = read()
    const turns = async (): Promise<void> => {
      for (let count = 0; count < 4; count += 1) await turn()
    }
    await turns()
    offer()
    await turns()
    expect(steps).toEqual([1])
    offer()
    await turns()
    pass(7)
    offer()
    await turns()
    expect(steps).toEqual([1])
    pass(1)
    await turns()
    expect(steps).toEqual([1, 2])
    for (let peer = 0; peer < 63; peer += 1) offer(0, `p${peer}`)
    await turns()
    expect(steps).toEqual([1, 2])
    // However many strangers wait, a step has no more than 64 of them.
    for (let peer = 63; peer < 512; peer += 1) offer(0, `p${peer}`)
    await turns()
    expect(steps).toEqual([1, 2])
    for (let count = 0; count < 191; count += 1) offer(0, 'known')
    await turns()
    expect(steps).toEqual([1, 2])
    offer(0, 'known')
    await turns()
    expect(steps[2]).toBe(256)
    // What an end finds is not waited for.
    offer()
    inbox.end()
    await reading
    expect(steps).toHaveLength(3)
  })

  test('ends for who reads when its signal aborts, and keeps what waits for the next reader', async () => {
    const { inbox, offer } = open()
    const leaving = new AbortController()
    const reading = Array.fromAsync(inbox.inbound(leaving.signal))
    await turn()
    leaving.abort()
    expect(await reading).toEqual([])
    offer()
    expect(await Array.fromAsync(inbox.inbound(leaving.signal))).toEqual([])
    expect(await next(inbox)).toEqual(['1'])
  })

  test('when it has ended nobody waits, nothing is handed out, and who still sends is told', async () => {
    const { inbox, offer } = open()
    const reading = Array.fromAsync(inbox.inbound(new AbortController().signal))
    await turn()
    inbox.end()
    expect(await reading).toEqual([])
    expect(offer()).toBe('inbox_full')
    expect(await Array.fromAsync(inbox.inbound(new AbortController().signal))).toEqual([])
    const waiting = open()
    waiting.offer()
    waiting.inbox.end()
    expect(await Array.fromAsync(waiting.inbox.inbound(new AbortController().signal))).toEqual([])
  })

  test('what the adapter refused itself is counted by code, in readings that do not change afterwards', () => {
    const { inbox } = open()
    inbox.count('frame_malformed')
    const before = inbox.counts()
    inbox.count('frame_malformed')
    inbox.count('frame_oversized')
    expect([before, inbox.counts()]).toEqual([{ frame_malformed: 1 }, { frame_malformed: 2, frame_oversized: 1 }])
  })
})

describe('the token bucket', () => {
  test('G7: a delivery costs one token and one more per full KiB', () => {
    const { offer } = open({ tokensMax: 6, tokensPerSecond: 0 })
    expect([offer(1_023), offer(1_024), offer(2_048), offer(0)]).toEqual([undefined, undefined, undefined, 'rate_limited'])
  })

  test('G7: tokens come back with time, each once, and never more than may be saved up', () => {
    const { offer, pass } = open({ tokensMax: 2, tokensPerSecond: 10 })
    expect([offer(), offer(), offer()]).toEqual([undefined, undefined, 'rate_limited'])
    pass(100)
    expect([offer(), offer()]).toEqual([undefined, 'rate_limited'])
    pass(50)
    expect(offer()).toBe('rate_limited')
    pass(50)
    expect([offer(), offer()]).toEqual([undefined, 'rate_limited'])
    pass(60_000)
    expect([offer(), offer(), offer()]).toEqual([undefined, undefined, 'rate_limited'])
  })

  test('G7: who is refused pays nothing, and no other peer pays for it', () => {
    const { inbox, offer } = open({ tokensMax: 3, tokensPerSecond: 0 })
    expect([offer(3_072), offer(2_048), offer(0)]).toEqual(['rate_limited', undefined, 'rate_limited'])
    expect([offer(0, 'b'), offer(0, 'b'), offer(0, 'b'), offer(0, 'b')]).toEqual([undefined, undefined, undefined, 'rate_limited'])
    expect(inbox.counts()).toEqual({ rate_limited: 3 })
  })

  test('G7: a peer that sends too fast takes no place in the queue', async () => {
    const { inbox, offer } = open({ tokensMax: 1, tokensPerSecond: 0, lengthMax: 2 })
    expect([offer(), offer(), offer(), offer(0, 'b')]).toEqual([undefined, 'rate_limited', 'rate_limited', undefined])
    expect(await next(inbox)).toEqual(['1', '4'])
  })

  test('G7: 20,000 peers are remembered; of more, the one seen first is forgotten and no other', () => {
    const { offer } = open({ tokensMax: 1, tokensPerSecond: 0, lengthMax: 100_000 })
    const codes = new Set(Array.from({ length: 20_000 }, (_, peer) => offer(0, `peer ${peer}`)))
    expect(codes).toEqual(new Set([undefined]))
    expect([offer(0, 'peer 0'), offer(0, 'peer 19999')]).toEqual(['rate_limited', 'rate_limited'])
    expect(offer(0, 'one more')).toBeUndefined()
    expect([offer(0, 'peer 1'), offer(0, 'one more')]).toEqual(['rate_limited', 'rate_limited'])
    expect(offer(0, 'peer 0')).toBeUndefined()
  })
})

describe('S26, G11: who is served first', () => {
  test('is who has an accepted vote, and of the rest some go along', async () => {
    const { inbox, offer } = open()
    offer(0, 'honest')
    expect(await next(inbox, 'accepted')).toEqual(['1'])
    for (let index = 0; index < 300; index += 1) offer(0, `stranger ${index % 3}`)
    offer(0, 'honest')
    const step = await next(inbox)
    expect([step[0], step.length]).toEqual(['302', 65])
  })

  test('is what waits of one that has just had its first vote accepted', async () => {
    const { inbox, offer } = open()
    for (let index = 0; index < 140; index += 1) offer(0, `stranger ${index % 70}`)
    const first = await next(inbox, 'accepted')
    expect(first).toEqual(Array.from({ length: 64 }, (_, index) => String(index + 1)))
    expect((await next(inbox)).slice(0, 64)).toEqual(first.map((id) => String(Number(id) + 70)))
  })

  test('is not who failed before: its next deliveries wait for those of all others', async () => {
    const { inbox, offer } = open()
    for (let index = 0; index < 6; index += 1) offer(0, 'liar')
    await next(inbox, 'signer_mismatch')
    for (let index = 0; index < 4; index += 1) offer(0, 'liar')
    for (let index = 0; index < 40; index += 1) offer(0, 'new')
    // At 64 times the cost, one is all that a step has for its like.
    expect(await next(inbox)).toEqual([...Array.from({ length: 40 }, (_, index) => String(index + 11)), '7'])
    expect([await next(inbox), await next(inbox)]).toEqual([['8'], ['9']])
  })

  test('S35: whose deliveries failed uses up no more of a step than anybody else: who is new goes with the same', async () => {
    const { inbox, offer } = open()
    for (let index = 0; index < 6; index += 1) offer(0, 'liar', 'block')
    await next(inbox, 'signer_mismatch')
    offer(0, 'another', 'block')
    for (let peer = 0; peer < 63; peer += 1) offer(0, `new ${peer}`)
    expect(await next(inbox)).toHaveLength(64)
  })

  test('S35: an address has one turn with each other one, whatever identities come from it and though nothing of theirs is held against them', async () => {
    const { inbox, offer } = open()
    for (let peer = 0; peer < 300; peer += 1) offer(0, `flood ${peer}`, 'block')
    for (let peer = 0; peer < 10; peer += 1) offer(0, `new ${peer}`, `elsewhere ${peer}`)
    const step = await next(inbox, 'slot_unknown')
    const isNew = (id: string): boolean => Number(id) > 300
    expect([step.length, step.findLastIndex(isNew), step.filter(isNew).length]).toEqual([64, 10, 10])
  })

  test('S35: a hundred who are new behind one address are known with their first vote, each taking along its own and nothing of its neighbours', async () => {
    const { inbox, offer } = open()
    for (let round = 0; round < 3; round += 1) for (let peer = 0; peer < 100; peer += 1) offer(0, `new ${peer}`, 'nat')
    const first = await next(inbox, 'accepted')
    expect(first).toEqual(Array.from({ length: 64 }, (_, index) => String(index + 1)))
    const second = await next(inbox, 'accepted')
    // What is left of the 64, then those who waited behind them.
    expect(second.slice(0, 128).every((id) => Number(id) > 100 && (Number(id) - 1) % 100 < 64)).toBe(true)
    expect(second.slice(128)).toEqual(Array.from({ length: 64 }, (_, index) => String((index < 36 ? 65 : 129) + index)))
    expect(await next(inbox, 'accepted')).toHaveLength(300 - 64 - second.length)
  })

  test('whoever fails makes its whole address pay, until somebody there has a vote', async () => {
    const perAddress = { tokensPerSecond: 0, tokensMax: 100 }
    const { inbox, offer } = open({ perAddress })
    for (let index = 0; index < 6; index += 1) offer(0, `liar ${index}`, 'block')
    await next(inbox, 'signer_mismatch')
    expect([offer(0, 'liar 6', 'block'), offer(0, 'liar 7', 'block'), offer(0, 'liar 7', 'elsewhere')]).toEqual([
      undefined,
      'rate_limited',
      undefined,
    ])
    expect(await next(inbox, 'accepted')).toHaveLength(2)
    expect(offer(0, 'liar 6', 'block')).toBeUndefined()
  })

  test('S35: one that fails again and again is dear to itself; its address pays by its own failures, so its neighbours can begin', async () => {
    const { inbox, offer } = open({ perAddress: { tokensPerSecond: 0, tokensMax: 1_000 } })
    for (let index = 0; index < 12; index += 1) offer(0, 'liar', 'block')
    await next(inbox, 'signer_mismatch')
    expect([offer(0, 'liar', 'block'), offer(0, 'new', 'block')]).toEqual([undefined, undefined])
  })

  test('garbage counts against its sender as a wrong signature does', async () => {
    const { inbox, offer } = open({ tokensMax: 3, tokensPerSecond: 0 })
    inbox.count('frame_malformed', { peer: 'a', address: undefined })
    expect([offer(), offer(), offer(0, 'b'), offer(0, 'b'), offer(0, 'b')]).toEqual([
      undefined,
      'rate_limited',
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('S26, G11: room', () => {
  const a = { peer: 'a', address: undefined }
  const b = { peer: 'b', address: undefined }

  test('is told before anything is offered, and who finds none is asked again in the order of asking, when the role has taken', async () => {
    const { inbox, offer } = open({ lengthMax: 2 })
    const again: string[] = []
    offer()
    offer()
    expect([inbox.isOpenTo(a, 0, () => again.push('a')), inbox.isOpenTo(b, 0, () => again.push('b'))]).toEqual([false, false])
    const reading = inbox.inbound(new AbortController().signal)[Symbol.asyncIterator]()
    await reading.next()
    expect(again).toEqual([])
    void reading.next()
    await turn()
    expect(again).toEqual(['a', 'b'])
    expect(inbox.isOpenTo(a, 0, () => again.push('a'))).toBe(true)
    expect(inbox.counts()).toEqual({})
  })

  test('is nobody’s alone: a peer has a sixteenth of it, in number and in bytes, and one that has shown nothing has sixteen places', async () => {
    const { inbox, offer } = open({ lengthMax: 3_200, bytesMax: 16 * 1_048_576 })
    const isOpen = (peer: string, bytes: number) => inbox.isOpenTo({ peer, address: undefined }, bytes, () => undefined)
    for (let index = 0; index < 16; index += 1) expect([isOpen('a', 0), offer()]).toEqual([true, undefined])
    expect([isOpen('a', 0), isOpen('b', 0)]).toEqual([false, true])
    await next(inbox, 'accepted')
    for (let index = 0; index < 200; index += 1) expect([isOpen('a', 0), offer()]).toEqual([true, undefined])
    expect([isOpen('a', 0), isOpen('b', 0)]).toEqual([false, true])
    await next(inbox, 'accepted')
    for (let index = 0; index < 16; index += 1) offer(65_536)
    expect([isOpen('a', 1), isOpen('b', 65_536)]).toEqual([false, true])
  })

  test('of those who have shown nothing is apart from that of the known', async () => {
    const { inbox, offer } = open({ lengthMax: 2 })
    offer(0, 'a')
    await next(inbox, 'accepted')
    offer(0, 'x')
    offer(0, 'y')
    expect([inbox.isOpenTo(b, 0, () => undefined), inbox.isOpenTo(a, 0, () => undefined)]).toEqual([false, true])
  })

  test('is kept for known peers of whom nothing waits: one that sends now and then finds some however much others send, and one delivery at a time', async () => {
    const { inbox, offer } = open({ lengthMax: 400 })
    const isOpen = (peer: string, bytes = 0) => inbox.isOpenTo({ peer, address: undefined }, bytes, () => undefined)
    const busy = Array.from({ length: 5 }, (_, index) => `busy ${index}`)
    for (const peer of [...busy, 'now and then', 'new']) offer(0, peer)
    await next(inbox, 'accepted')
    // Their shares are 64 each: together they are stopped before they fill the room.
    for (const peer of busy) while (isOpen(peer)) offer(0, peer)
    expect(['busy 4', 'now and then'].map((peer) => isOpen(peer))).toEqual([false, true])
    expect([offer(0, 'now and then'), isOpen('now and then'), isOpen('new')]).toEqual([undefined, false, true])
    await next(inbox, 'accepted')
  })

  test('is kept also for the next delivery of one that sends a few at once: when the first was taken it does not stand behind those who send very much', async () => {
    const world = open({ lengthMax: 400 })
    const busy = { peers: 40, streams: 64 }
    for (let index = 0; index < 40; index += 1) world.offer(0, `p${index}`)
    world.offer(0, 'now and then')
    await next(world.inbox, 'accepted')
    const { taken } = hold(world, busy)
    expect(taken).toHaveLength(300)
    const seen: number[] = []
    const goOn = (): void => {
      if (!world.inbox.isOpenTo({ peer: 'now and then', address: undefined }, 0, goOn)) return
      world.offer(0, 'now and then')
      seen.push(steps)
    }
    let steps = 0
    for (let index = 0; index < 3; index += 1) goOn()
    const reading = world.inbox.inbound(new AbortController().signal)[Symbol.asyncIterator]()
    for (; steps < 8; steps += 1) await reading.next()
    expect(seen).toEqual([0, 2, 3])
  })

  test('comes with the tokens that are missing; where they would be long in coming there is a refusal instead', () => {
    const { inbox, offer, pass } = open({ tokensMax: 2, tokensPerSecond: 1 })
    const again: string[] = []
    offer()
    offer()
    expect(inbox.isOpenTo(a, 0, () => again.push('a'))).toBe(false)
    pass(999)
    expect(again).toEqual([])
    pass(1)
    expect([again, offer()]).toEqual([['a'], undefined])
    const never = open({ tokensMax: 1, tokensPerSecond: 0 })
    never.offer()
    expect([never.inbox.isOpenTo(a, 0, () => undefined), never.offer()]).toEqual([true, 'rate_limited'])
  })

  /** Each of so many peers has so many streams, of which each offers one delivery when it may. */
  function hold({ inbox, offer }: ReturnType<typeof open>, { peers, streams, addressOf = () => undefined, bytes = 0 }: Held) {
    let asked = 0
    const taken: string[] = []
    for (let stream = 0; stream < streams; stream += 1)
      for (let index = 0; index < peers; index += 1) {
        const sender = { peer: `p${index}`, address: addressOf(index) }
        const goOn = (): void => {
          asked += 1
          if (!inbox.isOpenTo(sender, bytes, goOn)) return
          taken.push(sender.peer)
          offer(bytes, sender.peer, sender.address)
        }
        goOn()
      }
    const before = asked
    return { taken, askedCount: () => asked - before }
  }
  interface Held {
    readonly peers: number
    readonly streams: number
    readonly addressOf?: (index: number) => string | undefined
    readonly bytes?: number
  }

  test('S35: is told to so many of those who wait as there is room for: not to each after each step', async () => {
    const world = open()
    const { taken, askedCount } = hold(world, { peers: 50, streams: 520 })
    expect(taken).toHaveLength(50 * 16)
    const reading = world.inbox.inbound(new AbortController().signal)[Symbol.asyncIterator]()
    for (let step = 0; step < 20; step += 1) await reading.next()
    // Of each peer as many as were taken of it.
    expect([askedCount(), taken.length]).toEqual([19 * 64, 50 * 16 + 19 * 64])
    expect(new Set(taken.slice(50 * 16, 50 * 16 + 64)).size).toBe(50)
  })

  test('S35: of a lane is told to as many as it is for, and one peer with many streams is one of them', async () => {
    const world = open({ lengthMax: 64 })
    for (let index = 0; index < 64; index += 1) world.offer(0, `gone ${index}`)
    const many = hold(world, { peers: 1, streams: 520 })
    const few = hold(world, { peers: 60, streams: 1 })
    const reading = world.inbox.inbound(new AbortController().signal)[Symbol.asyncIterator]()
    await reading.next()
    await reading.next()
    expect([many.askedCount(), many.taken.length, few.askedCount(), few.taken.length]).toEqual([16, 16, 48, 48])
  })

  test('S35: is no address’s alone either: strangers of one have a sixteenth of it together, in number and in bytes; those of others find theirs', async () => {
    const world = open({ lengthMax: 3_200, bytesMax: 16 * 1_048_576 })
    const { taken } = hold(world, { peers: 300, streams: 1, addressOf: () => 'block' })
    expect(taken).toHaveLength(200)
    const isOpen = (peer: string, address: string | undefined) => world.inbox.isOpenTo({ peer, address }, 1, () => undefined)
    expect([isOpen('n', 'block'), isOpen('m', 'elsewhere'), isOpen('r', undefined)]).toEqual([false, true, true])
    const reading = world.inbox.inbound(new AbortController().signal)[Symbol.asyncIterator]()
    await reading.next()
    await reading.next()
    expect(taken).toHaveLength(264)
    const heavy = open({ bytesMax: 16 * 1_048_576 })
    expect(hold(heavy, { peers: 300, streams: 1, addressOf: () => 'block', bytes: 65_536 }).taken).toHaveLength(16)
  })

  test('S35: of an address’s bucket is waited for with one timer, in turns between its peers, whoever else comes meanwhile', () => {
    const world = open({ perAddress: { tokensPerSecond: 1_000, tokensMax: 100 } })
    for (let index = 0; index < 100; index += 1) world.offer(0, `gone ${index}`, 'block')
    const { taken, askedCount } = hold(world, { peers: 3, streams: 300, addressOf: () => 'block' })
    expect([taken, world.timerCount()]).toEqual([[], 1])
    for (let ms = 0; ms < 9; ms += 1) world.pass(1)
    expect([taken.join(' '), askedCount(), world.timerCount()]).toEqual(['p0 p1 p2 p0 p1 p2 p0 p1 p2', 9, 10])
    expect(world.inbox.isOpenTo({ peer: 'new', address: 'block' }, 0, () => undefined)).toBe(false)
    world.pass(3)
    expect(taken).toHaveLength(12)
  })

  test('S35: of an address is nothing to who has become known: it waits no longer for it', async () => {
    const world = open({ perAddress: { tokensPerSecond: 1, tokensMax: 5 } })
    for (let index = 0; index < 5; index += 1) world.offer(0, 'p0', 'block')
    const { taken } = hold(world, { peers: 2, streams: 4, addressOf: () => 'block' })
    expect(taken).toEqual([])
    await next(world.inbox, 'accepted')
    expect(taken).toEqual(['p0', 'p0', 'p0', 'p0'])
  })

  test('S35, G7: is found by everyone in the end, whatever comes from wherever and however it is judged: nobody is forgotten', async () => {
    const stream = fc.record({
      // Those that are known from the beginning, and strangers.
      peer: fc.oneof(fc.nat(7), fc.integer({ min: 100, max: 107 })),
      address: fc.constantFrom(undefined, 'x', 'y'),
      bytes: fc.array(fc.constantFrom(0, 100, 5_000, 65_000), { maxLength: 30 }),
    })
    const code = fc.constantFrom<ReceiptCode>('accepted', 'duplicate', 'signer_mismatch')
    const limits = fc.record({
      lengthMax: fc.constantFrom(1, 2, 8, 100),
      bytesMax: fc.constantFrom(70_000, 150_000, 1_000_000),
      tokensPerSecond: fc.constant(40),
      tokensMax: fc.constant(400),
      perAddress: fc.constant({ tokensPerSecond: 50, tokensMax: 500 }),
    })
    await fc.assert(
      fc.asyncProperty(limits, fc.array(stream, { maxLength: 30 }), fc.array(code, { minLength: 1 }), async (limited, streams, codes) => {
        const { inbox, later, pass, offer } = open(limited)
        for (let known = 100; known < 108; known += 1) {
          offer(0, `p${known}`)
          await next(inbox, 'accepted')
        }
        const stopped = new Set<number>()
        let [sentCount, answeredCount] = [0, 0]
        for (const [index, { peer, address, bytes }] of streams.entries()) {
          const source = { stop: () => void stopped.add(index), goOn: () => void stopped.delete(index) }
          const pace = createPace(inbox, { peer: `p${peer}`, address }, source, later)
          const respond = (): void => {
            answeredCount += 1
          }
          for (const length of bytes) {
            sentCount += 1
            pace.give({
              peer: `p${peer}`,
              protocol: 'weft',
              submissionId: String(sentCount).padStart(5),
              payload: new Uint8Array(length),
              respond,
            })
          }
        }
        const leaving = new AbortController()
        let judgedCount = 0
        async function judge(): Promise<void> {
          for await (const step of inbox.inbound(leaving.signal))
            for (const { submissionId, respond } of step) {
              const given = codes[judgedCount++ % codes.length] as ReceiptCode
              respond({ submissionId: submissionId as SubmissionId, code: given, reason: '' })
            }
        }
        const judging = judge()
        for (let round = 0; round < 3_000 && (answeredCount < sentCount || stopped.size > 0); round += 1) {
          for (let turns = 0; turns < 4; turns += 1) await turn()
          pass(1_000)
        }
        leaving.abort()
        await judging
        expect([answeredCount, stopped.size]).toEqual([sentCount, 0])
      }),
      { ...replay, numRuns: 40 },
    )
  })

  test('is asked for no more when the inbox has ended', () => {
    const { inbox, offer } = open({ lengthMax: 1 })
    const again: string[] = []
    offer()
    inbox.isOpenTo(a, 0, () => again.push('a'))
    inbox.end()
    expect([again, inbox.isOpenTo(a, 0, () => undefined), offer()]).toEqual([['a'], true, 'inbox_full'])
  })
})
