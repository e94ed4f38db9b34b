import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createReceiptReader, encodeDelivery, parseReceipt } from '#wire/submit-frame.ts'
import { createHoldings, HOLDING_LIMITS, type HoldingLimits } from './holdings.ts'
import { createInbox, INBOX_LIMITS, type Inbox } from './inbox.ts'
import { createReading } from './pace.ts'
import { ScriptedStream, turn } from './scripted.test-stream.ts'
import { serveCollect, serveSubmit } from './serve.ts'
import { idOf } from './suite.ts'

/** An inbox that keeps what it is offered. */
function createCatch() {
  const inbox = createInbox(INBOX_LIMITS, () => 0)
  const taken: Inbound[] = []
  return { ...inbox, taken, offer: (inbound: Inbound) => void taken.push(inbound) }
}

const servingOf = (inbox: Inbox, holdings = createHoldings()) => ({
  sender: { peer: 'peer', address: undefined },
  hold: (giveUp: () => void) => holdings.open('there', giveUp),
  inbox,
  source: { stop: () => undefined, goOn: () => undefined, isStopped: () => false },
  frameTimeoutMs: 10_000,
})

const good = (index: number, bytes = 1) => encodeDelivery({ submissionId: idOf(index), payload: new Uint8Array(bytes) })
const broken = Uint8Array.of(2, 0xff, 0xff)

function accept(inbound: Inbound | undefined): void {
  inbound?.respond({ submissionId: inbound.submissionId as SubmissionId, code: 'accepted', reason: '' })
}

/** The receipts that were written, as id and code. */
function receiptsOf(stream: ScriptedStream): string[] {
  const reader = createReceiptReader()
  return stream.written
    .flatMap((bytes) => reader.push(bytes))
    .map((step) => {
      const receipt = step.kind === 'frame' ? parseReceipt(step.bytes) : undefined
      return receipt === undefined ? step.kind : `${receipt.submissionId} ${receipt.code}`
    })
}

