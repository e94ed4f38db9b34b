import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readMarket } from './snapshotter.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-market-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const address = `0x${'ab'.repeat(20)}`
const market = {
  factory: address,
  router: address,
  weth: address,
  dai: address,
  usdc: address,
  usdt: address,
  daiWethPair: address,
  usdcWethPair: address,
  wethUsdtPair: address,
  whitelist: [address],
  pairs: [address],
  feeOn: 'trade',
}

function fileOf(content: string): string {
  const path = join(folder, 'market.json')
  writeFileSync(path, content)
  return path
}

test('a market file is read', () => {
  expect(readMarket(fileOf(JSON.stringify(market)))).toEqual(market)
})

test.each([
  ['no JSON', '{', /cannot be read as JSON/],
  ['no object', 'null', /cannot be read as JSON/],
  ['a missing contract', JSON.stringify({ ...market, weth: undefined }), /weth is not an address/],
  ['a pair that is no address', JSON.stringify({ ...market, pairs: [address, '0x12'] }), /pairs is not a list/],
  ['a whitelist of none', JSON.stringify({ ...market, whitelist: [] }), /whitelist is not a list/],
  ['an empty list of pairs', JSON.stringify({ ...market, pairs: [] }), /pairs is not a list/],
  ['an unknown fee rule', JSON.stringify({ ...market, feeOn: 'all' }), /feeOn/],
])('%s is refused with its reason', (_, content, reason) => {
  expect(() => readMarket(fileOf(content))).toThrow(reason)
})

test('everything that is wrong is told at once', () => {
  const path = fileOf(JSON.stringify({ feeOn: 'all' }))
  expect(() => readMarket(path)).toThrow(
    expect.objectContaining({
      code: 'SETTINGS_INVALID',
      facts: {
        problems: expect.toSatisfy((problems: string[]) => problems.length === 12 && problems.every((text) => text.includes(path))),
      },
    }),
  )
})

test('a file that is not there is told by its name', () => {
  expect(() => readMarket(join(folder, 'nowhere.json'))).toThrow(/nowhere\.json cannot be read as JSON/)
})
