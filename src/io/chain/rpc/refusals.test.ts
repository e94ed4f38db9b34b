import { expect, test } from 'vitest'
import type { RefusalKind } from './refusals.ts'
import { kindOfRefusal, rangeSaid } from './refusals.ts'

const refusal = (code: number, message: string) => ({ code, message, data: undefined })

/** What providers and nodes were seen to answer to a range of logs, and the number of blocks that they name. */
test.each<[string, number, string, RefusalKind, number | undefined]>([
  [
    'Alchemy',
    -32_600,
    'Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x10, 0x19]. Upgrade to PAYG for expanded block range.',
    'range',
    10,
  ],
  [
    'Alchemy, too many results',
    -32_602,
    'Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size. Based on your parameters and the response size limit, this block range should work: [0x0, 0x63]',
    'results',
    100,
  ],
  ['Infura', -32_005, 'query returned more than 10000 results. Try with this block range [0x100, 0x1ff].', 'results', 256],
  ['QuickNode', -32_614, 'eth_getLogs is limited to a 10,000 range', 'range', 10_000],
  ['Ankr', -32_600, 'block range is too wide', 'range', undefined],
  ['Ankr of today', -32_062, 'Block range is too large', 'range', undefined],
  ['Ankr, Tac', -32_000, 'maximum [from, to] blocks distance: 2000', 'range', 2_000],
  [
    'Chainstack',
    -32_000,
    'Block range limit exceeded. See more details at https://docs.example/docs/limits#evm-range-limits',
    'range',
    undefined,
  ],
  ['Cloudflare', -32_047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800", 'range', 800],
  ['dRPC', 35, 'ranges over 10000 blocks are not supported on freetier', 'range', 10_000],
  ['BlastAPI', -32_000, 'the query exceeds the range allowed for your plan (1000 > 500)', 'range', 500],
  ['BlockPi', -32_602, 'eth_getLogs is limited to 1024 block range', 'range', 1_024],
  ['PublicNode', -32_701, 'exceed maximum block range: 50000', 'range', 50_000],
  ['LlamaRPC', -32_000, 'query exceeds max results 20000', 'results', 20_000],
  ['Base', -32_000, 'please limit the query to at most 1,000 blocks', 'range', 1_000],
  ['Optimism', -32_020, 'backend response too large', 'results', undefined],
  ['Nitro', -32_000, 'logs matched by query exceeds limit of 10000', 'results', 10_000],
  ['Avalanche', -32_000, 'requested too many blocks from 1 to 5000, maximum is set to 2048', 'range', 2_048],
  ['thirdweb', -32_000, 'Maximum allowed number of requested blocks is 3500', 'range', 3_500],
  ['1RPC', -32_602, 'eth_getLogs is limited to 0 - 10000 blocks range', 'range', 10_000],
  ['Merkle', -32_000, 'eth_getLogs range is too large, max is 10k blocks', 'range', 10_000],
  ['Harmony', -32_000, 'query must be smaller than size 1024', 'range', 1_024],
  ['Frontier', -32_603, 'block range is too wide (maximum 1024)', 'range', 1_024],
  ['geth', -32_000, 'block range greater than 1000 max', 'range', 1_000],
  ['Erigon', -32_000, 'query returned more than 10000 results', 'results', 10_000],
  ['reth', -32_602, 'query exceeds max block range 100000', 'range', 100_000],
  ['reth, too many results', -32_602, 'query exceeds max results 20000, retry with the range 1-2', 'results', undefined],
  ['Besu', -32_000, 'Requested range exceeds maximum RPC range limit', 'range', undefined],
  ['Nethermind', -32_000, 'Too many logs: 20000', 'results', 20_000],
  ['a node without words for it', -32_005, 'limit exceeded', 'results', undefined],
])('the limit of %s for logs', (_of, code, message, kind, said) => {
  expect(kindOfRefusal(refusal(code, message), 'eth_getLogs')).toBe(kind)
  if (kind === 'range') expect(rangeSaid(message)).toBe(said)
})

test.each<[string, number, string, string, RefusalKind]>([
  ['Alchemy', 429, 'Your app has exceeded its compute units per second capacity.', 'eth_call', 'rate'],
  ['Infura', -32_005, 'daily request count exceeded, request rate limited', 'eth_call', 'rate'],
  ['Infura, of a project', -32_005, 'project ID request rate exceeded', 'eth_getLogs', 'rate'],
  ['QuickNode', -32_007, '50/second request limit reached - reduce calls per second or upgrade your account', 'eth_call', 'rate'],
  ['Ankr', -32_029, 'Too many requests, reason: call rate limit exhausted', 'eth_call', 'rate'],
  ['Chainstack', -32_005, "You've exceeded the RPS limit available on the current plan.", 'eth_call', 'rate'],
  ['Base', -32_016, 'over rate limit', 'eth_call', 'rate'],
  ['Base without a node', -32_011, 'no backend is currently healthy to serve traffic', 'eth_getLogs', 'rate'],
  ['geth', -32_600, 'batch too large', '', 'batch'],
  ['reth without batches', -32_005, 'Batched requests are not supported by this server', '', 'batch'],
  ['reth', -32_010, 'The batch request was too large', '', 'batch'],
  ['Erigon', -32_000, 'batch limit 100 exceeded (can increase by --rpc.batch.limit). Requested batch of size: 200', '', 'batch'],
  ['Besu', -32_005, 'Number of requests in batch exceeds limit', '', 'batch'],
  ['Nethermind', -32_005, 'Batch size limit exceeded', '', 'batch'],
  ['dRPC', 31, 'Batch of more than 3 requests are not allowed on free tier', '', 'batch'],
  ['geth', -32_000, 'header not found', 'eth_call', 'absent'],
  ['geth, by hash', -32_000, 'unknown block', 'eth_getLogs', 'absent'],
  ['geth, pruned', -32_000, 'missing trie node 5a (path ) state 0x12 is not available, not found', 'eth_call', 'absent'],
  ['Erigon', -32_000, 'old data not available due to pruning', 'eth_call', 'absent'],
  ['Nethermind', -32_002, 'No state available for block 1', 'eth_call', 'absent'],
  ['reth', -32_001, 'block not found: hash 0x12', 'eth_getLogs', 'absent'],
  ['Besu', -32_000, 'World state unavailable', 'eth_call', 'absent'],
  ['anvil', -32_602, 'BlockOutOfRangeError: block height is 5 but requested was 6', 'eth_call', 'absent'],
  ['Chainstack, an archive', -32_002, 'Archive, Debug and Trace requests are not available on your current plan', 'eth_call', 'absent'],
  ['every node', -32_601, 'the method eth_getProof does not exist/is not available', 'eth_getProof', 'method'],
  ['dRPC, of a plan', -32_000, 'method is not available on freetier', 'eth_getProof', 'method'],
  ['geth', -32_000, 'already known', 'eth_sendRawTransaction', 'known'],
  ['Nethermind', -32_010, 'AlreadyKnown', 'eth_sendRawTransaction', 'known'],
  ['Besu', -32_000, 'Known transaction', 'eth_sendRawTransaction', 'known'],
  ['anvil', -32_003, 'transaction already imported', 'eth_sendRawTransaction', 'known'],
  ['OpenEthereum', -32_010, 'Transaction with the same hash was already imported.', 'eth_sendRawTransaction', 'known'],
])('%s: %i %s', (_of, code, message, method, kind) => {
  expect(kindOfRefusal(refusal(code, message), method)).toBe(kind)
})

test.each([
  [3, 'execution reverted: rate limit exceeded', 'eth_call'],
  [-32_000, 'execution reverted: block range', 'eth_getLogs'],
  [-32_000, 'insufficient funds for gas * price + value', 'eth_sendRawTransaction'],
  [-32_000, 'nonce too low', 'eth_sendRawTransaction'],
  [-32_000, 'a transaction with that nonce already exists', 'eth_sendRawTransaction'],
  [-32_000, 'replacement transaction underpriced', 'eth_sendRawTransaction'],
])('%i %s is none of them', (code, message, method) => {
  expect(kindOfRefusal(refusal(code, message), method)).toBeUndefined()
})
