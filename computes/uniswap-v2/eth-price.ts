import { blocksOf, forEachBlock, type Preload, scaled, type SourceReader } from 'weft/compute'
import type { PriceConfig } from './config.ts'
import { reservesOf, type Token, tokenAt } from './contracts.ts'

export const ETH_PRICE = 'eth_price'

interface StablePair {
  readonly pair: string
  readonly stable: Token
}

/** USD per ETH by block number (spec/08 §3). */
export function ethPrice(config: PriceConfig): Preload {
  return {
    taskType: ETH_PRICE,
    async preload({ epoch, source }) {
      const at = { source, blockNumber: epoch.begin }
      // The order DAI, USDC, USDT is that of the sums below, and so part of the result.
      const pairs: readonly StablePair[] = await Promise.all([
        tokenAt(config.dai, at).then((stable) => ({ pair: config.daiWethPair, stable })),
        tokenAt(config.usdc, at).then((stable) => ({ pair: config.usdcWethPair, stable })),
        tokenAt(config.usdt, at).then((stable) => ({ pair: config.wethUsdtPair, stable })),
      ])
      return forEachBlock(blocksOf(epoch), (blockNumber) => priceAt({ source, blockNumber, pairs, weth: config.weth }))
    },
  }
}

async function priceAt(options: {
  source: SourceReader
  blockNumber: number
  pairs: readonly StablePair[]
  weth: string
}): Promise<number> {
  const amounts = await Promise.all(
    options.pairs.map(async ({ pair, stable }) => {
      const { reserve0, reserve1 } = await reservesOf(pair, options)
      const stableIsFirst = stable.address < options.weth // A pair orders its tokens by address.
      const [stableReserve, ethReserve] = stableIsFirst ? [reserve0, reserve1] : [reserve1, reserve0]
      if (stableReserve === 0n || ethReserve === 0n) throw new Error(`price pair ${pair} is empty at block ${options.blockNumber}`)
      return { stable: scaled(stableReserve, stable.decimals), eth: scaled(ethReserve, 18) }
    }),
  )
  const ethTotal = amounts.reduce((sum, { eth }) => sum + eth, 0)
  return amounts.reduce((sum, { stable, eth }) => sum + (eth / ethTotal) * (stable / eth), 0)
}
