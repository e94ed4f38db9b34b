import { describe, expect, test } from 'vitest'
import { createVirtualClock, expectingPauses } from './fake.ts'
import { clockSuite } from './suite.ts'

clockSuite('virtual', () => {
  const clock = createVirtualClock()
  return { clock, pass: (durationMs) => clock.advance(durationMs) }
})

describe('virtual clock', () => {
  test('an hour of polling takes no time', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const stop = new AbortController()
    let polls = 0
    const polling = (async () => {
      for (;;) {
        await clock.sleep(1_000, stop.signal)
        polls += 1
      }
    })().catch((cause: unknown) => cause)
    await clock.runUntil(() => polls === 3_600, { limitMs: 3_600_000 })
    expect(clock.nowMs()).toBe(3_600_000)
    stop.abort('done')
    expect(await polling).toBe('done')
  })

  test('two pollers interleave by due time', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const seen: string[] = []
    const poll = async (name: string, everyMs: number) => {
      for (let round = 0; round < 3; round += 1) {
        await clock.sleep(everyMs)
        seen.push(`${name}${clock.nowMs()}`)
      }
    }
    await clock.runUntil(Promise.all([poll('a', 20), poll('b', 30)]), { limitMs: 1_000 })
    expect(seen).toEqual(['a20', 'b30', 'a40', 'b60', 'a60', 'b90'])
  })

  test('what a timer starts comes before the next one, and timers of one instant fire in the order they were set', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const seen: string[] = []
    const mark = (name: string) => () => void seen.push(`${name}${clock.nowMs()}`)
    void clock.sleep(10).then(async () => {
      mark('a')()
      await clock.sleep(5)
      mark('c')()
    })
    void clock.sleep(10).then(mark('b'))
    void clock.sleep(20).then(mark('d'))
    void clock.sleep(15).then(mark('e'))
    await clock.advance(30)
    expect(seen).toEqual(['a10', 'b10', 'e15', 'c15', 'd20'])
    expect(clock.nowMs()).toBe(30)
  })

  test('an aborted sleep leaves no timer behind', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const stop = new AbortController()
    const slept = clock.sleep(50, stop.signal).catch(() => 'aborted')
    void clock.sleep(5).then(() => stop.abort())
    expect(await clock.runUntil(slept, { limitMs: 100 })).toBe('aborted')
    expect(clock.nowMs()).toBe(5)
    await expect(clock.runUntil(() => false, { limitMs: 1 })).rejects.toThrow('no timer is left')
  })

  test('work that takes several turns of the event loop is done before time moves on', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    const seen: number[] = []
    void clock.sleep(10).then(async () => {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      seen.push(clock.nowMs())
    })
    void clock.sleep(11).then(() => seen.push(clock.nowMs()))
    await clock.advance(20)
    expect(seen).toEqual([10, 11])
  })

  test('a goal is looked at before time moves, and the limit is reached in full', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    await clock.runUntil(() => true, { limitMs: 0 })
    let isAwake = false
    void clock.sleep(10).then(() => {
      isAwake = true
    })
    await clock.runUntil(async () => isAwake, { limitMs: 10 })
    expect(clock.nowMs()).toBe(10)
  })

  test('returns the value of the promise and throws its reason', async () => {
    const clock = createVirtualClock()
    expect(
      await clock.runUntil(
        clock.sleep(5).then(() => 7),
        { limitMs: 10 },
      ),
    ).toBe(7)
    await expect(
      clock.runUntil(
        clock.sleep(5).then(() => Promise.reject(new Error('no'))),
        { limitMs: 10 },
      ),
    ).rejects.toThrow('no')
  })

  test('says when the limit passes first', async () => {
    const clock = createVirtualClock()
    void clock.sleep(50)
    await expect(clock.runUntil(() => false, { limitMs: 10 })).rejects.toThrow('not reached within 10 ms')
  })

  test('says when nothing is left that could happen', async () => {
    const clock = createVirtualClock()
    await expect(clock.runUntil(() => false, { limitMs: 10 })).rejects.toThrow('no timer is left')
  })

  test('advance stops exactly at its end', async () => {
    const clock = createVirtualClock({ startMs: 0 })
    let isAwake = false
    void clock.sleep(11).then(() => {
      isAwake = true
    })
    await clock.advance(10)
    expect([clock.nowMs(), isAwake]).toEqual([10, false])
    await clock.advance(1)
    expect([clock.nowMs(), isAwake]).toEqual([11, true])
  })
})

test('what goes round without a pause is stopped, what pauses may go on', () => {
  let nowMs = 0
  const seen: string[] = []
  const report = expectingPauses({ nowMs: () => nowMs }, (event: string) => void seen.push(event))
  for (let round = 0; round < 3; round += 1) {
    for (let event = 0; event < 10_000; event += 1) report('again')
    nowMs += 1
  }
  expect(seen).toHaveLength(30_000)
  for (let event = 0; event < 10_000; event += 1) report('again')
  expect(() => report('the last')).toThrow('the last')
})
