import { parseAbi } from 'viem/utils'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Lending, ReserveTerms } from './aave.ts'
import { TOKEN_ABI } from './deploy.ts'
import type { Random } from './trades.ts'
import { call, equip, execute, type Hex, PROVIDER, type Transaction } from './transactions.ts'

/** What happens at Aave: a pure function of the round and a seeded sequence. */

/** Accounts of nobody, as the traders are. */
const SUPPLIERS: readonly Hex[] = ['0x3000000000000000000000000000000000000001', '0x3000000000000000000000000000000000000002']
const [HODLER, MINER]: readonly [Hex, Hex] = ['0x4000000000000000000000000000000000000001', '0x4000000000000000000000000000000000000002']
/** Borrows all that it may against an isolated collateral, and is liquidated again and again. */
const GAMBLER: Hex = '0x5000000000000000000000000000000000000001'
const LIQUIDATOR: Hex = '0x6000000000000000000000000000000000000001'
const ACCOUNTS = [...SUPPLIERS, HODLER, MINER, GAMBLER, LIQUIDATOR]

/** Rounds from one liquidation to the next: two epochs. */
export const LIQUIDATION_ROUNDS = 12
/** Within those: the collateral falls, and is liquidated, in this one, and is worth what it was in the next. */
const CRASH = 5
/** What the gambler's collateral falls to, in percent: deep enough that all of its debt is taken at once. */
const CRASH_PERCENT = 60n

/** The dearest is a liquidation, half a million. */
const GAS_LEND = 1_000_000
const [STABLE, VARIABLE] = [1n, 2n]
const ALL = 2n ** 256n - 1n
/** Whole tokens given to each account: never used up. */
const PURSE = 1_000_000_000n
const PURSE_WETH = 1_000_000n
/** What lies in the pool of each asset and is borrowed of it at first, in whole tokens; it goes up and down by thousandths of that. */
const SUPPLY = { WETH: 5_000n, USDC: 10_000_000n, LINK: 100_000n } as const
const DEBTS = [
  { borrower: HODLER, symbol: 'USDC', amount: 2_000_000n },
  { borrower: MINER, symbol: 'WETH', amount: 300n },
] as const
const STABLE_DEBT = 200_000n
const GAMBLE = { collateral: 1_000n, debt: 7_000n }
/** In millionths: 0.01 % to 0.5 %. */
const SIZE_MIN = 100
const SIZE_SPAN = 4_900
const MILLION = 1_000_000n
/** A price is what it was at first, give or take so many thousandths. */
const DRIFT = 10

const POOL_ABI = parseAbi([
  'function supply(address asset, uint256 amount, address onBehalfOf, uint16 referralCode)',
  'function withdraw(address asset, uint256 amount, address to)',
  'function borrow(address asset, uint256 amount, uint256 interestRateMode, uint16 referralCode, address onBehalfOf)',
  'function repay(address asset, uint256 amount, uint256 interestRateMode, address onBehalfOf)',
  'function setUserUseReserveAsCollateral(address asset, bool useAsCollateral)',
  'function liquidationCall(address collateralAsset, address debtAsset, address user, uint256 debtToCover, bool receiveAToken)',
])
const PRICES_ABI = parseAbi(['function setAssetPrice(address asset, uint256 price)'])

type TokenName = keyof typeof SUPPLY
const NAMES = Object.keys(SUPPLY) as TokenName[]

/** Suppliers and borrowers with their first deposits and debts, on the market of `devnetReserves`. Throws as `deployAave`. */
export async function seedLending(rpcUrl: string, lending: Lending): Promise<void> {
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  const { send, raw } = deskOf(lending)
  await equip(rpc, ACCOUNTS)
  await execute(rpc, [
    ...ACCOUNTS.flatMap((account) => purse(account, lending)),
    ...SUPPLIERS.flatMap((supplier) => NAMES.map((name) => send.supply(supplier, name, raw(name, SUPPLY[name])))),
    send.supply(HODLER, 'WETH', raw('WETH', 2_000n)),
    send.supply(MINER, 'USDC', raw('USDC', 3_000_000n)),
    ...DEBTS.map(({ borrower, symbol, amount }) => send.borrow(borrower, symbol, raw(symbol, amount))),
    send.borrow(HODLER, 'USDC', raw('USDC', STABLE_DEBT), STABLE),
  ])
}

