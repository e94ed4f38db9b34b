import fc from 'fast-check'
import { expect, test } from 'vitest'
import { append, type Linked, type List, remove } from './list.ts'

interface Item extends Linked<Item> {
  readonly name: number
}

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }

test('an item is put at the end and leaves from wherever it stands; the others keep their order, in both directions', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (names) => {
      const list: List<Item> = { first: undefined, last: undefined }
      const items = Array.from({ length: 6 }, (_, name): Item => ({ name, before: undefined, after: undefined }))
      let standing: Item[] = []
      for (const name of names) {
        const item = items[name] as Item
        if (standing.includes(item)) {
          remove(list, item)
          standing = standing.filter((each) => each !== item)
        } else {
          append(list, item)
          standing.push(item)
        }
        expect([list.first?.name, list.last?.name]).toEqual([standing[0]?.name, standing.at(-1)?.name])
        for (const each of items) {
          const index = standing.indexOf(each)
          expect([each.before, each.after]).toEqual(index < 0 ? [undefined, undefined] : [standing[index - 1], standing[index + 1]])
        }
      }
    }),
    replay,
  )
})
