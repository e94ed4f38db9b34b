/** Where one Uniswap V2 deployment lives. Addresses in any case. */
export interface UniswapV2Config {
  readonly factory: string
  readonly router: string
  readonly weth: string
  readonly dai: string
  readonly usdc: string
  readonly usdt: string
  /** The stablecoin–WETH pairs that make the price of ETH (spec/08 §3). */
  readonly daiWethPair: string
  readonly usdcWethPair: string
  readonly wethUsdtPair: string
  /** Tokens through which another token is priced, in the order tried (spec/08 §4). */
  readonly whitelist: readonly string[]
  /** The data sources, as they are to stand in `contract`. */
  readonly pairs: readonly string[]
  /**
   * How a market charges the 0.3 % of a swap; the deployed versions differ (spec/08 §4). `trade`: on the trade's USD value, the newer
   * core. `token1`: on the USD of token 1, or of token 0 when that is zero, the older one.
   */
  readonly feeOn: 'trade' | 'token1'
}
