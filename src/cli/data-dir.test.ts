import { expect, test } from 'vitest'
import { givenDataDir } from './data-dir.ts'

test('a flag wins over the environment, and neither is needed', () => {
  expect(givenDataDir({ WEFT_DATA_DIR: 'there' }, 'here')).toBe('here')
  expect(givenDataDir({ WEFT_DATA_DIR: 'there' }, undefined)).toBe('there')
  expect(givenDataDir({ PATH: 'anywhere' }, undefined)).toBeUndefined()
})

test.each([
  ['an empty variable', { WEFT_DATA_DIR: '' }, undefined, '--data-dir (WEFT_DATA_DIR): is empty'],
  ['an empty flag', { WEFT_DATA_DIR: 'there' }, ' ', '--data-dir (WEFT_DATA_DIR): is empty'],
  ['a misspelt variable', { WEFT_DATADIR: 'there' }, undefined, 'WEFT_DATADIR is not a setting of Weft'],
])('%s is refused', (_, env, flag, problem) => {
  expect(() => givenDataDir(env, flag)).toThrow(problem)
})
