import { expect, test } from 'vitest'
import { API } from '#wire/api.ts'
import { PATHS } from './paths.ts'

test('the page asks where the api answers', () => {
  expect(PATHS).toEqual(Object.fromEntries(Object.entries(API).map(([name, { path }]) => [name, path])))
})
