import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMemory } from './memory.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

test('G7: so many are remembered; of more, the one that was put longest ago is forgotten and no other', () => {
  const memory = createMemory<number>(3)
  for (const [value, holder] of ['a', 'b', 'c', 'a', 'd'].entries()) memory.put(holder, value)
  expect(['a', 'b', 'c', 'd'].map(memory.get)).toEqual([3, undefined, 2, 4])
})

test('whatever is put, asked and deleted: what is remembered is what a map in that order has', () => {
  const action = fc.record({ kind: fc.constantFrom('put', 'put', 'delete'), holder: fc.constantFrom(...'abcdefgh') })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const memory = createMemory<number>(4)
      const map = new Map<string, number>()
      for (const [value, { kind, holder }] of actions.entries()) {
        map.delete(holder)
        if (kind === 'put') {
          const [oldest] = map.keys()
          if (map.size === 4 && oldest !== undefined) map.delete(oldest)
          map.set(holder, value)
          memory.put(holder, value)
        } else memory.delete(holder)
        for (const each of 'abcdefgh') expect(memory.get(each)).toBe(map.get(each))
      }
    }),
    replay,
  )
})
