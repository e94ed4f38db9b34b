import { expect, test } from 'vitest'
import { createFakeStore } from '#io/store/fake.ts'
import { pagesOf } from './pages.ts'

const value = new Uint8Array(0)

test.each([
  [0, []],
  [1, [1]],
  [2, [2]],
  [5, [2, 2, 1]],
])('of %i entries under the prefix all come, in pages of two', async (count, lengths) => {
  const store = createFakeStore()
  const keys = Array.from({ length: count }, (_, index) => `own/${index}`)
  await store.commit(['omitted', ...keys, 'own'].map((key) => ({ key, value })))
  const pages = [...pagesOf(store, 'own/', 2)].map((page) => page.map(({ key }) => key))
  expect(pages.map(({ length }) => length)).toEqual(lengths)
  expect(pages.flat()).toEqual(keys)
})

test('what is removed and written meanwhile ends nothing', async () => {
  const store = createFakeStore()
  await store.commit(['a/1', 'a/2', 'a/3'].map((key) => ({ key, value })))
  const seen: string[] = []
  for (const page of pagesOf(store, 'a/', 1)) {
    seen.push(...page.map(({ key }) => key))
    if (seen.length === 1) await store.commit([{ key: 'a/1' }, { key: 'a/2' }, { key: 'a/4', value }])
  }
  expect(seen).toEqual(['a/1', 'a/3', 'a/4'])
})
