import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHeap } from './heap.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

test('a heap gives what was put in, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = createHeap<number>((left, right) => left < right)
      for (const number of numbers) heap.push(number)
      const taken: number[] = []
      for (let item = heap.pop(); item !== undefined; item = heap.pop()) taken.push(item)
      expect(taken).toEqual(numbers.toSorted((left, right) => left - right))
      expect(heap.size()).toBe(0)
    }),
    replay,
  )
})
