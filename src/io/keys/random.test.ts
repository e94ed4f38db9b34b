import { describe, expect, test } from 'vitest'
import { isSubmissionId } from '#domain/ids.ts'
import { createSeededRandom, systemRandom } from './random.ts'

describe.each([
  ['system', systemRandom],
  ['seeded', createSeededRandom(7)],
] as const)('random: %s', (_name, random) => {
  test('uuids are of version 4, in lower case, and differ', () => {
    const uuids = Array.from({ length: 1_000 }, () => random.uuid())
    expect(uuids.every((uuid) => isSubmissionId(uuid) && uuid === uuid.toLowerCase())).toBe(true)
    expect(new Set(uuids).size).toBe(1_000)
  })

  test('fractions fill [0, 1)', () => {
    const fractions = Array.from({ length: 10_000 }, () => random.fraction())
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true)
    expect([Math.min(...fractions) < 0.01, Math.max(...fractions) > 0.99]).toEqual([true, true])
  })
})

test('a seed repeats its sequence, another one does not', () => {
  const draw = (seed: number) => {
    const random = createSeededRandom(seed)
    return [random.uuid(), random.fraction(), random.uuid()]
  }
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
})