describe('a submit stream', () => {
  function serve() {
    const stream = new ScriptedStream()
    const inbox = createCatch()
    serveSubmit(stream.asStream(), servingOf(inbox))
    return { stream, inbox }
  }

  test('deliveries go to the inbox as they came, receipts back in one write a turn; the stream stays open', async () => {
    const { stream, inbox } = serve()
    stream.receive(Buffer.concat([good(1, 3), good(2)]))
    expect(inbox.taken).toMatchObject([
      { peer: 'peer', protocol: 'weft', submissionId: idOf(1), payload: new Uint8Array(3) },
      { peer: 'peer', protocol: 'weft', submissionId: idOf(2), payload: new Uint8Array(1) },
    ])
    for (const inbound of inbox.taken) accept(inbound)
    await turn()
    expect(stream.written).toHaveLength(1)
    expect(receiptsOf(stream)).toEqual([`${idOf(1)} accepted`, `${idOf(2)} accepted`])
    expect(stream.done).toEqual(['send'])
  })

  test('G7: after the first broken frame nothing is read, it is counted and answered once, and every frame before it gets its receipt', async () => {
    const { stream, inbox } = serve()
    stream.receive(Buffer.concat([good(1), good(2), broken, good(3)]))
    stream.receive(good(4))
    stream.receive(broken)
    stream.endRemote()
    await turn()
    expect(inbox.taken.map(({ submissionId }) => submissionId)).toEqual([idOf(1), idOf(2)])
    expect(inbox.counts()).toEqual({ frame_malformed: 1 })
    expect(stream.done).toEqual(['send'])
    accept(inbox.taken[0])
    await turn()
    expect(stream.done).not.toContain('closeRead')
    accept(inbox.taken[1])
    await turn()
    expect(receiptsOf(stream)).toEqual([' frame_malformed', `${idOf(1)} accepted`, `${idOf(2)} accepted`])
    expect(stream.done.slice(-3)).toEqual(['send', 'closeRead', 'close'])
  })

  test.each([
    ['frame_oversized', Uint8Array.of(0xff, 0xff, 0x7f)],
    ['frame_oversized', encodeDelivery({ submissionId: 'x', payload: new Uint8Array(65_537) })],
    ['frame_malformed', Uint8Array.of(0)],
    ['frame_malformed', encodeDelivery({ submissionId: 'x'.repeat(65), payload: new Uint8Array(1) })],
  ])('a frame that is %s ends the stream with that code', async (code, bytes) => {
    const { stream, inbox } = serve()
    stream.receive(bytes)
    await turn()
    expect(receiptsOf(stream)).toEqual([` ${code}`])
    expect(inbox.counts()).toEqual({ [code]: 1 })
    expect(inbox.taken).toEqual([])
    expect(stream.done).toEqual(['send', 'closeRead', 'close'])
    // That the peer ends its side too changes nothing any more.
    stream.endRemote()
    await turn()
    expect(stream.done).toEqual(['send', 'closeRead', 'close'])
  })

  test('a peer that ends its side gets the receipts that are owed, then the stream ends', async () => {
    const { stream, inbox } = serve()
    stream.receive(good(1))
    stream.endRemote()
    await turn()
    expect(stream.done).toEqual([])
    accept(inbox.taken[0])
    await turn()
    expect(receiptsOf(stream)).toEqual([`${idOf(1)} accepted`])
    expect(stream.done).toEqual(['send', 'closeRead', 'close'])
    expect(inbox.counts()).toEqual({})
  })

  test('a peer that is owed nothing and ends its side ends the stream; within a frame it is told', async () => {
    const idle = serve()
    idle.stream.endRemote()
    await turn()
    expect(idle.stream.done).toEqual(['closeRead', 'close'])
    const cut = serve()
    cut.stream.receive(good(1).subarray(0, 5))
    cut.stream.endRemote()
    await turn()
    expect(receiptsOf(cut.stream)).toEqual([' frame_malformed'])
    expect(cut.stream.done).toEqual(['send', 'closeRead', 'close'])
  })

  test('G7: a peer that does not take its last receipts is reset', async () => {
    const { stream } = serve()
    stream.closeFails = new Error('timed out')
    stream.endRemote()
    await turn()
    expect(stream.done).toEqual(['closeRead', 'close', 'abort'])
  })

  test('G7: a peer that keeps its side of a stream that was ended has it reset', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { stream } = serve()
    stream.isEndedByPeer = false
    stream.receive(Uint8Array.of(0))
    await turn()
    expect(stream.done).toEqual(['send', 'closeRead', 'close'])
    vi.advanceTimersByTime(4_999)
    expect(stream.status).toBe('open')
    vi.advanceTimersByTime(1)
    expect([stream.status, vi.getTimerCount()]).toEqual(['aborted', 0])
    vi.useRealTimers()
  })

  test('a receipt for a stream that is gone is dropped and throws nothing', async () => {
    const { stream, inbox } = serve()
    stream.receive(good(1))
    stream.abort()
    accept(inbox.taken[0])
    await turn()
    expect(stream.written).toEqual([])
  })
})

