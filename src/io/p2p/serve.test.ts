import { describe, expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import type { Inbound } from '#io/intake/port.ts'
import { createReceiptReader, encodeDelivery, parseReceipt } from '#wire/submit-frame.ts'
import { createInbox, INBOX_LIMITS, type Inbox } from './inbox.ts'
import { ScriptedStream, turn } from './scripted.test-stream.ts'
import { serveCollect, serveSubmit } from './serve.ts'
import { idOf } from './suite.ts'

/** An inbox that keeps what it is offered. */
function createCatch() {
  const inbox = createInbox(INBOX_LIMITS, () => 0)
  const taken: Inbound[] = []
  return { ...inbox, taken, offer: (inbound: Inbound) => void taken.push(inbound) }
}

const servingOf = (inbox: Inbox) => ({
  sender: { peer: 'peer', address: undefined },
  inbox,
  source: { stop: () => undefined, goOn: () => undefined },
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
    stream.receive(text(bytes))
    await turn()
    expect(inbox.counts()).toEqual({ [code]: 1 })
    expect(inbox.taken).toEqual([])
    expect(stream.done).toEqual(['closeRead', 'close'])
  })
})
