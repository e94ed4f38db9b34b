import { encodeAbiParameters, parseAbi, stringToHex } from 'viem'
import type { UniswapV2Config } from 'weft/computes/uniswap-v2'
import type { ComputeEpoch } from '#domain/compute.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { type Anvil, startAnvil } from '../anvil.ts'
import { createCreations, readArtifact } from './artifact.ts'
import { DEVNET_TOKEN, deployUniswap, TOKEN_ABI } from './deploy.ts'
import { call, execute, GAS_CREATE, type Hex, NO_DEADLINE, outcomes, PROVIDER, send, type Transaction } from './transactions.ts'

/** Uniswap V2 with tokens that do what tokens should not, and what may happen at a pair besides plain trades. */

export const CHAIN_ID = 31_337
const EPOCHS = 4
const EPOCH_BLOCKS = 3
/** With so few a market of four epochs has a day that begins before it, and one that does not. */
export const DAY_EPOCHS = 2

const [ODD_TOKEN, FLASH_BORROWER] = ['OddToken', 'FlashBorrower'].map(
  (name) => new URL(`../../../contracts/artifacts/${name}.json`, import.meta.url),
) as [URL, URL]
const E18 = 10n ** 18n

const textOf = (text: string): Hex => encodeAbiParameters([{ type: 'string' }], [text])
const bytesOf = (bytes: Hex): Hex => encodeAbiParameters([{ type: 'bytes' }], [bytes])
/** What tokens answer for name and symbol, their decimals, and the fee they take. */
const ODD = {
  fee: [textOf('Takes "one" \\ of a hundred'), textOf('FÉE\t'), 18, 100n],
  rebase: [textOf('Now more, now less'), textOf('🎈\u0000RB'), 18, 0n],
  word: [stringToHex('Of thirty-two bytes', { size: 32 }), stringToHex('B32', { size: 32 }), 6, 0n],
  mute: ['0x', '0x', 18, 0n],
  mark: [bytesOf('0xefbbbf4d61726b'), bytesOf('0x4dff80e28241'), 18, 0n],
  empty: [textOf(''), textOf(''), 3, 0n],
} as const satisfies Record<string, readonly [name: Hex, symbol: Hex, decimals: number, fee: bigint]>

const FACTORY = parseAbi(['function createPair(address, address)'])
const PAIR = parseAbi([
  'function mint(address)',
  'function burn(address)',
  'function sync()',
  'function skim(address)',
  'function transfer(address, uint256)',
])
const ODD_ABI = parseAbi(['function transfer(address, uint256)', 'function mint(address, uint256)', 'function rebase(uint256)'])
const SWAPS = parseAbi([
  'function swapExactTokensForTokens(uint256, uint256, address[], address, uint256)',
  'function swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256, uint256, address[], address, uint256)',
])
const BORROWER = parseAbi(['function borrow(address, uint256[2], address[2], uint256[2])'])

export interface OddMarket {
  readonly anvil: Anvil
  readonly market: UniswapV2Config
  readonly epochs: readonly ComputeEpoch[]
  /** The last block in which the factory had the pairs of the devnet alone. */
  readonly beforePairs: number
}

type TokenName = keyof typeof ODD | 'zero' | 'weth' | 'dai' | 'usdc'
type Tokens = Readonly<Record<TokenName, Hex>>

/** Pairs beside those of the devnet, with what they are first given; one is given nothing. */
const POOLS: readonly (readonly [TokenName, bigint, TokenName, bigint])[] = [
  ['fee', 1_000n * E18, 'weth', 50n * E18],
  ['rebase', 5_000n * E18, 'weth', 20n * E18],
  ['zero', 700n, 'dai', 10_000n * E18],
  ['zero', 0n, 'weth', 0n],
  ['word', 900n * 10n ** 6n, 'usdc', 4_000n * 10n ** 6n],
  ['word', 6_000n * 10n ** 6n, 'weth', 30n * E18],
  ['mute', 77n * E18, 'weth', (4n * E18) / 10n],
  ['mark', 3n * E18, 'fee', 11n * E18],
  ['empty', 5_000n, 'mute', 8n * E18],
]