describe('a collect stream', () => {
  const text = (message: string) => new TextEncoder().encode(message)
  function serve() {
    const stream = new ScriptedStream()
    const inbox = createCatch()
    serveCollect(stream.asStream(), servingOf(inbox))
    return { stream, inbox }
  }

  test('messages go to the inbox, nothing is ever answered, garbage is counted', async () => {
    const { stream, inbox } = serve()
    stream.receive(text(`${idOf(1)}{"a":1}garbage${idOf(2)}{}`))
    expect(inbox.taken).toMatchObject([
      { peer: 'peer', protocol: 'collect', submissionId: idOf(1), payload: text('{"a":1}') },
      { peer: 'peer', protocol: 'collect', submissionId: idOf(2), payload: text('{}') },
    ])
    for (const inbound of inbox.taken) accept(inbound)
    await turn()
    expect(inbox.counts()).toEqual({ frame_malformed: 1 })
    expect(stream.done).toEqual([])
  })

  test('the end of the peer ends it, and what it cut is counted', async () => {
    const { stream, inbox } = serve()
    stream.receive(text(`${idOf(1)}{}${idOf(2)}{"a"`))
    stream.endRemote()
    await turn()
    expect(inbox.taken).toHaveLength(1)
    expect(inbox.counts()).toEqual({ frame_malformed: 1 })
    expect(stream.done).toEqual(['closeRead', 'close'])
  })

  test.each([
    ['garbage', 'frame_malformed', 'A'.repeat(70_000)],
    ['a message', 'frame_oversized', `${idOf(1)}{"a":"${'x'.repeat(70_000)}"}`],
  ])('G7: more than 64 KiB of %s end it', async (_, code, bytes) => {
    const { stream, inbox } = serve()
    stream.isEndedByPeer = false
    stream.receive(text(bytes))
    await turn()
    expect(inbox.counts()).toEqual({ [code]: 1 })
    expect(inbox.taken).toEqual([])
    expect(stream.done).toEqual(['closeRead', 'close'])
    // That the peer ends its side too changes nothing any more.
    stream.endRemote()
    await turn()
    expect(stream.done).toEqual(['closeRead', 'close'])
  })
})

