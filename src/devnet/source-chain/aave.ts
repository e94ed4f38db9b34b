import type { AaveV3Config } from 'weft/computes/aave-v3'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { type Artifact, addressOf, type Creations, createCreations, readArtifact } from './artifact.ts'
import type { Addresses } from './deploy.ts'
import { call, equip, execute, type Hex, PROVIDER, type Transaction } from './transactions.ts'

/** The published artifacts of Aave V3, installed from npm and never copied. */
const CORE = '@aave/core-v3/artifacts/contracts'
const UI_POOL_DATA_PROVIDER = '@aave/periphery-v3/artifacts/contracts/misc/UiPoolDataProviderV3.sol/UiPoolDataProviderV3.json'
/** Without what it links. */
const LIBRARIES = ['SupplyLogic', 'BorrowLogic', 'LiquidationLogic', 'EModeLogic', 'BridgeLogic', 'PoolLogic', 'ConfiguratorLogic'] as const
/** A reserve's three tokens are proxies made in one transaction, 2.3 million gas. */
const GAS_RESERVE = 4_000_000
/** In the oracle's unit, 10^-8. */
const USD = 10n ** 8n
/**
 * Of every asset, in rays: the best use, the variable rate without any, its slopes below and above, those of the stable rate, what the stable
 * rate has before that of the variable one and when there is too much stable debt, and how much of that is too much.
 */
const RATES = [80n, 0n, 4n, 75n, 5n, 75n, 1n, 8n, 20n].map((percent) => percent * 10n ** 25n)
const NOBODY: Hex = '0x0000000000000000000000000000000000000000'

/** One asset of the market, and on which terms it is lent. */
export interface ReserveTerms {
  readonly symbol: string
  readonly token: Hex
  readonly decimals: number
  /** In 10^-8 USD. */
  readonly price: bigint
  /** In hundredths of a percent; the bonus with the whole: 10,500 are 5 %. */
  readonly collateral: { readonly ltv: number; readonly liquidationThreshold: number; readonly liquidationBonus: number }
  /** Set, whoever uses it as collateral may use no other, and all of them together may borrow so many hundredths of a USD. */
  readonly debtCeiling?: number
  /** Whether it may be borrowed against such collateral. */
  readonly isBorrowableInIsolation?: boolean
  readonly isStableRate?: boolean
}

/** Of the devnet's market: few, for every one makes five projects. LINK is an isolated collateral. */
export function devnetReserves({ WETH, USDC, LINK }: Addresses): readonly ReserveTerms[] {
  const terms = (ltv: number, liquidationThreshold: number, liquidationBonus: number) => ({ ltv, liquidationThreshold, liquidationBonus })
  const either = { isBorrowableInIsolation: true, isStableRate: true }
  return [
    { symbol: 'WETH', token: WETH, decimals: 18, price: 3_000n * USD, collateral: terms(8_000, 8_250, 10_500) },
    { symbol: 'USDC', token: USDC, decimals: 6, price: 1n * USD, collateral: terms(7_700, 8_000, 10_450), ...either },
    { symbol: 'LINK', token: LINK, decimals: 18, price: 15n * USD, collateral: terms(5_000, 6_500, 11_000), debtCeiling: 100_000_000 },
  ]
}

/** A market that stands. */
export interface Lending {
  readonly market: AaveV3Config
  /** Prices are what anybody last said to it. */
  readonly prices: Hex
  readonly reserves: readonly ReserveTerms[]
}

/**
 * Puts Aave V3 with these assets on a development chain that mines on request. Throws `CALL_REVERTED`, `CALL_NOT_SETTLED`,
 * `CHAIN_UNREACHABLE`.
 */
export async function deployAave(options: { readonly rpcUrl: string; readonly reserves: readonly ReserveTerms[] }): Promise<Lending> {
  const rpc = createRpc({ rpcUrl: options.rpcUrl, pause: systemClock })
  await equip(rpc, [PROVIDER])
  const firstNonce = Number(await rpc.call('eth_getTransactionCount', [PROVIDER, 'latest']))
  const script = createCreations(PROVIDER, firstNonce)
  const contracts = await addMarket(script)
  for (const terms of options.reserves) script.add(...listing(terms, contracts))
  await execute(rpc, script.transactions)
  const { pool, provider, prices, ui } = contracts
  const assets = options.reserves.map(({ token }) => token)
  const market = { pool, poolAddressesProvider: provider.at, uiPoolDataProvider: ui.at, assets }
  return { market, prices: prices.at, reserves: options.reserves }
}

interface Contract {
  readonly at: Hex
  readonly abi: Artifact['abi']
}

