/** What providers and nodes were seen to say; each is recognised by a test of its own in `src/io/chain/rpc`. */
export interface Wording {
  readonly code: number
  readonly message: string
}

const said = (...wordings: readonly (readonly [code: number, message: string])[]): readonly Wording[] =>
  wordings.map(([code, message]) => ({ code, message }))

/** Of ranges of blocks. None names how long one may be: what it named would not be true of the proxy. */
export const RANGE_LIMITS = said(
  [-32_600, 'block range is too wide'], // Ankr
  [-32_062, 'Block range is too large'], // Ankr of today
  [-32_000, 'Block range limit exceeded. See more details at https://docs.example/docs/limits#evm-range-limits'], // Chainstack
  [-32_614, 'eth_getLogs is limited to a 4 range'], // QuickNode
  [-32_047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 4"], // Cloudflare
  [35, 'ranges over 4 blocks are not supported on freetier'], // dRPC
  [-32_701, 'exceed maximum block range: 4'], // PublicNode
  [-32_000, 'please limit the query to at most 4 blocks'], // Base
  [-32_000, 'requested too many blocks from 1 to 5000, maximum is set to 4'], // Avalanche
  [-32_000, 'Requested range exceeds maximum RPC range limit'], // Besu
)
export const RESULT_LIMITS = said(
  [-32_005, 'query returned more than 10000 results'], // Infura, Erigon
  [-32_000, 'query exceeds max results 20000'], // LlamaRPC
  [-32_020, 'backend response too large'], // Optimism
  [-32_000, 'logs matched by query exceeds limit of 10000'], // Nitro
  [-32_000, 'Too many logs: 20000'], // Nethermind
  [-32_005, 'limit exceeded'],
)
export const BATCH_LIMITS = said(
  [-32_005, 'Batched requests are not supported by this server'], // reth
  [-32_600, 'batch too large'], // geth
  [-32_010, 'The batch request was too large'], // reth
  [-32_000, 'batch limit 100 exceeded (can increase by --rpc.batch.limit). Requested batch of size: 200'], // Erigon
  [-32_005, 'Number of requests in batch exceeds limit'], // Besu
  [-32_005, 'Batch size limit exceeded'], // Nethermind
  [31, 'Batch of more than 3 requests are not allowed on free tier'], // dRPC
)
export const RATE_LIMITS = said(
  [429, 'Your app has exceeded its compute units per second capacity.'], // Alchemy
  [-32_005, 'daily request count exceeded, request rate limited'], // Infura
  [-32_007, '50/second request limit reached - reduce calls per second or upgrade your account'], // QuickNode
  [-32_029, 'Too many requests, reason: call rate limit exhausted'], // Ankr
  [-32_016, 'over rate limit'], // Base
)
export const REVERTS = said(
  [3, 'execution reverted'], // geth
  [-32_000, 'execution reverted'], // geth of before, Besu
  [-32_015, 'VM execution error.'], // OpenEthereum, Nethermind
  [-32_603, 'VM Exception while processing transaction: revert'], // Ganache
  [-32_603, 'Error: VM Exception while processing transaction: reverted with an unrecognized custom error'], // Hardhat
  [-32_603, 'VM Exception while processing transaction: revert'], // Frontier
)