describe('S26, G11: what is begun and not ended', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())
  const message = new TextEncoder().encode(`${idOf(1)}{"a":1}`)

  test.each([
    ['submit', serveSubmit, good(1, 100)],
    ['collect', serveCollect, message],
  ] as const)('ends a %s stream after ten seconds, a byte now and then or none; a whole one is no reason', async (_, serve, bytes) => {
    const [stream, quiet] = [new ScriptedStream(), new ScriptedStream()]
    const inbox = createCatch()
    serve(stream.asStream(), servingOf(inbox))
    serve(quiet.asStream(), servingOf(inbox))
    stream.receive(bytes)
    quiet.receive(bytes)
    expect(vi.getTimerCount()).toBe(0)
    for (const inbound of inbox.taken) accept(inbound)
    stream.receive(bytes.subarray(0, 5))
    vi.advanceTimersByTime(6_000)
    stream.receive(bytes.subarray(5, 10))
    vi.advanceTimersByTime(3_999)
    expect(stream.done).not.toContain('closeRead')
    vi.advanceTimersByTime(1)
    await turn()
    expect(inbox.counts()).toEqual({ frame_malformed: 1 })
    expect(stream.done).toContain('close')
    expect(quiet.done).not.toContain('closeRead')
  })

  test.each([
    ['submit', serveSubmit, good(1, 50_000).subarray(0, 40_000)],
    ['collect', serveCollect, new TextEncoder().encode(`${idOf(1)}{"a":"${'x'.repeat(40_000)}`)],
  ] as const)('G7: is let go with a %s stream that has ended here, though its peer does not end it', (_, serve, bytes) => {
    const inbox = createCatch()
    const holdings = createHoldings({ strangerBytesMax: 64 * 1_024, knownBytesMax: 0 })
    const [stream, next] = [new ScriptedStream(), new ScriptedStream()]
    stream.closing = new Promise(() => undefined)
    for (const one of [stream, next]) serve(one.asStream(), servingOf(inbox, holdings))
    stream.receive(bytes)
    vi.advanceTimersByTime(10_000)
    next.receive(bytes)
    expect(inbox.counts()).toEqual({ frame_malformed: 1 })
  })

  test('leaves no timer behind a stream that is gone', () => {
    const stream = new ScriptedStream()
    serveSubmit(stream.asStream(), servingOf(createCatch()))
    stream.receive(good(1, 100).subarray(0, 5))
    expect(vi.getTimerCount()).toBe(1)
    stream.abort()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('S26, G7, G11: what streams hold, all together', () => {
  const KIB = 1_024
  const part = good(1, 60 * KIB).subarray(0, 41 * KIB)
  const cut = new TextEncoder().encode(`${idOf(1)}{"a":"${'x'.repeat(41 * KIB)}`)
  function open() {
    const inbox = createCatch()
    const holdings = createHoldings({ strangerBytesMax: 256 * KIB, knownBytesMax: 256 * KIB })
    return {
      inbox,
      holdings,
      stream(serve: typeof serveSubmit) {
        const stream = new ScriptedStream()
        serve(stream.asStream(), servingOf(inbox, holdings))
        return stream
      },
    }
  }

  test('of frames that are not whole the newest is given up, and told so', async () => {
    const { stream, inbox } = open()
    const streams = [1, 2, 3, 4, 5].map(() => stream(serveSubmit))
    for (const one of streams) one.receive(part)
    await turn()
    const last = streams.pop() as ScriptedStream
    expect(receiptsOf(last)).toEqual([' inbox_full'])
    expect(last.done).toEqual(['send', 'closeRead', 'close'])
    expect(inbox.counts()).toEqual({ inbox_full: 1 })
    expect(streams.flatMap(({ done }) => done)).toEqual([])
    streams[0]?.receive(good(1, 60 * KIB).subarray(41 * KIB))
    expect(inbox.taken).toHaveLength(1)
  })

  test('of messages of deployed peers too, and that is not held against the sender', async () => {
    const { stream, inbox } = open()
    const streams = [1, 2, 3, 4, 5].map(() => stream(serveCollect))
    for (const one of streams) one.receive(cut)
    expect(inbox.counts()).toEqual({ inbox_full: 1 })
    // Nobody would hear why: the room is there at once.
    expect(streams.map(({ done }) => done)).toEqual([[], [], [], [], ['abort']])
  })

  test('streams count by themselves, until they are gone', () => {
    const { stream, inbox } = open()
    const streams = Array.from({ length: 21 }, (_, index) => stream(index % 2 === 0 ? serveSubmit : serveCollect))
    for (const one of streams.splice(0, 10)) one.abort()
    for (let index = 0; index < 10; index += 1) streams.push(stream(serveCollect))
    expect(inbox.counts()).toEqual({})
    stream(serveCollect)
    expect(inbox.counts()).toEqual({})
    expect(streams.filter(({ done }) => done.length > 0).length).toBeGreaterThan(0)
  })

  test('a peer that does not read its receipts is reset', () => {
    const { stream, inbox } = open()
    const [quiet, deaf] = [stream(serveSubmit), stream(serveSubmit)]
    deaf.writeBufferLength = 250 * KIB
    deaf.receive(good(1))
    expect([deaf.done, quiet.done, inbox.counts()]).toEqual([['abort'], [], {}])
  })

  test('one that has ended here and is kept by its peer is reset, and nothing is counted for it', async () => {
    const { stream, inbox, holdings } = open()
    for (let index = 0; index < 20; index += 1) stream(serveSubmit)
    const kept = stream(serveSubmit)
    kept.isEndedByPeer = false
    kept.endRemote()
    await turn()
    holdings.open('there', () => undefined).set(5 * KIB)
    await turn()
    expect([kept.done, inbox.counts()]).toEqual([['closeRead', 'close', 'abort'], {}])
  })

  test('whose vote was accepted has room that strangers do not take', async () => {
    const { stream, inbox } = open()
    const known = [serveSubmit, serveCollect].map((serve) => stream(serve))
    known[0]?.receive(good(1))
    known[1]?.receive(new TextEncoder().encode(`${idOf(2)}{}`))
    for (const inbound of inbox.taken) accept(inbound)
    known[0]?.receive(part)
    known[1]?.receive(cut)
    for (let index = 0; index < 4; index += 1) stream(serveSubmit).receive(part)
    expect(inbox.counts()).toEqual({})
    stream(serveSubmit).receive(part)
    expect(inbox.counts()).toEqual({ inbox_full: 1 })
  })
})

describe('S26, G11: while the inbox has no room', () => {
  function open(limits: HoldingLimits = HOLDING_LIMITS) {
    const holdings = createHoldings(limits)
    const inbox = createInbox({ ...INBOX_LIMITS, lengthMax: 2 }, () => 0)
    const done: string[] = []
    const connection = { pause: () => void done.push('pause'), resume: () => void done.push('resume') }
    const sources = createReading(connection)
    const serve = (how: typeof serveSubmit) => {
      const stream = new ScriptedStream()
      how(stream.asStream(), { ...servingOf(inbox, holdings), source: sources() })
      return stream
    }
    /** Takes what waits, step by step, until nothing does. */
    async function take(ticks = 20): Promise<string[]> {
      const seen: string[] = []
      const leaving = new AbortController()
      const reading = (async () => {
        for await (const batch of inbox.inbound(leaving.signal)) for (const one of batch) seen.push(one.submissionId)
      })()
      for (let tick = 0; tick < ticks; tick += 1) await turn()
      leaving.abort()
      await reading
      return seen
    }
    return { inbox, done, serve, take }
  }

  test('the connection is not read, and what was read already is taken in its order, none of it refused', async () => {
    const { inbox, done, serve, take } = open()
    const stream = serve(serveSubmit)
    stream.receive(Buffer.concat([1, 2, 3, 4, 5].map((index) => good(index))))
    stream.receive(good(6))
    expect(done).toEqual(['pause'])
    expect(await take()).toEqual([1, 2, 3, 4, 5, 6].map(idOf))
    expect(done).toEqual(['pause', 'resume'])
    expect(inbox.counts()).toEqual({})
  })

  test('G7: what waits counts, with what it takes beside its payload; where there is no room it is dropped, and the stream told', async () => {
    const { inbox, done, serve, take } = open({ strangerBytesMax: 64 * 1_024, knownBytesMax: 0 })
    const [stream, other] = [serve(serveSubmit), serve(serveCollect)]
    stream.receive(Buffer.concat(Array.from({ length: 80 }, (_, index) => good(index))))
    expect(inbox.counts()).toEqual({})
    other.receive(new TextEncoder().encode(Array.from({ length: 30 }, (_, index) => `${idOf(100 + index)}{}`).join('')))
    await turn()
    expect(receiptsOf(stream)).toEqual([' inbox_full'])
    expect((await take()).length).toBe(2 + 30)
    expect(done).toEqual(['pause', 'resume'])
  })

  test('of a deployed peer nothing is dropped, also when it has closed its stream by then', async () => {
    const { inbox, done, serve, take } = open()
    const stream = serve(serveCollect)
    for (let index = 1; index <= 5; index += 1) stream.receive(new TextEncoder().encode(`${idOf(index)}{}`))
    stream.endRemote()
    await turn()
    expect(await take()).toEqual([1, 2, 3, 4, 5].map(idOf))
    expect([inbox.counts(), done]).toEqual([{}, ['pause', 'resume']])
  })

  test('of a deployed peer nothing is dropped either when its stream is reset, or did not close in time: it will not send it again', async () => {
    const { inbox, done, serve, take } = open()
    const stream = serve(serveCollect)
    for (let index = 1; index <= 5; index += 1) stream.receive(new TextEncoder().encode(`${idOf(index)}{}`))
    stream.endRemote()
    await turn()
    stream.abort()
    expect(await take()).toEqual([1, 2, 3, 4, 5].map(idOf))
    expect([inbox.counts(), done]).toEqual([{}, ['pause', 'resume']])
  })

  describe('what comes with very much', () => {
    const MANY = Array.from({ length: 300 }, (_, index) => index + 1)
    const messages = new TextEncoder().encode(MANY.map((index) => `${idOf(index)}{}`).join(''))
    const frames = Buffer.concat(MANY.map((index) => good(index)))
    const roomy: HoldingLimits = { strangerBytesMax: 128 * 1_024, knownBytesMax: 0 }

    test.each([
      ['submit', serveSubmit, frames],
      ['collect', serveCollect, messages],
    ] as const)(
      'G7: over a %s stream waits as bytes, which take less than deliveries do, and is taken in its order, also when its peer has ended',
      async (_, how, bytes) => {
        const { inbox, done, serve, take } = open(roomy)
        const stream = serve(how)
        stream.receive(bytes)
        stream.endRemote()
        await turn()
        expect(stream.done).toEqual([])
        expect(await take(600)).toEqual(MANY.map(idOf))
        expect([inbox.counts(), done]).toEqual([{}, ['pause', 'resume']])
      },
    )

    test('over a submit stream is not taken when that is reset: it comes again', async () => {
      const { serve, take } = open(roomy)
      const stream = serve(serveSubmit)
      stream.receive(frames)
      stream.abort()
      expect(await take()).toEqual([1, 2].map(idOf))
    })

    test('over a collect stream is taken all the same when that is reset, and what is cut is let go', async () => {
      const { inbox, serve, take } = open(roomy)
      const stream = serve(serveCollect)
      stream.receive(Buffer.concat([messages, new TextEncoder().encode(`${idOf(301)}{"a":`)]))
      stream.abort()
      expect(await take(600)).toEqual(MANY.map(idOf))
      expect(inbox.counts()).toEqual({})
    })

    test('over a collect stream is counted, each of it, where there is no room', async () => {
      const { inbox, serve, take } = open({ strangerBytesMax: 40 * 1_024, knownBytesMax: 0 })
      const stream = serve(serveCollect)
      stream.receive(Buffer.concat([messages, new TextEncoder().encode(`${idOf(301)}{"a":`)]))
      expect([inbox.counts(), stream.done]).toEqual([{ inbox_full: 299 }, ['abort']])
      expect(await take()).toEqual([1, 2].map(idOf))
    })

    test('G11: over a submit stream whose peer has ended it and is lost then is nothing to hold against the peer, though its last frame is cut by that', async () => {
      const { inbox, serve, take } = open(roomy)
      const stream = serve(serveSubmit)
      stream.receive(frames)
      stream.endRemote()
      stream.abort()
      expect(await take()).toEqual([1, 2].map(idOf))
      expect(inbox.counts()).toEqual({})
    })

    test.each([
      ['submit', serveSubmit, Buffer.concat([frames, good(301).subarray(0, 20)])],
      ['collect', serveCollect, Buffer.concat([messages, new TextEncoder().encode(`${idOf(301)}{"a":`)])],
    ] as const)(
      'G11: over a %s stream is taken all the same when the connection is gone; what that has cut is waited for no more',
      async (_, how, bytes) => {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
        const { inbox, serve, take } = open(roomy)
        const stream = serve(how)
        stream.receive(bytes)
        stream.lose()
        expect(await take(600)).toEqual(MANY.map(idOf))
        expect(vi.getTimerCount()).toBe(0)
        vi.useRealTimers()
        expect([inbox.counts(), stream.done]).toEqual([{}, []])
      },
    )

    test('G7: over a submit stream whose connection is gone counts all the same, until it is taken', async () => {
      const { inbox, serve, take } = open({ strangerBytesMax: 80 * 1_024, knownBytesMax: 0 })
      const large = Buffer.concat(MANY.slice(0, 30).map((index) => good(index, 1_024)))
      for (let index = 0; index < 3; index += 1) {
        const stream = serve(serveSubmit)
        stream.receive(large)
        stream.lose()
      }
      expect(inbox.counts()).toEqual({ inbox_full: 1 })
      expect(await take(600)).toHaveLength(60)
      serve(serveSubmit).receive(good(1, 60 * 1_024).subarray(0, 41 * 1_024))
      expect(inbox.counts()).toEqual({ inbox_full: 1 })
    })

    test('over a stream that has ended, where there is no room, is told so once', async () => {
      const { inbox, serve } = open(roomy)
      const stream = serve(serveSubmit)
      stream.receive(frames)
      stream.endRemote()
      for (let index = 0; index < 3; index += 1) serve(serveSubmit).receive(good(1, 60 * 1_024).subarray(0, 10 * 1_024))
      await turn()
      expect([receiptsOf(stream), inbox.counts()]).toEqual([[' inbox_full'], { inbox_full: 1 }])
    })
  })

  test.each([
    ['submit', serveSubmit, good(3, 100)],
    ['collect', serveCollect, new TextEncoder().encode(`${idOf(3)}{"a":1}`)],
  ] as const)(
    'G11: what has begun on a %s stream has all its time for the rest, also where another stream keeps their connection from being read',
    async (_, how, bytes) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const { inbox, serve, take } = open()
      const [first, second] = [serve(serveCollect), serve(how)]
      second.receive(bytes.subarray(0, 40))
      first.receive(new TextEncoder().encode([4, 5, 6].map((index) => `${idOf(index)}{}`).join('')))
      vi.advanceTimersByTime(15_000)
      await take()
      second.receive(bytes.subarray(40))
      expect([await take(), inbox.counts()]).toEqual([[idOf(3)], {}])
      vi.advanceTimersByTime(10_000)
      expect([vi.getTimerCount(), second.done]).toEqual([0, []])
      vi.useRealTimers()
    },
  )

  test('the connection is read again when none of its streams has anything that waits; one that was reset has not', async () => {
    const { done, serve, take } = open()
    const [first, second] = [serve(serveSubmit), serve(serveSubmit)]
    first.receive(Buffer.concat([1, 2, 3].map((index) => good(index))))
    second.receive(good(4))
    expect(done).toEqual(['pause'])
    first.abort()
    expect(done).toEqual(['pause'])
    second.abort()
    expect(done).toEqual(['pause', 'resume'])
    expect(await take()).toEqual([1, 2].map(idOf))
  })
})

describe('S26, G7: a peer that is told to slow down', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  function open() {
    const inbox = createInbox({ ...INBOX_LIMITS, tokensMax: 1, tokensPerSecond: 0.001 }, () => 0)
    const done: string[] = []
    const connection = { pause: () => void done.push('pause'), resume: () => void done.push('resume') }
    const stream = new ScriptedStream()
    serveSubmit(stream.asStream(), { ...servingOf(inbox), source: createReading(connection)() })
    return { inbox, done, stream }
  }

  test('is not read for ten seconds, whatever it sends; what was read by then is refused in one write', async () => {
    const { inbox, done, stream } = open()
    stream.receive(Buffer.concat([1, 2, 3, 4].map((index) => good(index))))
    await turn()
    expect(receiptsOf(stream)).toEqual([2, 3, 4].map((index) => `${idOf(index)} rate_limited`))
    expect([stream.written.length, inbox.counts()]).toEqual([1, { rate_limited: 3 }])
    await vi.advanceTimersByTimeAsync(9_999)
    expect(done).toEqual(['pause'])
    await vi.advanceTimersByTimeAsync(1)
    expect(done).toEqual(['pause', 'resume'])
    stream.receive(good(5))
    expect([done, inbox.counts()]).toEqual([['pause', 'resume', 'pause'], { rate_limited: 4 }])
  })

  test('is not read either when it resets the stream on which it was told', async () => {
    const { done, stream } = open()
    stream.receive(Buffer.concat([1, 2, 3, 4].map((index) => good(index))))
    stream.lose('reset')
    await vi.advanceTimersByTimeAsync(9_999)
    expect(done).toEqual(['pause'])
    await vi.advanceTimersByTimeAsync(1)
    expect(done).toEqual(['pause', 'resume'])
  })

  test('and whose next frame was cut by that, has all its time for the rest of it', async () => {
    const { inbox, stream } = open()
    stream.receive(Buffer.concat([good(1), good(2), good(3, 100).subarray(0, 50)]))
    await vi.advanceTimersByTimeAsync(10_000)
    stream.receive(good(3, 100).subarray(50))
    expect(inbox.counts()).toEqual({ rate_limited: 2 })
  })
})
