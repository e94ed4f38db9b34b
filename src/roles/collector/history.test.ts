import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHistory } from './history.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

const keyOf = (epoch: number, slot: number, project: string): string =>
  `out\t${String(epoch).padStart(16, '0')}\t0xabc\t${slot}\t${project}\tbafy${project}`
const forgottenOf = (history: ReturnType<typeof createHistory>) => history.trim().map(({ key }) => key)

test('C2: the oldest are forgotten first, whatever they have in common, under the keys that they came with', () => {
  const history = createHistory(2)
  const keys = [keyOf(1, 7, 'a'), keyOf(1, 8, 'b'), keyOf(1, 8, 'a'), keyOf(2, 7, 'a'), keyOf(1, 18, 'a')]
  for (const key of keys) history.add(key)
  expect(forgottenOf(history)).toEqual(keys.slice(0, 3))
  expect(forgottenOf(history)).toEqual([])
})

const ACTS = fc.array(
  fc.record({ key: fc.tuple(fc.nat(2), fc.nat(12), fc.constantFrom('a', 'b')).map((parts) => keyOf(...parts)), isAdded: fc.boolean() }),
  { maxLength: 60 },
)

test('C2: whatever comes and goes, it is as a list of the keys themselves', () => {
  fc.assert(
    fc.property(ACTS, fc.nat(5), (acts, finishedMax) => {
      const history = createHistory(finishedMax)
      const listed = new Set<string>()
      for (const { key, isAdded } of acts) {
        if (isAdded) history.add(key)
        else history.remove(key)
        if (isAdded) listed.add(key)
        else listed.delete(key)
        const oldest = [...listed].slice(0, Math.max(0, listed.size - finishedMax))
        expect(forgottenOf(history)).toEqual(oldest)
        for (const each of oldest) listed.delete(each)
        for (const act of acts) expect(history.has(act.key)).toBe(listed.has(act.key))
      }
    }),
    replay,
  )
})
