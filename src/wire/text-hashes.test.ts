import { expect, test } from 'vitest'
import { createTextHashes } from './text-hashes.ts'

test('G7: remembers as many texts as it may, and forgets the oldest first', () => {
  const hashed: string[] = []
  const hashOf = createTextHashes({
    hash: (text) => {
      hashed.push(text)
      return Uint8Array.of(text.charCodeAt(0))
    },
    textsMax: 2,
  })
  expect(['a', 'b', 'a', 'b', 'c', 'c', 'b', 'a', 'a', 'c', 'b'].map((text) => String.fromCharCode(...hashOf(text)))).toEqual([
    ...['a', 'b', 'a', 'b', 'c', 'c', 'b', 'a', 'a', 'c', 'b'],
  ])
  // Two fit; c takes the place of a, a that of b, b that of c.
  expect(hashed).toEqual(['a', 'b', 'c', 'a', 'b'])
})