/** What is sent for the `round`-th block, in order: a supply or withdrawal, a borrowing or repayment, a price, and the gambler's fate. */
export function lendingOf(
  lending: Lending,
  { round, random }: { readonly round: number; readonly random: Random },
): readonly Transaction[] {
  const { send, raw, termsOf } = deskOf(lending)
  const part = (symbol: TokenName, whole: bigint): bigint => (raw(symbol, whole) * BigInt(SIZE_MIN + random(SIZE_SPAN))) / MILLION
  // In one turn through the assets all are supplied to, in the next all are withdrawn from.
  const asset = NAMES[round % NAMES.length] as TokenName
  const isSupplied = Math.floor(round / NAMES.length) % 2 === 0
  const supplier = SUPPLIERS[random(SUPPLIERS.length)] as Hex
  const debt = DEBTS[round % DEBTS.length] as (typeof DEBTS)[number]
  const isBorrowed = Math.floor(round / DEBTS.length) % 2 === 0
  const moved = NAMES[random(NAMES.length)] as TokenName
  const drift = BigInt(1_000 - DRIFT + random(2 * DRIFT + 1))
  return [
    send[isSupplied ? 'supply' : 'withdraw'](supplier, asset, part(asset, SUPPLY[asset])),
    send[isBorrowed ? 'borrow' : 'repay'](debt.borrower, debt.symbol, part(debt.symbol, debt.amount)),
    send.price(moved, (termsOf(moved).price * drift) / 1_000n),
    ...fateOf(lending, round),
  ]
}

/** The gambler takes a position, loses it, and takes another. */
function fateOf(lending: Lending, round: number): readonly Transaction[] {
  const { send, raw, termsOf } = deskOf(lending)
  const { price } = termsOf('LINK')
  switch (round % LIQUIDATION_ROUNDS) {
    case 0:
      return [
        ...(round === 0 ? [] : [send.withdraw(GAMBLER, 'LINK', ALL)]),
        send.supply(GAMBLER, 'LINK', raw('LINK', GAMBLE.collateral)),
        send.useAsCollateral(GAMBLER, 'LINK'),
        send.borrow(GAMBLER, 'USDC', raw('USDC', GAMBLE.debt)),
      ]
    case CRASH:
      return [send.price('LINK', (price * CRASH_PERCENT) / 100n), send.liquidation()]
    case CRASH + 1:
      return [send.price('LINK', price)]
    default:
      return []
  }
}

/** An account's tokens, and leave for the pool to take them. */
function purse(account: Hex, lending: Lending): readonly Transaction[] {
  const { termsOf } = deskOf(lending)
  return NAMES.flatMap((name) => {
    const { token, decimals } = termsOf(name)
    const say = (functionName: 'deposit' | 'mint' | 'approve', args: readonly unknown[]) =>
      call(account, token, { abi: TOKEN_ABI, functionName, args })
    const filled =
      name === 'WETH'
        ? { ...say('deposit', []), value: PURSE_WETH * 10n ** BigInt(decimals) }
        : say('mint', [account, PURSE * 10n ** BigInt(decimals)])
    return [filled, say('approve', [lending.market.pool, ALL])]
  })
}

/** How one speaks to the market. */
function deskOf({ market, prices, reserves }: Lending) {
  const termsOf = (symbol: TokenName): ReserveTerms => reserves.find((terms) => terms.symbol === symbol) as ReserveTerms
  const pool = (from: Hex, functionName: string, args: readonly unknown[]): Transaction =>
    call(from, market.pool as Hex, { abi: POOL_ABI, functionName, args, gas: GAS_LEND })
  const raw = (symbol: TokenName, amount: bigint): bigint => amount * 10n ** BigInt(termsOf(symbol).decimals)
  const send = {
    supply: (from: Hex, symbol: TokenName, amount: bigint) => pool(from, 'supply', [termsOf(symbol).token, amount, from, 0]),
    withdraw: (from: Hex, symbol: TokenName, amount: bigint) => pool(from, 'withdraw', [termsOf(symbol).token, amount, from]),
    borrow: (from: Hex, symbol: TokenName, amount: bigint, mode = VARIABLE) =>
      pool(from, 'borrow', [termsOf(symbol).token, amount, mode, 0, from]),
    repay: (from: Hex, symbol: TokenName, amount: bigint) => pool(from, 'repay', [termsOf(symbol).token, amount, VARIABLE, from]),
    useAsCollateral: (from: Hex, symbol: TokenName) => pool(from, 'setUserUseReserveAsCollateral', [termsOf(symbol).token, true]),
    liquidation: () => pool(LIQUIDATOR, 'liquidationCall', [termsOf('LINK').token, termsOf('USDC').token, GAMBLER, ALL, false]),
    price: (symbol: TokenName, price: bigint) =>
      call(PROVIDER, prices, { abi: PRICES_ABI, functionName: 'setAssetPrice', args: [termsOf(symbol).token, price] }),
  }
  return { send, raw, termsOf }
}
