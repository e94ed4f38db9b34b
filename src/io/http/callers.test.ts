import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { expect, test, vi } from 'vitest'
import { createCallers } from './callers.ts'
import { limitPerAddress } from './gate.ts'

/** Who counts as one: whoever has an IPv6 address has 2^64 of them. */

const [ONE, SAME, OTHER] = ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:3::1']

test('G7: all addresses that somebody has at once have one share of the questions', () => {
  const limits = { tokensPerSecond: 1, tokensMax: 1 }
  const callers = createCallers({ keys: [], perAddress: limits, perKey: limits }, () => 0)
  const admit = (remoteAddress: string) => callers.admit({ socket: { remoteAddress }, headers: {} } as IncomingMessage).name
  expect(admit(ONE)).toBe('2001:db8:1:2')
  expect(() => admit(SAME)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }))
  expect(admit(OTHER)).toBe('2001:db8:1:3')
})

test('G11: all addresses that somebody has at once have one share of the connections', () => {
  const server = new EventEmitter()
  limitPerAddress(server as Server, 1)
  const isClosed = [ONE, SAME, OTHER].map((remoteAddress) => {
    const destroy = vi.fn()
    server.emit('connection', Object.assign(new EventEmitter(), { remoteAddress, destroy }))
    return destroy.mock.calls.length > 0
  })
  expect(isClosed).toEqual([false, true, false])
})