export async function startOddMarket(): Promise<OddMarket> {
  const anvil = await startAnvil({ chainId: CHAIN_ID })
  const rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  const { market: devnet } = await deployUniswap({ rpcUrl: anvil.rpcUrl })
  const { tokens, borrower } = await createTokens(rpc, devnet)
  const beforePairs = Number(await rpc.call('eth_blockNumber', []))
  const ofFactory = (left: Hex, right: Hex) =>
    call(PROVIDER, devnet.factory as Hex, { abi: FACTORY, functionName: 'createPair', args: [left, right], gas: GAS_CREATE })
  await execute(
    rpc,
    POOLS.map(([left, , right]) => ofFactory(tokens[left], tokens[right])),
  )
  const pairs = new Map<string, Hex>()
  for (const [left, , right] of POOLS)
    pairs.set(`${left} ${right}`, await pairOf(rpc, devnet.factory as Hex, [tokens[left], tokens[right]]))
  const place = { devnet, tokens, borrower, pairs }
  await execute(
    rpc,
    POOLS.flatMap((pool) => given(pool, place)),
  )
  const begin = Number(await rpc.call('eth_blockNumber', [])) + 1
  const blocks = happenings(place)
  // One block above the last, as a snapshotter waits for.
  for (let block = 0; block <= EPOCHS * EPOCH_BLOCKS; block += 1) await mine(rpc, blocks[block] ?? [])
  const epochs = Array.from({ length: EPOCHS }, (_, index) => ({
    epochId: index + 1,
    begin: begin + index * EPOCH_BLOCKS,
    end: begin + (index + 1) * EPOCH_BLOCKS - 1,
  }))
  return { anvil, market: { ...devnet, pairs: [...devnet.pairs, ...pairs.values()] }, epochs, beforePairs }
}

async function createTokens(rpc: Rpc, market: UniswapV2Config): Promise<{ readonly tokens: Tokens; readonly borrower: Hex }> {
  const { create, transactions } = createCreations(PROVIDER, Number(await rpc.call('eth_getTransactionCount', [PROVIDER, 'latest'])))
  const odd = await readArtifact(ODD_TOKEN)
  const made = Object.entries(ODD).map(([name, args]) => [name, create(odd, args)] as const)
  const zero = create(await readArtifact(DEVNET_TOKEN), ['Not to be parted', 'ZERO', 0])
  const borrower = create(await readArtifact(FLASH_BORROWER))
  const tokens = { ...Object.fromEntries(made), zero, weth: market.weth, dai: market.dai, usdc: market.usdc } as Tokens
  const own = [...made.map(([, token]) => token), zero]
  const say = (token: Hex, functionName: 'mint' | 'approve', args: readonly [Hex, bigint]) =>
    call(PROVIDER, token, { abi: TOKEN_ABI, functionName, args })
  const purse = own.flatMap((token) => [
    say(token, 'mint', [PROVIDER, 10n ** 24n]),
    say(token, 'approve', [market.router as Hex, 2n ** 255n]),
  ])
  await execute(rpc, [...transactions, ...purse])
  return { tokens, borrower }
}

interface Place {
  readonly devnet: UniswapV2Config
  readonly tokens: Tokens
  readonly borrower: Hex
  readonly pairs: ReadonlyMap<string, Hex>
}

async function pairOf(rpc: Rpc, factory: Hex, tokens: readonly [Hex, Hex]): Promise<Hex> {
  const data = `0xe6a43905${tokens.map((token) => token.slice(2).padStart(64, '0')).join('')}`
  return `0x${String(await rpc.call('eth_call', [{ to: factory, data }, 'latest'])).slice(-40)}`
}

const sent = (token: Hex, to: Hex, amount: bigint): Transaction =>
  call(PROVIDER, token, { abi: ODD_ABI, functionName: 'transfer', args: [to, amount] })

/** Liquidity as the router gives it, without the router, which reckons with what it sent and not with what came. */
function given([left, leftAmount, right, rightAmount]: (typeof POOLS)[number], { tokens, pairs }: Place): Transaction[] {
  const pair = pairs.get(`${left} ${right}`) as Hex
  if (leftAmount === 0n) return []
  const mint = call(PROVIDER, pair, { abi: PAIR, functionName: 'mint', args: [PROVIDER] })
  return [sent(tokens[left], pair, leftAmount), sent(tokens[right], pair, rightAmount), mint]
}

