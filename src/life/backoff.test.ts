import { expect, test } from 'vitest'
import { createSeededRandom } from '#io/keys/random.ts'
import { pauseMs } from './backoff.ts'

test.each([
  [1, 200],
  [2, 400],
  [3, 800],
  [4, 1_600],
  [5, 2_000],
  [1_000, 2_000],
])('C9: after %i attempts it is at most %i ms, and at least half of it', (attempts, fullMs) => {
  const at = (fraction: number) => pauseMs({ firstMs: 200, lastMs: 2_000 }, attempts, { fraction: () => fraction })
  expect([at(0), at(0.5), at(1)]).toEqual([fullMs / 2, fullMs * 0.75, fullMs])
})

test('C9: whatever chance says, no pause is longer than the last one, none is shorter than half the first', () => {
  const random = createSeededRandom(1)
  const below = (limit: number) => 1 + Math.floor(random.fraction() * limit)
  for (let run = 0; run < 10_000; run += 1) {
    const backoff = { firstMs: below(1_000), lastMs: below(60_000) }
    const attempts = below(100)
    const pause = pauseMs(backoff, attempts, random)
    const facts = { ...backoff, attempts, pause }
    expect(pause, JSON.stringify(facts)).toBeLessThanOrEqual(backoff.lastMs)
    expect(pause, JSON.stringify(facts)).toBeGreaterThanOrEqual(Math.min(backoff.firstMs, backoff.lastMs) / 2)
  }
})

test('C9: those who failed together do not return together', () => {
  const random = createSeededRandom(2)
  const pauses = Array.from({ length: 100 }, () => pauseMs({ firstMs: 1_000, lastMs: 10_000 }, 4, random))
  expect(new Set(pauses).size).toBeGreaterThan(90)
})

test('the first pause may be longer than the last: then the last counts', () => {
  expect(pauseMs({ firstMs: 50_000, lastMs: 30_000 }, 1, { fraction: () => 1 })).toBe(30_000)
})
