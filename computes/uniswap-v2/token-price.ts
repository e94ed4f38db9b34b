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
  for (const white of config.whitelist) {
    const inEth = await pricesThrough(white, input)
    if (inEth !== undefined) return new Map(Array.from(inEth, ([block, eth]) => [block, eth * atBlock(ethPrices, block)]))
  }
  return new Map(blocksOf(input.epoch).map((block) => [block, 0]))
}

/** ETH per token by block, or `undefined` when this whitelisted token has no pair with it, too little in it, or no decimals. */
async function pricesThrough(white: string, { token, epoch, source, config }: PriceInput): Promise<ByBlock<number> | undefined> {
  // Looked up at the first block: a pair made within the epoch has no reserves at its beginning.
  const at = { source, blockNumber: epoch.begin }
  const pair = await pairOf(config.factory, [white, token.address], at)
  if (pair === undefined) return undefined
  const whiteDecimals = await decimalsOf(white, at)
  if (whiteDecimals === undefined) return undefined

  const quotes = await forEachBlock(blocksOf(epoch), async (blockNumber) => {
    const { reserve0, reserve1 } = await reservesOf(pair, { source, blockNumber })
    const whiteIsFirst = white < token.address // A pair orders its tokens by address.
    const whiteReserve = scaled(whiteIsFirst ? reserve0 : reserve1, whiteDecimals)
    const tokenReserve = scaled(whiteIsFirst ? reserve1 : reserve0, token.decimals)
    const whiteInEth =
      white === config.weth
        ? 1
        : scaled(await amountOut(config.router, 10n ** BigInt(whiteDecimals), [white, config.weth], { source, blockNumber }), 18)
    const whitePerToken = whiteReserve === 0 || tokenReserve === 0 ? 0 : whiteReserve / tokenReserve
    return { liquidityEth: whiteReserve * whiteInEth, priceEth: whitePerToken * whiteInEth }
  })
  if (Array.from(quotes.values()).some(({ liquidityEth }) => liquidityEth < LIQUIDITY_ETH_MIN)) return undefined
  return new Map(Array.from(quotes, ([block, { priceEth }]) => [block, priceEth]))
}