/** By block, from the first of the first epoch on. */
function happenings(place: Place): readonly (readonly Transaction[])[] {
  const { devnet, tokens, pairs, borrower } = place
  const at = (pair: string, functionName: 'sync' | 'skim' | 'burn', args: readonly unknown[] = []) =>
    call(PROVIDER, pairs.get(pair) as Hex, { abi: PAIR, functionName, args })
  const rebase = (scale: bigint) => call(PROVIDER, tokens.rebase, { abi: ODD_ABI, functionName: 'rebase', args: [scale] })
  const swap = (amount: bigint, ...path: TokenName[]) => {
    const functionName = path.includes('fee') ? 'swapExactTokensForTokensSupportingFeeOnTransferTokens' : 'swapExactTokensForTokens'
    const args = [amount, 0n, path.map((name) => tokens[name]), PROVIDER, NO_DEADLINE]
    return call(PROVIDER, devnet.router as Hex, { abi: SWAPS, functionName, args, gas: 1_000_000 })
  }
  const isDaiFirst = tokens.dai < tokens.weth
  const inOrder = <Value>(dai: Value, weth: Value): readonly Value[] => (isDaiFirst ? [dai, weth] : [weth, dai])
  const flash = (out: bigint, back: { readonly dai: bigint; readonly weth: bigint }) =>
    call(PROVIDER, borrower, {
      abi: BORROWER,
      functionName: 'borrow',
      args: [devnet.daiWethPair, inOrder(0n, out), inOrder(tokens.dai, tokens.weth), inOrder(back.dai, back.weth)],
      gas: 1_000_000,
    })
  const drained = pairs.get('word weth') as Hex
  const shares = (amount: bigint) => call(PROVIDER, drained, { abi: PAIR, functionName: 'transfer', args: [drained, amount] })
  return [
    [swap(10n * E18, 'fee', 'weth'), swap(E18, 'weth', 'fee'), swap(3n, 'zero', 'dai')],
    [rebase((11n * E18) / 10n), at('rebase weth', 'skim', [PROVIDER]), swap(E18 / 100n, 'weth', 'mute')],
    [rebase((13n * E18) / 10n), at('rebase weth', 'sync'), swap(40n * E18, 'rebase', 'weth')],
    // All but the thousand shares that nobody has: sqrt(6e9 * 30e18) - 1000.
    [shares(424_264_068_710_928n), at('word weth', 'burn', [PROVIDER]), swap(50n * 10n ** 6n, 'word', 'usdc')],
    [
      sent(tokens.dai, borrower, 100n * E18),
      sent(tokens.weth, borrower, 10n * E18),
      flash(E18, { dai: 0n, weth: (1_004n * E18) / 1_000n }),
    ],
    [flash(2n * E18, { dai: 5n * E18, weth: (2_006n * E18) / 1_000n }), swap(2n, 'zero', 'dai', 'weth'), swap(E18 / 10n, 'mark', 'fee')],
    [rebase((7n * E18) / 10n), at('rebase weth', 'sync'), swap(9n * E18, 'rebase', 'weth')],
    [sent(tokens.usdc, pairs.get('word usdc') as Hex, 777n), at('word usdc', 'skim', [PROVIDER]), swap(100n * E18, 'dai', 'zero')],
    given(['word', 70n * 10n ** 6n, 'weth', 2n * E18], place),
    [],
    [sent(tokens.weth, pairs.get('word weth') as Hex, E18), at('word weth', 'sync'), swap(E18, 'weth', 'word', 'usdc')],
    [swap(5n * E18, 'fee', 'weth'), swap(900n, 'empty', 'mute', 'weth')],
  ]
}

/** One block with these, all of which do what they are to do. */
async function mine(rpc: Rpc, transactions: readonly Transaction[]): Promise<void> {
  const all = await send(rpc, transactions)
  const hashes = all.map((each) => {
    if ('refusal' in each) throw new Error(each.refusal)
    return each.hash
  })
  await rpc.call('evm_mine', [])
  const ended = await outcomes(rpc, hashes)
  if (ended.some((each) => each !== 'done')) throw new Error(`of ${transactions.length} transactions of a block: ${ended.join(', ')}`)
}
