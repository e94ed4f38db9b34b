import { describe, expect, test, vi } from 'vitest'
import { closeWithin } from './ending.ts'
import { openStream, receivedBy } from './lean.test-world.ts'
import { running } from './running.test-world.ts'
import { ScriptedStream } from './scripted.test-stream.ts'

const nodes = running()

describe('our side of a stream', () => {
  test('is ended, and the stream is there for as long as the peer keeps its own, which is not for ever', async () => {
    const { there } = await openStream(nodes)
    const stream = receivedBy(there, '/test/1.0.0')
    const [connection] = there.getConnections()
    await stream.closeRead()
    await closeWithin(stream, 50)
    expect([stream.status, stream.writeStatus]).toEqual(['open', 'closed'])
    expect(connection?.streams).toContain(stream)
    await vi.waitUntil(() => stream.status === 'aborted')
    expect(connection?.streams).not.toContain(stream)
  })

  test('is ended for good where the peer ends its own, and nothing is left of the waiting', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const stream = new ScriptedStream()
    await closeWithin(stream.asStream(), 50)
    expect([stream.done, vi.getTimerCount()]).toEqual([['close'], 0])
    vi.useRealTimers()
  })

  test('rejects when what was written is not sent in time, and the stream is reset', async () => {
    const { there } = await openStream(nodes)
    const stream = receivedBy(there, '/test/1.0.0')
    for (let count = 0; count < 64; count += 1) stream.send(new Uint8Array(64 * 1024))
    await expect(closeWithin(stream, 20)).rejects.toThrow()
    expect(stream.status).toBe('aborted')
  })
})
