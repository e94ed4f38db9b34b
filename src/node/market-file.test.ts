import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import { marketText, readMarketFile } from './market-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-market-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const path = join(folder, 'market.json')
const address = `0x${'ab'.repeat(20)}`
const contracts = ['factory', 'router', 'weth', 'dai', 'usdc', 'usdt', 'daiWethPair', 'usdcWethPair', 'wethUsdtPair']
const config = { ...Object.fromEntries(contracts.map((name) => [name, address])), whitelist: [address], pairs: [address], feeOn: 'trade' }

function problemsOf(content: string): readonly string[] {
  writeFileSync(path, content)
  try {
    readMarketFile(path)
  } catch (failure) {
    if (isWeftError(failure, 'SETTINGS_INVALID')) return failure.facts.problems as readonly string[]
    throw failure
  }
  return []
}

test('a market file that was written is read', () => {
  writeFileSync(path, marketText([{ name: 'uniswap-v2', version: '1.2.0', config }]))
  const { sets, computes } = readMarketFile(path)
  expect(sets).toMatchObject([{ name: 'uniswap-v2', version: '1.2.0' }])
  expect(computes.snapshots.map(({ dataSources }) => dataSources)).toEqual([[address], [address]])
})

test.each([
  ['that does not exist', join(folder, 'none.json'), `there is no file ${join(folder, 'none.json')}`, { code: 'ENOENT' }],
  ['that is a folder', folder, `${folder} is a folder, not a file`, { message: 'a folder' }],
])('a file %s is told as such, with its cause', (_title, place, problem, cause) => {
  expect(() => readMarketFile(place)).toThrow(
    expect.objectContaining({ facts: { problems: [problem] }, cause: expect.objectContaining(cause) }),
  )
})

test.each<[string, string, string]>([
  ['no JSON', '{', `${path} cannot be read as JSON`],
  ['no object', 'null', `${path}: is not an object`],
  ['no computes', '{}', `${path}: computes is not a list`],
  [
    'the form of an earlier version',
    JSON.stringify({ computes: [], ...config }),
    `${path}: ${Object.keys(config).join(', ')} has no meaning here`,
  ],
  ['computes that are none', '{"computes":[]}', `${path}: computes is empty`],
  [
    'a set without the configuration that it needs',
    JSON.stringify({ computes: [{ name: 'uniswap-v2' }] }),
    `${path}: uniswap-v2: is not an object`,
  ],
  ['a set without a name', JSON.stringify({ computes: [{ config }] }), `${path}: computes[0].name is not a text`],
  [
    'a version that is a number',
    JSON.stringify({ computes: [{ name: 'x', version: 1, config }] }),
    `${path}: computes[0].version is not a text`,
  ],
  [
    'what a set has against it',
    JSON.stringify({ computes: [{ name: 'uniswap-v2', config: {} }] }),
    `${path}: uniswap-v2: factory is not an address`,
  ],
])('%s is told with the name of the file', (_title, content, problem) => {
  expect(problemsOf(content)).toContain(problem)
})

test('everything that is wrong is told at once', () => {
  const problems = problemsOf(JSON.stringify({ computes: [{ name: 'uniswap-v2', config: { feeOn: 'all' } }] }))
  expect(problems).toHaveLength(12)
  expect(problems.every((problem) => problem.startsWith(`${path}: uniswap-v2: `))).toBe(true)
})
