import { expect, test } from 'vitest'
import { publishedRoot } from '#wire/merkle.ts'
import vector from './merkle.json' with { type: 'json' }

test.each(vector.roots)('the tree over $leaves has the published root', ({ leaves, publishedRoot: expected }) => {
  expect(publishedRoot(leaves)).toBe(expected)
})
