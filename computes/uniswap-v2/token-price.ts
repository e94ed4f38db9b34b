import { atBlock, blocksOf, type ByBlock, type ComputeEpoch, forEachBlock, scaled, type SourceReader } from 'weft/compute'
import type { UniswapV2Config } from './config.ts'
import { amountOut, decimalsOf, pairOf, reservesOf, type Token } from './contracts.ts'

/** A whitelisted token must have this much ETH worth of itself in the pair at every block of the epoch to price the other one. */
const LIQUIDITY_ETH_MIN = 1

interface PriceInput {
  readonly token: Token
  readonly epoch: ComputeEpoch
  readonly source: SourceReader
  readonly config: UniswapV2Config
  readonly ethPrices: ByBlock<number>
}

/** USD per token by block (spec/08 §4): WETH directly, any other through the first whitelisted token with enough liquidity, 0 without one. */
export async function tokenPrices(input: PriceInput): Promise<ByBlock<number>> {
  const { token, config, ethPrices } = input
  if (token.address === config.weth) return ethPrices
  // Most tokens have a pair with the first of them; that of the others is then asked of all at once, and they are tried in their order.
  const [first, ...others] = config.whitelist
  const inEth = (await pricesThrough([first as string], input)) ?? (await pricesThrough(others, input))
  if (inEth !== undefined) return new Map(Array.from(inEth, ([block, eth]) => [block, eth * atBlock(ethPrices, block)]))
  return new Map(blocksOf(input.epoch).map((block) => [block, 0]))
}

/** ETH per token by block, through the first of these that has enough liquidity with it; `undefined` without one. */
async function pricesThrough(whites: readonly string[], input: PriceInput): Promise<ByBlock<number> | undefined> {
  const { token, epoch, source, config } = input
  // Looked up at the first block: a pair made within the epoch has no reserves at its beginning.
  const at = { source, blockNumber: epoch.begin }
  const pairs = await Promise.all(whites.map((white) => pairOf(config.factory, [white, token.address], at)))
  for (const [index, white] of whites.entries()) {
    const pair = pairs[index]
    const inEth = pair === undefined ? undefined : await pricesIn({ pair, white }, input)
    if (inEth !== undefined) return inEth
  }
  return undefined
}

/** ETH per token by block, or `undefined` when this whitelisted token has too little in the pair, or no decimals. */
async function pricesIn(
  { pair, white }: { readonly pair: string; readonly white: string },
  { token, epoch, source, config }: PriceInput,
): Promise<ByBlock<number> | undefined> {
  const whiteDecimals = await decimalsOf(white, { source, blockNumber: epoch.begin })
  if (whiteDecimals === undefined) return undefined

  const quotes = await forEachBlock(blocksOf(epoch), async (blockNumber) => {
    const at = { source, blockNumber }
    const one = 10n ** BigInt(whiteDecimals)
    const [{ reserve0, reserve1 }, whiteInEth] = await Promise.all([
      reservesOf(pair, at),
      white === config.weth ? 1 : amountOut(config.router, one, [white, config.weth], at).then((amount) => scaled(amount, 18)),
    ])
    const whiteIsFirst = white < token.address // A pair orders its tokens by address.
    const whiteReserve = scaled(whiteIsFirst ? reserve0 : reserve1, whiteDecimals)
    const tokenReserve = scaled(whiteIsFirst ? reserve1 : reserve0, token.decimals)
    const whitePerToken = whiteReserve === 0 || tokenReserve === 0 ? 0 : whiteReserve / tokenReserve
    return { liquidityEth: whiteReserve * whiteInEth, priceEth: whitePerToken * whiteInEth }
  })
  if (Array.from(quotes.values()).some(({ liquidityEth }) => liquidityEth < LIQUIDITY_ETH_MIN)) return undefined
  return new Map(Array.from(quotes, ([block, { priceEth }]) => [block, priceEth]))
}
