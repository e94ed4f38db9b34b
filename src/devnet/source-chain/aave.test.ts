import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { parseAbi, toEventSelector, toFunctionSelector } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aaveV3 } from 'weft/computes/aave-v3'
import { type ComputeEpoch, type JsonValue, memberOf, type SourceReader } from '#domain/compute.ts'
import type { WeftError } from '#domain/errors.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { connectSourceChain } from '#io/chain/source/source.ts'
import { systemClock } from '#io/clock/system.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { type Anvil, startAnvil } from '../anvil.ts'
import { deployAave, devnetReserves, type Lending } from './aave.ts'
import { addressOf, createCreations, readArtifact } from './artifact.ts'
import { computed } from './computed.test-world.ts'
import { DEVNET_TOKEN, deployUniswap, TOKEN_ABI } from './deploy.ts'
import { LIQUIDATION_ROUNDS, seedLending } from './lending.ts'
import { readerOf } from './reader.test-world.ts'
import { createTrader } from './trader.ts'
import { call, execute, type Hex, PROVIDER } from './transactions.ts'

const CHAIN_ID = 31_337
const EPOCH_BLOCKS = 6
const EPOCHS = 2
const EVENTS = [
  'event Supply(address indexed reserve, address user, address indexed onBehalfOf, uint256 amount, uint16 indexed referralCode)',
  'event Withdraw(address indexed reserve, address indexed user, address indexed to, uint256 amount)',
  'event Repay(address indexed reserve, address indexed user, address indexed repayer, uint256 amount, bool useATokens)',
  'event Borrow(address indexed reserve, address user, address indexed onBehalfOf, uint256 amount, uint8 interestRateMode, uint256 borrowRate, uint16 indexed referralCode)',
  'event LiquidationCall(address indexed collateralAsset, address indexed debtAsset, address indexed user, uint256 debtToCover, uint256 liquidatedCollateralAmount, address liquidator, bool receiveAToken)',
]
const VIEWS = [
  'getReserveData(address)',
  'getEModeCategoryData(uint8)',
  'name()',
  'symbol()',
  'balanceOf(address)',
  'getSupplyData()',
  'scaledTotalSupply()',
  'getAssetPrice(address)',
  'getVariableRateSlope1()',
  'getVariableRateSlope2()',
  'getStableRateSlope1()',
  'getStableRateSlope2()',
  'getBaseStableBorrowRate()',
  'getBaseVariableBorrowRate()',
  'OPTIMAL_USAGE_RATIO()',
]

interface Place {
  readonly anvil: Anvil
  readonly rpc: Rpc
  readonly lending: Lending
  readonly epochs: readonly ComputeEpoch[]
  readonly troubles: readonly WeftError[]
}

/** The devnet's market with one asset more, a share without decimals, which is supplied, borrowed, and frozen; and some traded epochs, an hour between blocks now and then. */
async function startMarket(): Promise<Place> {
  const anvil = await startAnvil({ chainId: CHAIN_ID })
  const rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  const { market, tokens } = await deployUniswap({ rpcUrl: anvil.rpcUrl })
  const creations = createCreations(PROVIDER, Number(await rpc.call('eth_getTransactionCount', [PROVIDER, 'latest'])))
  const share = creations.create(await readArtifact(DEVNET_TOKEN), ['Devnet share', 'SHARE', 0])
  await execute(rpc, creations.transactions)
  const collateral = { ltv: 2_500, liquidationThreshold: 4_000, liquidationBonus: 11_500 }
  const shareTerms = { symbol: 'SHARE', token: share, decimals: 0, price: 12_345_678_901n, collateral }
  const lending = await deployAave({ rpcUrl: anvil.rpcUrl, reserves: [...devnetReserves(tokens), shareTerms] })
  await seedLending(anvil.rpcUrl, lending)
  await execute(rpc, shareIn(share, lending))
  const troubles: WeftError[] = []
  const deps = { clock: systemClock, onTrouble: (failure: WeftError) => void troubles.push(failure) }
  const trader = await createTrader({ rpcUrl: anvil.rpcUrl, market, lending, seed: 5 }, deps)
  const begin = Number(await rpc.call('eth_blockNumber', [])) + 1
  const epochs = Array.from({ length: EPOCHS }, (_, index) => ({
    epochId: index + 1,
    begin: begin + index * EPOCH_BLOCKS,
    end: begin + (index + 1) * EPOCH_BLOCKS - 1,
  }))
  // One block above the last, as a snapshotter waits for.
  for (let block = 0; block <= EPOCHS * EPOCH_BLOCKS; block++) {
    if (block % 4 === 1) await rpc.call('evm_increaseTime', [3_600])
    await trader.tradeBlock()
  }
  return { anvil, rpc, lending, epochs, troubles }
}

function shareIn(share: Hex, { market }: Lending) {
  const pool = parseAbi([
    'function supply(address, uint256, address, uint16)',
    'function borrow(address, uint256, uint256, uint16, address)',
  ])
  const configurator = parseAbi(['function setReserveFreeze(address, bool)'])
  const say = (to: string, abi: typeof pool | typeof configurator | typeof TOKEN_ABI, functionName: string, args: readonly unknown[]) =>
    call(PROVIDER, to as Hex, { abi, functionName, args, gas: 1_000_000 })
  return [
    say(share, TOKEN_ABI, 'mint', [PROVIDER, 10_000n]),
    say(share, TOKEN_ABI, 'approve', [market.pool, 10_000n]),
    say(market.pool, pool, 'supply', [share, 7_001n, PROVIDER, 0]),
    say(market.pool, pool, 'borrow', [share, 1_003n, 2n, 0, PROVIDER]),
    say(addressOf(market.poolAddressesProvider as Hex, 2), configurator, 'setReserveFreeze', [share, true]),
  ]
}

