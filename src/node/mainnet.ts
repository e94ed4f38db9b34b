/** Where markets of deployed nodes lie on Ethereum (spec/08 §3, §4, §6): their files name project types and data sources, and take these for granted. */

const [WETH, DAI, USDC, USDT] = [
  '0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2',
  '0x6b175474e89094c44da98b954eedeac495271d0f',
  '0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48',
  '0xdac17f958d2ee523a2206206994597c13d831ec7',
] as const

export const MAINNET_PRICES = {
  weth: WETH,
  dai: DAI,
  usdc: USDC,
  usdt: USDT,
  daiWethPair: '0xa478c2975ab1ea89e8196811f51a7b7ade33eb11',
  usdcWethPair: '0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc',
  wethUsdtPair: '0x0d4a11d5eeaac28ec3f61d100daf4d40471f1852',
} as const

export const MAINNET_UNISWAP = {
  factory: '0x5c69bee701ef814a2b6a3edd4b1652cb9cc5aa6f',
  router: '0x7a250d5630b4cf539739df2c5dacb4c659f2488d',
  ...MAINNET_PRICES,
  whitelist: [
    WETH,
    DAI,
    USDC,
    USDT,
    '0x0000000000085d4780b73119b644ae5ecd22b376', // TUSD
    '0x5d3a536e4d6dbd6114cc1ead35777bab948e3643', // cDAI
    '0x39aa39c021dfbae8fac545936693ac917d5e7563', // cUSDC
    '0x57ab1ec28d129707052df4df418d58a2d46d5f51', // sUSD
    '0x9f8f72aa9304c8b593d555f12ef6589cc3a579a2', // MKR
    '0xc00e94cb662c3520282e6f5717214004a7f26888', // COMP
    '0x514910771af9ca656af840dff83e8264ecf986ca', // LINK
    '0x960b236a07cf122663c4303350609a66a7b288c0', // ANT
    '0xc011a73ee8576fb46f5e1c5751ca3b9fe0af2a6f', // SNX
    '0x0bc529c00c6401aef6d220be8c6ea1667f6ad93e', // YFI
    '0xdf5e0e81dff6faf3a7e52ba697820c5e32d806a8', // yCRV
    '0x853d955acef822db058eb8505911ed77f175b99e', // FRAX
    '0xa47c8bf37f92abed4a126bda807a7b7498661acd', // UST
    '0x1f9840a85d5af5bf1d1762f925bdaddc4201f984', // UNI
    '0x2260fac5e5542a773aa44fbcfedf7c193bc2c599', // WBTC
    '0x956f47f50a910163d8bf957cf5846d573e7f87ca', // FEI
  ],
  /** As the newer core charges it. */
  feeOn: 'trade',
} as const

export const MAINNET_AAVE = {
  pool: '0x87870bca3f3fd6335c3f4ce8392d69350b4fa4e2',
  poolAddressesProvider: '0x2f39d218133afab8f2b819b1066c7e434ad94e9e',
  uiPoolDataProvider: '0x91c0ea31b49b69ea18607702c5d9ac360bf3de7d',
} as const
