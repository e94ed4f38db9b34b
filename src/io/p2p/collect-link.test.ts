import { afterEach, describe, expect, test, vi } from 'vitest'
import { encodeCollect } from '#wire/collect-frame.ts'
import { encodeCollectJson, encodeSubmission } from '#wire/submission-proto.ts'
import { createCollectLink } from './collect-link.ts'
import { ScriptedConnection, ScriptedStream, turn } from './scripted.test-stream.ts'
import { idOf, submission } from './suite.ts'

function open() {
  const connection = new ScriptedConnection()
  const first = new ScriptedStream()
  const link = createCollectLink({ address: '/there', connection: connection.asConnection(), stream: first.asStream() })
  return { connection, first, link }
}

const delivery = (index: number) => ({ submissionId: idOf(index), payload: encodeSubmission(submission) })
const bytesOf = (index: number) => encodeCollect(idOf(index), encodeCollectJson(submission))
const failure = (detail: string) => ({ code: 'LINK_FAILED', facts: { address: '/there', detail } })

describe('a collect link', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('each message goes in one write on a stream of its own, which is closed behind it; the stream that is there goes first', async () => {
    const { connection, first, link } = open()
    for (const index of [1, 2, 3]) expect(await link.send(delivery(index))).toBe('unacknowledged')
    const streams = [first, ...connection.opened]
    expect(streams.map(({ written }) => written)).toEqual([[bytesOf(1)], [bytesOf(2)], [bytesOf(3)]])
    expect(streams.map(({ done }) => done)).toEqual(streams.map(() => ['send', 'close']))
    expect(connection.opened.map(({ protocol }) => protocol)).toEqual(['/collect', '/collect'])
  })

  test('a first stream that is gone by then is not written on', async () => {
    const { connection, first, link } = open()
    first.abort()
    await link.send(delivery(1))
    expect([first.written.length, connection.opened.length]).toEqual([0, 1])
  })

  test('unacknowledged is said only when the stream is closed behind the message', async () => {
    const { first, link } = open()
    const closed = Promise.withResolvers<void>()
    first.closing = closed.promise
    let isSaid = false
    const sending = link.send(delivery(1)).then(() => {
      isSaid = true
    })
    await turn()
    expect([first.written.length, isSaid]).toEqual([1, false])
    closed.resolve()
    await sending
  })

  test('G7: sixteen are written at once; each that is done, well or badly, lets the next go', async () => {
    const { connection, link, first } = open()
    const gates: PromiseWithResolvers<void>[] = []
    const gate = (stream: ScriptedStream) => {
      const closed = Promise.withResolvers<void>()
      gates.push(closed)
      stream.closing = closed.promise
    }
    gate(first)
    connection.prepare = gate
    const sending = Array.from({ length: 40 }, (_, index) => link.send(delivery(index)).catch(() => 'failed'))
    await turn()
    expect(gates).toHaveLength(16)
    gates[0]?.reject(new Error('reset'))
    await turn()
    expect(gates).toHaveLength(17)
    for (let index = 1; index < 40; index += 1) {
      gates[index]?.resolve()
      await turn()
      expect(gates.length).toBeLessThanOrEqual(index + 17)
    }
    const outcomes = await Promise.all(sending)
    expect(outcomes.filter((outcome) => outcome === 'unacknowledged')).toHaveLength(39)
    const written = [first, ...connection.opened].map((stream) => stream.written[0])
    expect(written).toEqual(Array.from({ length: 40 }, (_, index) => bytesOf(index)))
    // Every place is free again.
    const later = Array.from({ length: 16 }, (_, index) => link.send(delivery(index)))
    await turn()
    expect(gates).toHaveLength(56)
    for (const { resolve } of gates) resolve()
    await Promise.all(later)
  })

  test('what cannot be written is LINK_FAILED, and so is all that comes after the connection is lost', async () => {
    const { connection, first, link } = open()
    first.sendFails = new Error('reset by peer')
    await expect(link.send(delivery(1))).rejects.toMatchObject(failure('reset by peer'))
    connection.newStreamFails = new Error('no stream')
    await expect(link.send(delivery(2))).rejects.toMatchObject(failure('no stream'))
    connection.newStreamFails = undefined
    expect(await link.send(delivery(3))).toBe('unacknowledged')
    connection.end()
    await link.ended
    await expect(link.send(delivery(4))).rejects.toMatchObject(failure('the connection was lost'))
  })

  test('what a deployed listener could not read is refused here, and written nowhere', async () => {
    const { connection, first, link } = open()
    expect(await link.send({ submissionId: idOf(1), payload: Uint8Array.of(1) })).toEqual({
      submissionId: idOf(1),
      code: 'submission_malformed',
      reason: '',
    })
    /** A message of this many bytes. */
    const sized = (bytes: number) => {
      const missing = bytes - bytesOf(1).length
      return { submissionId: idOf(1), payload: encodeSubmission({ ...submission, request: lengthened(missing) }) }
    }
    expect(await link.send(sized(1_025))).toMatchObject({ submissionId: idOf(1), code: 'frame_oversized' })
    expect([first.written.length, connection.opened.length]).toEqual([0, 0])
    expect(await link.send(sized(1_024))).toBe('unacknowledged')
    expect(first.written[0]).toHaveLength(1_024)
  })

  test('G7: a listener that keeps the stream is cut off after a while; one that closes it is left alone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { connection, first, link } = open()
    await link.send(delivery(1))
    connection.prepare = (stream) => {
      stream.closing = new Promise(() => undefined)
    }
    void link.send(delivery(2)).catch(() => undefined)
    await turn()
    vi.advanceTimersByTime(4_999)
    expect(connection.opened[0]?.done).toEqual(['send', 'close'])
    vi.advanceTimersByTime(1)
    expect(connection.opened[0]?.done).toEqual(['send', 'close', 'abort'])
    expect(first.done).toEqual(['send', 'close'])
  })

  test('a close ends the stream that was never used without writing on it, and the connection', async () => {
    const { connection, first, link } = open()
    await link.close()
    await link.ended
    expect(first.done).toEqual(['abort'])
    expect(connection.done).toEqual(['close'])
  })

  test('a peer that does not say goodbye is left by force', async () => {
    const { connection, link } = open()
    connection.closeFails = new Error('timed out')
    await link.close()
    await link.ended
    expect(connection.done).toEqual(['close', 'abort'])
  })
})

/** The same request with fields that make this many bytes more of JSON, which writes each quotation mark as two. */
function lengthened(bytes: number) {
  const { request } = submission
  const first = 252
  const second = bytes - 2 * first
  return {
    ...request,
    projectId: (request.projectId + '"'.repeat(first)) as typeof request.projectId,
    snapshotCid: (request.snapshotCid + '"'.repeat(second / 2) + 'y'.repeat(second % 2)) as typeof request.snapshotCid,
  }
}
