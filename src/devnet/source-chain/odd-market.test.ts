import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import { type ComputeEpoch, dataSourceOf, type JsonValue, memberOf, type SourceReader, withSeries } from '#domain/compute.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { computed } from './computed.test-world.ts'
import { CHAIN_ID, DAY_EPOCHS, type OddMarket, startOddMarket } from './odd-market.test-world.ts'
import { readerOf } from './reader.test-world.ts'

let source: SourceReader
type Snapshots = ReadonlyMap<string, JsonValue>
let place: OddMarket
/** By epoch. */
const ours = new Map<number, Snapshots>()

beforeAll(async () => {
  place = await startOddMarket()
  source = readerOf(await connectSourceChain({ rpcUrl: place.anvil.rpcUrl, chainId: CHAIN_ID, clock: systemClock }))
  for (const epoch of place.epochs) ours.set(epoch.epochId, await snapshotsOf(epoch))
}, 120_000)
afterAll(() => place.anvil.stop())

/** Every project of an epoch, those before it being its history. */
const snapshotsOf = (epoch: ComputeEpoch): Promise<Snapshots> =>
  computed(uniswapV2.create(place.market), {
    epoch,
    source,
    history: {
      firstEpochId: async () => place.epochs[0]?.epochId,
      snapshot: async (projectId, epochId) => ours.get(epochId)?.get(projectId),
    },
    dayEpochs: DAY_EPOCHS,
  })

type Texts = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>> | string>>>>

/** What Python makes of the logs of the chain, by epoch; `undefined` without a Python. */
async function pythonTexts(): Promise<Texts | undefined> {
  const { anvil, market, epochs } = place
  const script = new URL('../../../tools/vectors/uniswap-v2-chain.py', import.meta.url).pathname
  const run = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const missing = new Promise<'missing'>((resolve) => run.once('error', () => resolve('missing')))
  run.stdin.on('error', () => undefined)
  run.stdin.end(JSON.stringify({ rpc: anvil.rpcUrl, market, epochs, dayEpochs: DAY_EPOCHS }))
  const output = await Promise.race([text(run.stdout), missing])
  return output === 'missing' ? undefined : (JSON.parse(output) as Texts)
}

const KINDS = {
  pairContract_pair_total_reserves: 'reserves',
  pairContract_trade_volume: 'volume',
  aggregate_pairContract_24h_trade_volume: 'day',
  aggregate_pairContract_7d_trade_volume: 'week',
  aggregate_24h_top_pairs: 'pairs',
  aggregate_7d_top_pairs: 'pairs7d',
  aggregate_24h_top_tokens: 'tokens',
  aggregate_24h_stats: 'stats',
} as const

test('calculated independently, from raw logs, every data point of every epoch has the same bytes and so the same CID', async () => {
  const texts = await pythonTexts()
  if (texts === undefined) return
  const { epochs, market } = place
  let compared = 0
  for (const [epochId, snapshots] of ours)
    for (const [projectId, snapshot] of snapshots) {
      const of = texts[epochId]?.[KINDS[projectId.split(':')[0] as keyof typeof KINDS]]
      const theirs = typeof of === 'string' ? of : of?.[dataSourceOf(projectId)]
      const bytes = canonicalJson(snapshot)
      expect(new TextDecoder().decode(bytes), `${projectId} of epoch ${epochId}`).toBe(theirs)
      expect(await snapshotCidOf(bytes)).toBe(await snapshotCidOf(new TextEncoder().encode(theirs)))
      compared += 1
    }
  expect(compared).toBe(epochs.length * (4 * market.pairs.length + 4))
}, 120_000)

describe('what it was compared on', () => {
  const all = (type: string) =>
    [...ours.values()].flatMap((snapshots) => [...snapshots].filter(([id]) => id.startsWith(`${type}:`)).map(([, snapshot]) => snapshot))
  const printed = (type: string) => new TextDecoder().decode(canonicalJson(all(type)))

  test('swaps, mints and burns, of both sides at once too; a pair that never held anything, and tokens that nothing prices', () => {
    const logs = (name: string) =>
      all('pairContract_trade_volume').flatMap(
        (snapshot) =>
          memberOf(memberOf(memberOf(snapshot, 'events'), name), 'logs') as readonly { readonly args: Record<string, bigint> }[],
      )
    expect([logs('Mint').length, logs('Burn').length]).toEqual([1, 1])
    expect(logs('Swap').length).toBeGreaterThan(15)
    expect(logs('Swap').some(({ args }) => (args['amount0In'] as bigint) > 0n && (args['amount1In'] as bigint) > 0n)).toBe(true)
    const values = (snapshot: JsonValue, field: string) => Object.values(memberOf(snapshot, field) as Record<string, number>)
    const reserves = all('pairContract_pair_total_reserves')
    expect(
      reserves.filter((each) => [...values(each, 'token0Reserves'), ...values(each, 'token1Reserves')].every((value) => value === 0)),
    ).toHaveLength(4)
    expect(reserves.filter((each) => values(each, 'token0Prices').every((price) => price === 0)).length).toBeGreaterThan(0)
  })

  test('names that are odd, of 32 bytes, empty or missing, and changes against a day ago', () => {
    const tokens = printed('aggregate_24h_top_tokens')
    for (const symbol of ['F\\u00c9E\\t', '\\ud83c\\udf88\\u0000RB', 'B32', 'ZERO', '']) expect(tokens).toContain(`"symbol":"${symbol}"`)
    expect(tokens).toContain('\\ufffd')
    expect(tokens).toMatch(/"symbol":"0x[0-9a-f]{40}"/)
    const changes = [...tokens.matchAll(/"priceChange24h":(-?[\d.e+-]+)/g)].map(([, change]) => Number(change))
    expect(changes.some((change) => change !== 0)).toBe(true)
    expect(printed('aggregate_24h_stats')).toMatch(/"complete":true/)
  })
})

test('pairs of the factory join from the place on that the market names, once they are made', async () => {
  const [own, others] = [place.market.pairs.slice(0, 6), place.market.pairs.slice(6)]
  const set = uniswapV2.create({ ...place.market, pairs: own, pairsFrom: own.length })
  const [epoch] = place.epochs as [ComputeEpoch]
  const history = withSeries({ firstEpochId: async () => undefined, snapshot: async () => undefined })
  const joinedAt = (begin: number) =>
    Promise.all(set.snapshots.map(({ joining }) => joining?.({ epoch: { ...epoch, begin }, source, history })))
  for (const joined of await joinedAt(epoch.begin)) expect(joined?.map((pair) => pair.toLowerCase())).toEqual(others)
  for (const joined of await joinedAt(place.beforePairs)) expect(joined).toEqual([])
})
