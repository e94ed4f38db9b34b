import { describe, expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import { createDeliveryReader, encodeReceipt, parseDelivery } from '#wire/submit-frame.ts'
import { ScriptedConnection, ScriptedStream, turn } from './scripted.test-stream.ts'
import { createSubmitLink } from './submit-link.ts'
import { idOf } from './suite.ts'

function open() {
  const connection = new ScriptedConnection()
  const stream = new ScriptedStream()
  const link = createSubmitLink({ address: '/there', connection: connection.asConnection(), stream: stream.asStream() })
  let isEnded = false
  void link.ended.then(() => {
    isEnded = true
  })
  return { connection, stream, link, isEnded: () => isEnded }
}

const delivery = (index: number) => ({ submissionId: idOf(index), payload: Uint8Array.of(index) })
const receipt = (index: number) => encodeReceipt({ submissionId: idOf(index) as SubmissionId, code: 'accepted', reason: '' })
const failed = (promise: Promise<unknown>, detail: string) =>
  expect(promise).rejects.toMatchObject({ code: 'LINK_FAILED', facts: { address: '/there', detail } })

function deliveriesOf(stream: ScriptedStream): unknown[] {
  const reader = createDeliveryReader()
  return stream.written.flatMap((bytes) => reader.push(bytes)).map((step) => (step.kind === 'frame' ? parseDelivery(step.bytes) : step))
}

describe('a submit link', () => {
  test('sends in order, and each receipt goes to its delivery', async () => {
    const { stream, link } = open()
    const sent = [link.send(delivery(1)), link.send(delivery(2))]
    await turn()
    expect(deliveriesOf(stream)).toEqual([delivery(1), delivery(2)])
    stream.receive(Buffer.concat([receipt(2), receipt(1)]))
    expect(await Promise.all(sent)).toMatchObject([{ submissionId: idOf(1) }, { submissionId: idOf(2) }])
  })

  test('the same id while it waits is one delivery with one receipt; after its receipt it is sent again', async () => {
    const { stream, link } = open()
    const [first, second] = [link.send(delivery(1)), link.send(delivery(1))]
    await turn()
    expect(deliveriesOf(stream)).toHaveLength(1)
    stream.receive(receipt(1))
    expect(await first).toEqual(await second)
    const third = link.send(delivery(1))
    await turn()
    expect(deliveriesOf(stream)).toHaveLength(2)
    stream.receive(receipt(1))
    expect(await third).toMatchObject({ code: 'accepted' })
  })

  test('a receipt that nobody waits for is passed over', async () => {
    const { stream, link, isEnded } = open()
    const sent = link.send(delivery(1))
    stream.receive(Buffer.concat([receipt(9), receipt(1), receipt(1)]))
    expect(await sent).toMatchObject({ code: 'accepted' })
    expect(isEnded()).toBe(false)
  })

  test.each([
    ['bytes that are no receipt', Uint8Array.of(2, 0xff, 0xff)],
    ['a length that is none', Uint8Array.of(0x80, 0x80, 0x80, 0x80)],
    ['a frame over the limit', Uint8Array.of(0xff, 0xff, 0x7f)],
    ['a code that there is not', encodeReceipt({ submissionId: idOf(1) as SubmissionId, code: 'fine' as 'accepted', reason: '' })],
  ])('G7: a peer that sends %s loses the link; what it says afterwards counts for nothing', async (_, bytes) => {
    const { stream, link, connection } = open()
    const outcome = failed(link.send(delivery(1)), 'the peer sent something that is not a receipt')
    stream.receive(Buffer.concat([bytes, receipt(1)]))
    stream.receive(receipt(1))
    await outcome
    await link.ended
    expect(connection.done).toEqual(['abort'])
  })

  test.each<[string, (parts: ReturnType<typeof open>) => void, string]>([
    ['the peer ends its half', ({ stream }) => stream.endRemote(), 'the peer ended the stream'],
    ['the stream is lost', ({ stream }) => stream.abort(), 'the connection was lost'],
  ])('when %s, what waits fails, nothing more is sent, and the connection goes', async (_, end, detail) => {
    const parts = open()
    const outcomes = [failed(parts.link.send(delivery(1)), detail), failed(parts.link.send(delivery(2)), detail)]
    await turn()
    end(parts)
    await Promise.all(outcomes)
    await parts.link.ended
    const { length } = parts.stream.written
    await failed(parts.link.send(delivery(3)), detail)
    await turn()
    expect(parts.stream.written).toHaveLength(length)
    parts.stream.abort()
    expect(parts.connection.done).toEqual(['abort'])
  })

  test('a close writes what was sent before it, then closes, and what waits fails', async () => {
    const { stream, link, connection } = open()
    const outcome = failed(link.send(delivery(1)), 'closed here')
    const closing = link.close()
    expect(deliveriesOf(stream)).toHaveLength(1)
    await closing
    await outcome
    await link.ended
    expect(connection.done[0]).toBe('close')
  })

  test('a peer that does not say goodbye is left by force', async () => {
    const { link, connection } = open()
    connection.closeFails = new Error('timed out')
    await link.close()
    await link.ended
    expect(connection.done.slice(0, 2)).toEqual(['close', 'abort'])
  })
})
