import { describe, expect, test } from 'vitest'
import { holdBack, holdBackCircuits } from './circuit.ts'
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

describe('a relay server', () => {
  /** As libp2p makes it: what it registers at its start is its own, bound. */
  function createServer(steps: object) {
    const far = new Half()
    const server = Object.create({
      async onHop(this: { stopHop(): Promise<Half> }) {
        await this.stopHop()
      },
      stopHop: async () => far,
      ...steps,
    })
    server.onHop = server.onHop?.bind(server)
    return { server, far }
  }

  test('R5: holds back both directions of a circuit from its start on', async () => {
    const { server, far } = createServer({})
    holdBackCircuits(server, 10)
    const registered = server.onHop
    const near = new Half()
    await registered(near, {})
    near.receive(new Uint8Array(11))
    expect([near.readStatus, far.readStatus]).toEqual(['paused', 'readable'])
    far.receive(new Uint8Array(11))
    expect(far.readStatus).toBe('paused')
  })

  test('R5: goes on without a circuit when the far peer does not take it', async () => {
    const { server } = createServer({ stopHop: async () => undefined })
    holdBackCircuits(server, 10)
    const near = new Half()
    await server.onHop(near, {})
    near.receive(new Uint8Array(11))
    expect(near.readStatus).toBe('readable')
  })

  test.each(['onHop', 'stopHop'])('R5: that lacks %s is refused, since nothing would be held back', (name) => {
    expect(() => holdBackCircuits(createServer({ [name]: undefined }).server, 10)).toThrow(`has no ${name}`)
  })
})
