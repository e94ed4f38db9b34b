import { expect, test } from 'vitest'
import { holdBack } from './circuit.ts'
import { ScriptedStream } from './scripted.test-stream.ts'

/** A half of a circuit, which says whether it is read. */
class Half extends ScriptedStream {
  readStatus = 'readable'
  pause(): void {
    this.readStatus = 'paused'
  }
  resume(): void {
    this.readStatus = 'readable'
  }
  override receive(bytes: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: bytes }))
  }
}

test('a half is not read while more waits than the other may hold, and read again as soon as less does', () => {
  const [from, to] = [new Half(), new Half()]
  holdBack(from as never, to as never, 10)
  from.receive(new Uint8Array(6))
  from.receive(new Uint8Array(4))
  expect(from.readStatus).toBe('readable')
  from.receive(new Uint8Array(1))
  expect(from.readStatus).toBe('paused')
  from.receive(new Uint8Array(5))
  to.send(new Uint8Array(5))
  expect(from.readStatus).toBe('paused')
  to.send(new Uint8Array(1))
  expect(from.readStatus).toBe('readable')
  expect([to.written.length, to.readStatus]).toEqual([2, 'readable'])
})

test('a half that is closed is neither paused nor resumed', () => {
  const [from, to] = [new Half(), new Half()]
  holdBack(from as never, to as never, 10)
  from.readStatus = 'closed'
  from.receive(new Uint8Array(20))
  to.send(new Uint8Array(20))
  expect(from.readStatus).toBe('closed')
})
