import { describe, expect, test } from 'vitest'
import type { Receipt } from '#domain/submission.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createInbox, INBOX_LIMITS, type Inbox, type InboxLimits } from './inbox.ts'
import { turn } from './scripted.test-stream.ts'

function open(limits: Partial<InboxLimits> = {}) {
  let nowMs = 1_000
  const receipts: Receipt[] = []
  const inbox = createInbox({ ...INBOX_LIMITS, ...limits }, () => nowMs)
  let count = 0
  /** Offers one delivery; gives the code it was refused with, if any. */
  function offer(bytes = 0, peer = 'a'): string | undefined {
    count += 1
    const before = receipts.length
    const inbound: Inbound = {
      peer,
      protocol: 'weft',
      submissionId: String(count),
      payload: new Uint8Array(bytes),
      respond: (receipt) => receipts.push(receipt),
    }
    inbox.offer(inbound)
    return receipts[before]?.code
  }
  return {
    inbox,
    offer,
    receipts,
    pass(durationMs: number) {
      nowMs += durationMs
    },
  }
}

/** The next batch, by submission id. Fails at once when nothing waits. */
async function next(inbox: Inbox): Promise<string[]> {
  const leaving = new AbortController()
  const reading = inbox.inbound(leaving.signal)[Symbol.asyncIterator]()
  const step = reading.next()
  await turn()
  await turn()
  leaving.abort()
  const { value, done } = await step
  if (done === true) throw new Error('nothing waits in the inbox')
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
