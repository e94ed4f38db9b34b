import { expect, test } from 'vitest'
import * as api from '#wire/api.ts'
import { addressOf, PATHS, STREAM_PATH } from './paths.ts'

test('the paths are those of the api', () => {
  expect(PATHS).toEqual(Object.fromEntries(Object.entries(api.API).map(([name, { path }]) => [name, path])))
  expect(STREAM_PATH).toBe(api.STREAM_PATH)
})

test('segments are filled in, and the rest is a query', () => {
  expect(addressOf(PATHS.point, { projectId: 'a:b/c?', epochId: 7, text: true, cursor: undefined })).toBe(
    '/v1/projects/a%3Ab%2Fc%3F/epochs/7?text=true',
  )
  expect(addressOf('/v1/stream', { project: ['a:b', 'c:d'] })).toBe('/v1/stream?project=a%3Ab&project=c%3Ad')
  expect(addressOf('/v1/epochs')).toBe('/v1/epochs')
})
