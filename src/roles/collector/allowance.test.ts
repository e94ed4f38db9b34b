import { beforeEach, describe, expect, test } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import { type Allowance, createAllowance, type Flight } from './allowance.ts'

describe('C19: what may be under way', () => {
  let clock = createVirtualClock()
  let allowance: Allowance = createAllowance(100, clock)
  beforeEach(() => {
    clock = createVirtualClock()
    allowance = createAllowance(100, clock)
  })

  const send = (count: number): Flight[] => Array.from({ length: count }, () => allowance.begin())
  /** All of them have their receipts after so long. */
  async function answer(flights: readonly Flight[], afterMs: number, code: Parameters<Flight['answered']>[0] = 'accepted'): Promise<void> {
    await clock.advance(afterMs)
    for (const flight of flights) {
      flight.answered(code)
      flight.end()
    }
  }

  test('is all there is room for, while receipts come as soon as they can', async () => {
    for (const wayMs of [20, 30, 260, 20]) await answer(send(100), wayMs)
    expect([allowance.room(), allowance.isPressed()]).toEqual([100, false])
  })

  test('is half of what was, each time that receipts come late, once for all that were sent together; and never less than goes in one write', async () => {
    await answer(send(100), 20)
    const rooms: number[] = []
    for (let round = 0; round < 8; round += 1) {
      await answer(send(allowance.room()), 400)
      rooms.push(allowance.room())
    }
    expect([rooms, allowance.isPressed()]).toEqual([[50, 25, 12, 6, 4, 4, 4, 4], true])
  })

  test.each([1, 3, 4])(
    'is %i at all times where it is no more than goes in one write; that it was held back is known until a receipt comes soon',
    async (most) => {
      allowance = createAllowance(most, clock)
      await answer(send(most), 20)
      expect(allowance.isPressed()).toBe(false)
      await answer(send(most), 400)
      expect([allowance.room(), allowance.isPressed()]).toEqual([most, true])
      await answer(send(1), 20)
      expect([allowance.room(), allowance.isPressed()]).toEqual([most, false])
    },
  )

  test('is half of what there was to send, where that was less', async () => {
    await answer(send(20), 20)
    await answer(send(20), 400)
    expect(allowance.room()).toBe(10)
  })

  test('doubles with each round of receipts that come soon again, up to all', async () => {
    await answer(send(8), 20)
    await answer(send(8), 400)
    const rooms: number[] = []
    for (let round = 0; round < 6; round += 1) {
      await answer(send(allowance.room()), 20)
      rooms.push(allowance.room())
    }
    expect([rooms, allowance.isPressed()]).toEqual([[8, 16, 32, 64, 100, 100], false])
  })

  test('is no more while the first under way is late, and again what it was when its receipt is there', async () => {
    await answer(send(10), 20)
    const [late, other] = send(2) as [Flight, Flight]
    await clock.advance(270)
    expect(allowance.room()).toBe(98)
    await clock.advance(1)
    expect(allowance.room()).toBe(0)
    await answer([late, other], 0)
    expect(allowance.room()).toBe(4)
  })

  test('waits for none whose receipt is behind that of a later one', async () => {
    await answer(send(10), 20)
    const [lost] = send(1) as [Flight]
    await clock.advance(10)
    await answer(send(1), 20)
    await clock.advance(10_000)
    expect(allowance.room()).toBe(99)
    lost.end()
    expect(allowance.room()).toBe(100)
  })

  test('is not judged by how far away the sequencer is, up to half a second', async () => {
    for (let round = 0; round < 5; round += 1) await answer(send(100), 500)
    expect(allowance.isPressed()).toBe(false)
    await answer(send(100), 751)
    expect(allowance.isPressed()).toBe(true)
  })

  test('is measured anew when the way has become longer for good', async () => {
    await answer(send(1), 20)
    await answer(send(1), 450)
    expect(allowance.isPressed()).toBe(true)
    await clock.advance(400_000)
    await answer(send(99), 450)
    expect(allowance.isPressed()).toBe(false)
  })

  test.each(['inbox_full', 'rate_limited', 'window_closed'] as const)('is less when the sequencer says %s, however soon', async (code) => {
    await answer(send(100), 20, code)
    expect(allowance.room()).toBe(50)
  })

  test('is not less for any other refusal, nor for a link that failed', async () => {
    await answer(send(50), 20, 'header_unknown')
    const cut = send(50)
    await clock.advance(200)
    for (const flight of cut) flight.end()
    expect([allowance.room(), allowance.isPressed()]).toEqual([100, false])
  })

  test('over another link is not held up by what hangs on the one before, and is not judged by it', async () => {
    await answer(send(10), 20)
    const hanging = send(10)
    await clock.advance(5_000)
    expect(allowance.room()).toBe(0)
    allowance.renew()
    expect(allowance.room()).toBe(90)
    await answer(hanging, 5_000)
    await answer(send(100), 700)
    expect([allowance.room(), allowance.isPressed()]).toEqual([100, false])
  })
})
