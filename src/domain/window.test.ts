import { describe, expect, test } from 'vitest'
import type { BlockNumber, ContractNumber } from './ids.ts'
import {
  isAttestationWindowOver,
  isInWindow,
  isLongOver,
  isPastWindow,
  isSettled,
  isWindowOpen,
  lastAttestationBlock,
  lastAttestationBlockOfAll,
  lastBatchBlock,
  oldestReleaseAttestedIn,
  oldestReleaseBatchedIn,
  oldestReleaseCorrectedIn,
  shareUsed,
  windowOf,
} from './window.ts'

const at = (number: number, timestamp: number) => ({ number: number as BlockNumber, contractNumber: number as ContractNumber, timestamp })

describe('in blocks', () => {
  const window = windowOf({ release: at(100, 1_000), unit: 'blocks', length: 10 })
  test.each([
    [99, false, false],
    [100, true, false],
    [110, true, false],
    [111, false, true],
  ])('block %i: inside %s, past %s', (number, inside, past) => {
    const block = at(number, 999_999)
    expect([isInWindow(window, block), isWindowOpen(window, block), isPastWindow(window, block)]).toEqual([inside, inside, past])
  })
})

describe('S34: where contracts see another number than blocks have', () => {
  const seen = (number: number, contractNumber: number) => ({ ...at(number, 1_000), contractNumber: contractNumber as ContractNumber })
  const window = windowOf({ release: seen(500, 100), unit: 'blocks', length: 10 })
  test.each([
    [499, 100, false, false],
    [500, 100, true, false],
    [505, 103, true, false],
    [9_999, 110, true, false],
    [511, 111, false, true],
  ])('block %i, in which they see %i: inside %s, past %s', (number, contractNumber, inside, past) => {
    const block = seen(number, contractNumber)
    expect([isInWindow(window, block), isPastWindow(window, block)]).toEqual([inside, past])
  })

  test('what has passed is counted in that', () => {
    expect(shareUsed(window, seen(501, 105))).toBe(0.5)
  })
})

test.each([
  ['blocks', 105, 9_999, 0.5],
  ['blocks', 111, 9_999, 1.1],
  ['seconds', 9_999, 1_004, 0.4],
] as const)('how much of it has passed, in %s', (unit, number, timestamp, share) => {
  expect(shareUsed(windowOf({ release: at(100, 1_000), unit, length: 10 }), at(number, timestamp))).toBe(share)
})

describe('in seconds', () => {
  const window = windowOf({ release: at(100, 1_000), unit: 'seconds', length: 30 })
  test.each([
    [99, 1_000, false, false],
    [100, 1_000, true, false],
    [5_000, 1_030, true, false],
    [101, 1_031, false, true],
  ])('block %i at %i s: inside %s, past %s', (number, timestamp, inside, past) => {
    expect([isInWindow(window, at(number, timestamp)), isPastWindow(window, at(number, timestamp))]).toEqual([inside, past])
  })
})

describe('the windows of batches and attestations', () => {
  const market = { batchWindowBlocks: 40, attestationWindowBlocks: 60 }
  const block = (number: number) => number as ContractNumber

  test('have their last block inside', () => {
    expect([lastBatchBlock(block(100), market), lastAttestationBlock(block(100), market)]).toEqual([140, 160])
    expect(lastAttestationBlockOfAll(block(100), market)).toBe(340)
    expect([159, 160, 161].map((head) => isAttestationWindowOver(block(100), block(head), market))).toEqual([false, false, true])
  })

  test.each([0, 39, 40, 59, 60, 61, 1_000])('looking back from block %i, the oldest release is the first that reaches it', (number) => {
    const releases = Array.from({ length: number + 1 }, (_, release) => block(release))
    expect(oldestReleaseBatchedIn(block(number), market)).toBe(releases.find((release) => lastBatchBlock(release, market) >= number))
    expect(oldestReleaseAttestedIn(block(number), market)).toBe(
      releases.find((release) => !isAttestationWindowOver(release, block(number), market)),
    )
  })

  test.each([0, 239, 240, 241, 1_000])(
    'looking back from block %i, corrected batches belong to what is not settled before it',
    (number) => {
      const releases = Array.from({ length: number + 1 }, (_, release) => block(release))
      expect(oldestReleaseCorrectedIn(block(number), market)).toBe(releases.find((release) => !isSettled(release, block(number), market)))
    },
  )

  test.each([market, { batchWindowBlocks: 60, attestationWindowBlocks: 40 }])(
    'and three rounds after the first, then all is settled: %o',
    (windows) => {
      const last = 100 + 4 * 60
      expect([last, last + 1].map((head) => isSettled(block(100), block(head), windows))).toEqual([false, true])
    },
  )
})

test('an epoch is long over after twice all rounds that the contract may open, and a thousand blocks', () => {
  const isOver = (head: number) => isLongOver(100 as ContractNumber, head as ContractNumber, { attestationWindowBlocks: 60 })
  expect([isOver(100 + 2 * 4 * 60 + 1_000), isOver(100 + 2 * 4 * 60 + 1_001)]).toEqual([false, true])
})
