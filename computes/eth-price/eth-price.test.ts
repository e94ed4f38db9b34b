// Expected prices: tools/vectors/uniswap-v2.py, an own reading of spec/08 §3 in Python.
import { readFileSync } from 'node:fs'
import { type JsonValue, snapshotProblems, type SnapshotSchema } from 'weft/compute'
import { expect, test } from 'vitest'
import { canonicalJson } from '../../src/wire/canonical-json.ts'
import * as scripted from '../uniswap-v2/scripted.test-source.ts'
import { ethPriceTracking } from './eth-price.ts'

const vector: scripted.Vector = JSON.parse(readFileSync(new URL('../../test/vectors/uniswap-v2.json', import.meta.url), 'utf8'))
const { weth, dai, usdc, usdt, daiWethPair, usdcWethPair, wethUsdtPair } = scripted.configOf(vector)
const config = { weth, dai, usdc, usdt, daiWethPair, usdcWethPair, wethUsdtPair, dataSources: ['example', 'Other'] }

/** What Python has for WETH at each block, as text: token 1 of the pair of USDC and WETH. */
function expectedAt(block: number): string | undefined {
  const snapshot = vector.snapshots[vector.sources[0] as string]?.totalReserves ?? ''
  const prices = /"token1Prices":(\{[^}]*\})/.exec(snapshot)?.[1] ?? ''
  return new RegExp(`"block${block}":([0-9.e+-]+)`).exec(prices)?.[1]
}

async function pricesAt(block: number): Promise<ReadonlyMap<string, JsonValue>> {
  const { preloads, snapshots } = ethPriceTracking.create(config)
  const [input] = [{ epoch: { epochId: 1, begin: block, end: block }, source: scripted.scriptedSource(vector) }]
  const preloaded = new Map<string, unknown>()
  for (const { taskType, preload } of preloads) preloaded.set(taskType, await preload(input))
  return (await snapshots[0]?.all?.({ ...input, preloaded })) ?? new Map()
}

test.each([100, 101, 102, 103, 104])('the price at block %i is what Python has, byte for byte, for each data source', async (block) => {
  const prices = await pricesAt(block)
  expect([...prices.keys()]).toEqual(['example', 'other'])
  for (const snapshot of prices.values()) {
    expect(new TextDecoder().decode(canonicalJson(snapshot))).toBe(`{"block":${block},"price":${expectedAt(block)}}`)
    expect(snapshotProblems(ethPriceTracking.create(config).snapshots[0]?.schema as SnapshotSchema, snapshot)).toEqual([])
  }
})

test.each([
  ['no data source', { ...config, dataSources: [] }, ['dataSources', 'is empty']],
  ['no address', { ...config, weth: 'WETH' }, ['weth', 'is not an address']],
  ['something else', { ...config, pairs: [] }, ['', 'pairs has no meaning here']],
])('a configuration with %s is refused', async (_, wrong, [path, message]) => {
  const result = await ethPriceTracking.config['~standard'].validate(wrong)
  expect(result.issues).toMatchObject([{ message, path: path === '' ? [] : [path] }])
})
