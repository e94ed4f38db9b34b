import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { dataDirOfNode, givenDataDir, networkOfNode } from './data-dir.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-data-dir-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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

test('whoever stands where the file of a node lies means that node, whatever else is wrong with the file; a flag wins', async () => {
  const file = join(folder, 'weft.json')
  expect([await dataDirOfNode({}, undefined, file), await networkOfNode({}, file)]).toEqual([undefined, undefined])
  writeFileSync(file, JSON.stringify({ dataDir: 'data', settings: { network: 'net.json', misspelt: 1 }, parts: {} }))
  expect([await dataDirOfNode({}, undefined, file), await networkOfNode({}, file)]).toEqual([
    join(folder, 'data'),
    join(folder, 'net.json'),
  ])
  expect([await dataDirOfNode({ WEFT_DATA_DIR: 'there' }, undefined, file), await dataDirOfNode({}, 'here', file)]).toEqual([
    'there',
    'here',
  ])
  expect(await networkOfNode({ WEFT_NETWORK: 'mine.json' }, file)).toBeUndefined()
  writeFileSync(file, '{')
  await expect(dataDirOfNode({}, undefined, file)).rejects.toThrow('is no JSON')
})