let place: Place
let source: SourceReader
beforeAll(async () => {
  place = await startMarket()
  source = readerOf(await connectSourceChain({ rpcUrl: place.anvil.rpcUrl, chainId: CHAIN_ID, clock: systemClock }))
})
afterAll(() => place.anvil.stop())

/** Every project of one epoch, as if it were the first. */
const snapshotsOf = (epoch: ComputeEpoch) => computed(aaveV3.create(place.lending.market), { epoch, source, dayEpochs: 100 })

type Texts = Readonly<Record<string, Readonly<Record<string, string>> | string>>

/** What Python makes of the pool's, tokens' and oracle's own words; `undefined` without a Python. */
async function pythonOf(epoch: ComputeEpoch): Promise<Texts | undefined> {
  const { market, prices } = place.lending
  const order = {
    ...epoch,
    rpc: place.anvil.rpcUrl,
    pool: market.pool,
    oracle: prices,
    assets: market.assets,
    selectors: Object.fromEntries(VIEWS.map((view) => [view.slice(0, view.indexOf('(')), toFunctionSelector(view)])),
    topics: Object.fromEntries(EVENTS.map((event) => [/ (\w+)\(/.exec(event)?.[1], toEventSelector(event)])),
  }
  const script = new URL('../../../tools/vectors/aave-v3.py', import.meta.url).pathname
  const run = spawn('python3', [script, 'chain'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const missing = new Promise<'missing'>((resolve) => run.once('error', () => resolve('missing')))
  run.stdin.on('error', () => undefined)
  run.stdin.end(JSON.stringify(order))
  const output = await Promise.race([text(run.stdout), missing])
  return output === 'missing' ? undefined : (JSON.parse(output) as Texts)
}

test('every block is traded without trouble, and everything that may happen at a pool happens', async () => {
  expect(place.troubles).toEqual([])
  const events = new Map<string, number>()
  for (const epoch of place.epochs) {
    for (const [projectId, snapshot] of await snapshotsOf(epoch))
      if (projectId.startsWith('poolContract_supply_volume:'))
        for (const event of memberOf(snapshot, 'events') as readonly { event: string }[])
          events.set(event.event, (events.get(event.event) ?? 0) + 1)
  }
  expect([...events.keys()].toSorted()).toEqual(['Borrow', 'LiquidationCall', 'Repay', 'Supply', 'Withdraw'])
  // Each in the epoch of its round.
  expect(events.get('LiquidationCall')).toBe((EPOCHS * EPOCH_BLOCKS) / LIQUIDATION_ROUNDS)
})

test('interest accrues, debt is of both kinds, some of it isolated, and the frozen share is worth its whole number', async () => {
  const [first, second] = place.epochs as [ComputeEpoch, ComputeEpoch]
  const [earlier, later] = [await snapshotsOf(first), await snapshotsOf(second)]
  const at = (snapshots: ReadonlyMap<string, JsonValue>, symbol: string, field: string, epoch: ComputeEpoch): JsonValue => {
    const token = place.lending.reserves.find((terms) => terms.symbol === symbol)?.token
    return memberOf(memberOf(snapshots.get(`poolContract_total_supply:${token}:NS`) as JsonValue, field), `block${epoch.end}`)
  }
  const [before, after] = [at(earlier, 'USDC', 'totalStableDebt', first), at(later, 'USDC', 'totalStableDebt', second)] as unknown as {
    token_debt: bigint
  }[]
  expect(before?.token_debt).toBeGreaterThanOrEqual(200_000n * 10n ** 6n)
  expect(after?.token_debt).toBeGreaterThan(before?.token_debt as bigint)
  expect(at(earlier, 'LINK', 'isolationModeTotalDebt', { ...first, end: first.begin })).toBeGreaterThan(0n)
  expect(at(later, 'SHARE', 'totalAToken', second)).toEqual({ token_supply: 7_001n, usd_supply: 7_001 * (12_345_678_901 * 1e-8) })
})

describe('calculated independently, from what the pool, the tokens and the oracle say themselves', () => {
  test.each(Array.from({ length: EPOCHS }, (_, index) => index))('epoch %i has the same bytes and so the same CIDs', async (index) => {
    const epoch = place.epochs[index] as ComputeEpoch
    const expected = await pythonOf(epoch)
    if (expected === undefined) return
    const ours = await snapshotsOf(epoch)
    const types = {
      poolContract_total_supply: 'totalSupply',
      poolContract_supply_volume: 'supplyVolume',
      aggregate_poolContract_6h_apr: 'apr6h',
      aggregate_poolContract_volume_24h: 'volume24h',
      aggregate_top_assets: 'topAssets',
      aggregate_24h_stats: 'stats',
      aggregate_top_volume: 'topVolume',
    } as const
    let compared = 0
    for (const [projectId, snapshot] of ours) {
      const [type, asset] = projectId.split(':') as [keyof typeof types, string]
      if (!(type in types)) continue
      const texts = expected[types[type]] as Readonly<Record<string, string>> | string
      const theirs = typeof texts === 'string' ? texts : (texts[asset] as string)
      const bytes = canonicalJson(snapshot)
      expect(new TextDecoder().decode(bytes), projectId).toBe(theirs)
      expect(await snapshotCidOf(bytes)).toBe(await snapshotCidOf(new TextEncoder().encode(theirs)))
      compared++
    }
    expect(compared).toBe(4 * place.lending.reserves.length + 3)
  })
})