/** A contract that will stand there. */
async function made(
  script: Creations,
  path: string,
  args: readonly unknown[] = [],
  libraries: Readonly<Record<string, Hex>> = {},
): Promise<Contract> {
  const artifact = await readArtifact(path.startsWith('@') ? path : `${CORE}/${path}.sol/${path.split('/').at(-1)}.json`)
  return { at: script.create(artifact, args, libraries), abi: artifact.abi }
}

/** Everything but the assets. What a constructor asks for must stand before: the one in charge, the pool. */
async function addMarket(script: Creations) {
  const libraries: Record<string, Hex> = {}
  for (const name of LIBRARIES) libraries[name] = (await made(script, `protocol/libraries/logic/${name}`)).at
  libraries['FlashLoanLogic'] = (await made(script, 'protocol/libraries/logic/FlashLoanLogic', [], libraries)).at
  const provider = await made(script, 'protocol/configuration/PoolAddressesProvider', ['Devnet', PROVIDER])
  const poolCode = await made(script, 'protocol/pool/Pool', [provider.at], libraries)
  const configuratorCode = await made(script, 'protocol/pool/PoolConfigurator', [], libraries)
  const prices = await made(script, 'mocks/oracle/PriceOracle')
  const feed = await made(script, 'mocks/oracle/CLAggregators/MockAggregator', [3_000n * USD])
  const oracle = await made(script, 'misc/AaveOracle', [provider.at, [], [], prices.at, NOBODY, USD])
  script.add(by(provider, 'setACLAdmin', [PROVIDER]))
  const acl = await made(script, 'protocol/configuration/ACLManager', [provider.at])
  script.add(
    by(provider, 'setACLManager', [acl.at]),
    by(acl, 'addPoolAdmin', [PROVIDER]),
    by(provider, 'setPriceOracle', [oracle.at]),
    by(provider, 'setPoolImpl', [poolCode.at]),
    by(provider, 'setPoolConfiguratorImpl', [configuratorCode.at]),
  )
  // Proxies, the first contracts that the provider of addresses makes.
  const [pool, configurator] = [addressOf(provider.at, 1), { at: addressOf(provider.at, 2), abi: configuratorCode.abi }]
  const data = await made(script, 'misc/AaveProtocolDataProvider', [provider.at])
  script.add(by(provider, 'setPoolDataProvider', [data.at]))
  const aToken = await made(script, 'protocol/tokenization/AToken', [pool])
  const stableDebt = await made(script, 'protocol/tokenization/StableDebtToken', [pool])
  const variableDebt = await made(script, 'protocol/tokenization/VariableDebtToken', [pool])
  const strategy = await made(script, 'protocol/pool/DefaultReserveInterestRateStrategy', [provider.at, ...RATES])
  const ui = await made(script, UI_POOL_DATA_PROVIDER, [feed.at, feed.at])
  return { provider, pool, configurator, prices, ui, aToken, stableDebt, variableDebt, strategy }
}
type Contracts = Awaited<ReturnType<typeof addMarket>>

const by = (contract: Contract, functionName: string, args: readonly unknown[]): Transaction =>
  call(PROVIDER, contract.at, { abi: contract.abi, functionName, args, gas: GAS_RESERVE })

function listing(
  terms: ReserveTerms,
  { configurator, prices, aToken, stableDebt, variableDebt, strategy }: Contracts,
): readonly Transaction[] {
  const { token, symbol, collateral } = terms
  const input = {
    aTokenImpl: aToken.at,
    stableDebtTokenImpl: stableDebt.at,
    variableDebtTokenImpl: variableDebt.at,
    underlyingAssetDecimals: terms.decimals,
    interestRateStrategyAddress: strategy.at,
    underlyingAsset: token,
    treasury: PROVIDER,
    incentivesController: NOBODY,
    aTokenName: `Aave ${symbol}`,
    aTokenSymbol: `a${symbol}`,
    variableDebtTokenName: `Aave variable debt ${symbol}`,
    variableDebtTokenSymbol: `variableDebt${symbol}`,
    stableDebtTokenName: `Aave stable debt ${symbol}`,
    stableDebtTokenSymbol: `stableDebt${symbol}`,
    params: '0x',
  }
  const say = (functionName: string, ...args: readonly unknown[]): Transaction => by(configurator, functionName, [token, ...args])
  return [
    by(prices, 'setAssetPrice', [token, terms.price]),
    by(configurator, 'initReserves', [[input]]),
    say('configureReserveAsCollateral', collateral.ltv, collateral.liquidationThreshold, collateral.liquidationBonus),
    say('setReserveFactor', 1_000),
    say('setReserveBorrowing', true),
    ...(terms.isStableRate === true ? [say('setReserveStableRateBorrowing', true)] : []),
    ...(terms.debtCeiling === undefined ? [] : [say('setDebtCeiling', terms.debtCeiling)]),
    ...(terms.isBorrowableInIsolation === true ? [say('setBorrowableInIsolation', true)] : []),
  ]
}
