import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BlockNumber, ContractNumber } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { createBeat } from './beat.ts'
import { hashOf } from './scripted.test-node.ts'

const FIRST = 100
/** The clock of whoever asks is years behind that of the chain, which says nothing. */
const BEHIND_MS = 50_000_000

const blockAt = (number: number, timestamp: number, change: Partial<BlockRef> = {}): BlockRef => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: hashOf(`block ${number}`),
  parentHash: hashOf(`block ${number - 1}`),
  timestamp,
  ...change,
})

/** A chain whose blocks come so many seconds after one another, each absent for the last time so many milliseconds after its timestamp. */
function beatOf(
  gaps: readonly number[],
  { lateMs = () => 300, change = () => ({}) }: { lateMs?: (index: number) => number; change?: (index: number) => Partial<BlockRef> } = {},
) {
  const beat = createBeat()
  let timestamp = 1_700_000_000
  for (const [index, gap] of [0, ...gaps].entries()) {
    timestamp += gap
    beat.took(blockAt(FIRST + index, timestamp, change(index)), 1_000 * timestamp + lateMs(index) - BEHIND_MS)
  }
  const nextMs = beat.nextMs()
  return Number.isFinite(nextMs) ? nextMs + BEHIND_MS - 1_000 * timestamp : 'none'
}
const times = (count: number, gap: number): number[] => Array.from({ length: count }, () => gap)

test.each<[string, readonly number[], number | 'none']>([
  ['of two seconds', times(15, 2), 2_300],
  ['of twelve, some of which bring no block', [...times(7, 12), 24, 12, 36, ...times(5, 12)], 12_300],
  ['that is not long enough to be one', times(14, 2), 'none'],
  ['that it keeps now and then only', [...times(14, 2), 3], 'none'],
  ['that it kept before the last sixteen blocks only', [...times(20, 2), ...times(8, 3), ...times(7, 2)], 'none'],
  ['of blocks that share a second', [...times(14, 2), 0], 'none'],
  ['longer than a quarter of a minute', times(15, 16), 'none'],
])('a chain with a beat %s', (_name, gaps, expected) => {
  expect(beatOf(gaps)).toBe(expected)
})

test('the next block is due as soon after its time as the soonest of those before', () => {
  expect(beatOf(times(20, 2), { lateMs: (index) => [900, 40, 700][index % 3] ?? 0 })).toBe(2_040)
})

test('a chain whose contracts see another chain’s number makes blocks on demand, whatever it did', () => {
  expect(beatOf(times(20, 2), { change: (index) => ({ contractNumber: (index + 5) as ContractNumber }) })).toBe('none')
})

test('a block that is not the child of the one before begins anew', () => {
  const rewritten = (at: number) => (index: number) => (index === at ? { parentHash: hashOf('another') } : {})
  expect(beatOf(times(20, 2), { change: rewritten(19) })).toBe('none')
  expect(beatOf(times(34, 2), { change: rewritten(19) })).toBe(2_300)
})

describe('a question at the moment when the next block is due', () => {
  /** After so many blocks of two seconds, whether it may be left out. */
  function passedOver(count: number, lateMs: (index: number) => number = () => 300): readonly boolean[] {
    const beat = createBeat()
    return Array.from({ length: count }, (_, index) => {
      const timestamp = 1_700_000_000 + 2 * index
      beat.took(blockAt(FIRST + index, timestamp), 1_000 * timestamp + lateMs(index) - BEHIND_MS)
      return beat.isPassedOver()
    })
  }

  test('may be left out of a chain with a beat, but for one block of four', () => {
    expect(passedOver(24)).toEqual(Array.from({ length: 24 }, (_, index) => index >= 15 && index % 4 !== 0))
  })

  test('is asked where blocks do not come as if by one clock, and where there is no beat', () => {
    expect(passedOver(40, (index) => 300 + 250 * (index % 2))).not.toContain(true)
    expect(passedOver(15)).not.toContain(true)
  })

  test('that was left out shows nothing: the block came as the one before', () => {
    const left = (index: number): boolean => index >= 16 && (index - 1) % 4 !== 0
    const beat = createBeat()
    for (let index = 0; index < 60; index += 1) {
      const timestamp = 1_700_000_000 + 2 * index
      // Where it was left out, the last question was the one that found the block before.
      beat.took(blockAt(FIRST + index, timestamp), 1_000 * timestamp + (left(index) ? -1_200 : 300) - BEHIND_MS)
      if (index >= 15) expect(beat.nextMs()).toBe(1_000 * (timestamp + 2) + 300 - BEHIND_MS)
    }
  })

  test('that finds the block there shows that blocks come sooner: none is left out until they are steady again', () => {
    expect(passedOver(48, (index) => (index === 25 ? -1_200 : 300)).slice(25, 40)).not.toContain(true)
    expect(passedOver(48, (index) => (index === 25 ? -1_200 : 300)).slice(40)).toContain(true)
  })
})

test('timestamps that run away from the clock are no beat: blocks come sooner than they say', () => {
  expect(beatOf(times(20, 2), { lateMs: (index) => 300 - 200 * index })).toBe('none')
  expect(beatOf(times(20, 2), { lateMs: (index) => 300 - 100 * index })).toBe(300)
})

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

test('whatever a chain says of its blocks, the next one is asked for a quarter of a minute after the last question at the latest', () => {
  /** Mostly by the clock, for otherwise there is no beat; then what a liar may say. */
  const block = fc.record({
    gap: fc.constantFrom(1, 1, 1, 2, 15, 3_600, -5),
    waitedMs: fc.option(fc.nat({ max: 20_000 }), { freq: 9, nil: undefined }),
  })
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 15),
      fc.array(block, { maxLength: 5 }),
      fc.array(fc.nat({ max: 900 }), { minLength: 20, maxLength: 40 }),
      (gap, lies, lateMs) => {
        const beat = createBeat()
        let [timestamp, nowMs] = [1_700_000_000, 0]
        const told = [
          ...lateMs.map((late) => ({ gap, waitedMs: undefined, late })),
          ...lies.map((lie) => ({ ...lie, gap: gap * lie.gap, late: 0 })),
        ]
        for (const [index, { gap: seconds, waitedMs, late }] of told.entries()) {
          timestamp += seconds
          nowMs += waitedMs ?? 1_000 * gap
          beat.took(blockAt(FIRST + index, timestamp), nowMs + late)
          expect(beat.nextMs()).toBeLessThanOrEqual(nowMs + late + 15_000)
        }
      },
    ),
    replay,
  )
})
