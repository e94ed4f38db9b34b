import { describe, expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Receipt } from '#domain/submission.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createInbox, INBOX_LIMITS, type Inbox, type InboxLimits } from './inbox.ts'
import { turn } from './scripted.test-stream.ts'

function open(limits: Partial<InboxLimits> = {}) {
  let nowMs = 1_000
  const receipts: Receipt[] = []
  const timers: { readonly atMs: number; readonly action: () => void }[] = []
  const inbox = createInbox(
    { ...INBOX_LIMITS, ...limits },
    () => nowMs,
    (durationMs, action) => void timers.push({ atMs: nowMs + durationMs, action }),
  )
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
    for (let peer = 63; peer < 256; peer += 1) offer(0, `p${peer}`)
    await turns()
    expect(steps[2]).toBe(64)
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

  test('is not who failed before: its next deliveries wait for those of all others, and take as much of a step', async () => {
    const { inbox, offer } = open()
    for (let index = 0; index < 6; index += 1) offer(0, 'liar')
    await next(inbox, 'signer_mismatch')
    for (let index = 0; index < 4; index += 1) offer(0, 'liar')
    for (let index = 0; index < 40; index += 1) offer(0, 'new')
    // The liar's first waits for its turn only and is all that the step has for its like; its second, at 64 times the cost, waits for all that is here.
    expect(await next(inbox)).toEqual(['11', '7'])
    expect(await next(inbox)).toEqual(Array.from({ length: 39 }, (_, index) => String(index + 12)).concat('8'))
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
    expect(await next(inbox, 'accepted')).toHaveLength(1)
    expect(offer(0, 'liar 6', 'block')).toBeUndefined()
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

  test('is asked for no more when the inbox has ended', () => {
    const { inbox, offer } = open({ lengthMax: 1 })
    const again: string[] = []
    offer()
    inbox.isOpenTo(a, 0, () => again.push('a'))
    inbox.end()
    expect([again, inbox.isOpenTo(a, 0, () => undefined), offer()]).toEqual([['a'], true, 'inbox_full'])
  })
})
