import { describe, expect, test } from 'vitest'
import { ScriptedStream, turn } from './scripted.test-stream.ts'
import { createTickWriter } from './tick-writer.ts'

describe('the tick writer', () => {
  test('writes once a turn what came together in it, in order, and nothing twice', async () => {
    const stream = new ScriptedStream()
    const writer = createTickWriter(stream)
    writer.write(Uint8Array.of(1, 2))
    writer.write(Uint8Array.of(3))
    expect(stream.written).toEqual([])
    await turn()
    expect(stream.written).toEqual([Uint8Array.of(1, 2, 3)])
    writer.write(Uint8Array.of(4))
    await turn()
    await turn()
    expect(stream.written).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4)])
  })

  test('a flush writes at once, and the turn has nothing left; what comes after it has its turn', async () => {
    const stream = new ScriptedStream()
    const writer = createTickWriter(stream)
    writer.write(Uint8Array.of(1))
    writer.flush()
    expect(stream.written).toEqual([Uint8Array.of(1)])
    writer.flush()
    writer.write(Uint8Array.of(2))
    await turn()
    await turn()
    expect(stream.written).toEqual([Uint8Array.of(1), Uint8Array.of(2)])
  })

  test('a failed write resets the stream and throws nowhere', async () => {
    const stream = new ScriptedStream()
    stream.sendFails = new Error('reset by peer')
    const writer = createTickWriter(stream)
    writer.write(Uint8Array.of(1))
    await turn()
    expect(stream.done).toEqual(['abort'])
  })

  test('nor does a flush throw that fails', () => {
    const stream = new ScriptedStream()
    stream.sendFails = new Error('reset by peer')
    const writer = createTickWriter(stream)
    writer.write(Uint8Array.of(1))
    expect(() => writer.flush()).not.toThrow()
    expect(stream.done).toEqual(['abort'])
  })

  test('to a stream that takes no more nothing is written, nor kept for later', async () => {
    const stream = new ScriptedStream()
    stream.writeStatus = 'closed'
    const writer = createTickWriter(stream)
    writer.write(Uint8Array.of(1))
    await turn()
    stream.writeStatus = 'writable'
    writer.write(Uint8Array.of(2))
    await turn()
    expect(stream.written).toEqual([Uint8Array.of(2)])
    expect(stream.done).toEqual(['send'])
  })
})
