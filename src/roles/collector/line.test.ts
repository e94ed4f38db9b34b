import { beforeEach, describe, expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createLine, type Line, type Waiter } from './line.ts'

describe('a line', () => {
  let clock = createVirtualClock()
  let line: Line<Waiter> = createLine(clock)
  let orders = 0
  beforeEach(() => {
    clock = createVirtualClock()
    line = createLine(clock)
    orders = 0
  })

  function push(epochId: number, delayMs = 0): Waiter {
    orders += 1
    const waiter: Waiter = { epochId: epochId as EpochId, order: orders, dueMs: clock.nowMs() + delayMs, place: 'ready' }
    line.push(waiter, delayMs)
    return waiter
  }
  /** Epoch and order of all that is taken. */
  function takeAll(isOver?: (epochId: EpochId) => boolean): [number, number][] {
    const taken: [number, number][] = []
    for (let next = line.take(isOver); next !== undefined; next = line.take(isOver)) taken.push([next.epochId, next.order])
    return taken
  }
  const none = () => false

  test('C4: the epoch that closes first, then the order of acceptance', () => {
    for (const epochId of [7, 5, 7, 6, 5]) push(epochId)
    expect(takeAll()).toEqual([
      [5, 2],
      [5, 5],
      [6, 4],
      [7, 1],
      [7, 3],
    ])
  })

  test('C19: where not all can be sent, the newest epoch, and in it the order of acceptance', () => {
    for (const epochId of [7, 5, 7, 6, 5]) push(epochId)
    expect(takeAll(none)).toEqual([
      [7, 1],
      [7, 3],
      [6, 4],
      [5, 2],
      [5, 5],
    ])
  })

  test('C19: there nothing is sent whose window is over, until it is open again or all can be sent', () => {
    for (const epochId of [5, 6, 7]) push(epochId)
    expect(takeAll((epochId) => epochId <= 6)).toEqual([[7, 3]])
    expect(takeAll((epochId) => epochId <= 5)).toEqual([[6, 2]])
    expect(takeAll()).toEqual([[5, 1]])
  })

  test('what has left is not taken, and holds up nothing', () => {
    const [first, second] = [push(5), push(5)]
    const [only, last] = [push(7), push(6, 10)]
    line.leave(only)
    line.leave(first)
    line.leave(last)
    expect(line.take(none)).toBe(second)
    line.leave(second)
    expect([takeAll(), takeAll(none)]).toEqual([[], []])
  })

  test('what comes back goes before what was accepted later, in its epoch; and what is to wait is there when it is due', async () => {
    const [first] = [push(5), push(5)]
    expect(line.take()).toBe(first)
    line.push(first, 0)
    expect(takeAll()).toEqual([
      [5, 1],
      [5, 2],
    ])
    const waiting = push(4, 1_000)
    push(5)
    expect([takeAll(), line.nextDueMs()]).toEqual([[[5, 4]], waiting.dueMs])
    await clock.advance(1_000)
    expect([takeAll(none), waiting.place]).toEqual([[[4, 3]], 'in flight'])
  })
})
