import { expect, test } from 'vitest'
import type { NotTaken } from './not-taken.ts'
import { needsPerson, whyNotTaken } from './not-taken.ts'
import { kindOfRefusal } from './refusals.ts'

/** What nodes and providers answer to a transaction that they do not take, with their codes. */
test.each<[string, number, string, NotTaken]>([
  ['geth', -32_000, 'insufficient funds for gas * price + value: balance 0, tx cost 2100000, overshot 2100000', 'CALL_UNFUNDED'],
  ['geth of before', -32_000, 'insufficient funds for gas * price + value: address 0x12 have 0 want 2100000', 'CALL_UNFUNDED'],
  ['geth', -32_000, 'insufficient funds for transfer', 'CALL_UNFUNDED'],
  ['geth', -32_000, 'tx fee (1.20 ether) exceeds the configured cap (1.00 ether)', 'CALL_FEE_CAPPED'],
  ['geth', -32_000, 'nonce too low: next nonce 5, tx nonce 3', 'CALL_NONCE_LOW'],
  ['geth', -32_000, 'nonce too high: address 0x12, tx: 9 state: 3', 'CALL_NONCE_HIGH'],
  ['geth', -32_000, 'replacement transaction underpriced', 'CALL_UNDERPRICED'],
  ['geth', -32_000, 'transaction underpriced: gas tip cap 0, minimum needed 1', 'CALL_UNDERPRICED'],
  ['geth', -32_000, 'max fee per gas less than block base fee: address 0x12, maxFeePerGas: 1, baseFee: 7', 'CALL_UNDERPRICED'],
  ['geth', -32_000, 'future transaction tries to replace pending', 'CALL_NONCE_HIGH'],
  ['geth', -32_000, 'exceeds block gas limit', 'CALL_GAS_HIGH'],
  ['geth, EIP-7825', -32_000, 'transaction gas limit too high (cap: 16777216, tx: 24000000)', 'CALL_GAS_HIGH'],
  ['geth, of an estimate', -32_000, 'gas required exceeds allowance (30000000)', 'CALL_GAS_HIGH'],
  ['geth', -32_000, 'intrinsic gas too low: gas 20000, minimum needed 21000', 'CALL_GAS_LOW'],
  ['geth, EIP-7623', -32_000, 'insufficient gas for floor data gas cost: gas 21000, minimum needed 40000', 'CALL_GAS_LOW'],
  ['geth', -32_000, 'oversized data: transaction size 140000, limit 131072', 'CALL_TOO_LARGE'],
  ['geth', -32_000, 'max initcode size exceeded: code size 60000 limit 49152', 'CALL_TOO_LARGE'],
  ['geth', -32_000, 'sender not an eoa: address 0x12, len(code): 23', 'CALL_FORBIDDEN'],
  ['geth', -32_000, 'txpool is full', 'CALL_POOL_FULL'],
  ['geth', -32_000, 'account limit exceeded', 'CALL_POOL_FULL'],
  ['Erigon', -32_000, 'insufficient funds', 'CALL_UNFUNDED'],
  ['Erigon', -32_000, 'fee too low', 'CALL_UNDERPRICED'],
  ['Erigon', -32_000, 'could not replace existing tx', 'CALL_UNDERPRICED'],
  ['Erigon', -32_000, 'rlp too long', 'CALL_TOO_LARGE'],
  ['Erigon', -32_000, 'gas limit is too high', 'CALL_GAS_HIGH'],
  ['Erigon', -32_000, 'pending sub-pool is full', 'CALL_POOL_FULL'],
  ['Nethermind', -32_010, 'InsufficientFunds, Account balance: 0, cumulative cost: 2100000', 'CALL_UNFUNDED'],
  ['Nethermind', -32_010, 'OldNonce, Current nonce: 5, nonce of rejected tx: 3', 'CALL_NONCE_LOW'],
  ['Nethermind', -32_010, 'NonceGap, Future nonce. Expected nonce: 5', 'CALL_NONCE_HIGH'],
  ['Nethermind', -32_010, 'FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7', 'CALL_UNDERPRICED'],
  ['Nethermind', -32_010, 'ReplacementNotAllowed', 'CALL_UNDERPRICED'],
  ['Nethermind', -32_010, 'GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 40000000', 'CALL_GAS_HIGH'],
  ['Nethermind', -32_010, 'MaxTxSizeExceeded, transaction size 140000 is greater than the maximum', 'CALL_TOO_LARGE'],
  ['Nethermind', -32_010, 'SenderIsContract, Sender is contract', 'CALL_FORBIDDEN'],
  ['reth', -32_003, 'insufficient funds for gas * price + value: have 0 want 2100000', 'CALL_UNFUNDED'],
  ['reth', -32_003, 'tx gas limit (24000000) exceeds max transaction gas limit: 16777216', 'CALL_GAS_HIGH'],
  ['anvil', -32_003, 'Insufficient funds for gas * price + value', 'CALL_UNFUNDED'],
  ['anvil', -32_003, 'nonce too low', 'CALL_NONCE_LOW'],
  ['anvil', -32_003, 'intrinsic gas too high -- tx.gas_limit > env.block.gas_limit', 'CALL_GAS_HIGH'],
  ['Besu', -32_004, 'Upfront cost exceeds account balance', 'CALL_UNFUNDED'],
  ['Besu', -32_005, 'Transaction gas limit exceeds block gas limit', 'CALL_GAS_HIGH'],
  ['Besu', -32_003, 'Intrinsic gas exceeds gas limit', 'CALL_GAS_LOW'],
  ['Besu', -32_001, 'Nonce too low', 'CALL_NONCE_LOW'],
  ['Besu', -32_006, 'Transaction nonce is too distant from current sender nonce', 'CALL_NONCE_HIGH'],
  ['Besu', -32_007, 'Sender account not authorized to send transactions', 'CALL_FORBIDDEN'],
  ['Besu', -32_009, 'Gas price below configured minimum gas price', 'CALL_UNDERPRICED'],
  ['Besu', -32_000, 'Transaction fee cap exceeded', 'CALL_FEE_CAPPED'],
  ['Nitro', -32_000, 'max fee per gas less than block base fee: address 0x12, maxFeePerGas: 1 baseFee: 100000000', 'CALL_UNDERPRICED'],
  ['Nitro', -32_000, 'transaction sender is not on the whitelist', 'CALL_FORBIDDEN'],
  ['Alchemy', -32_000, '[NONCE_TOO_LOW] nonce too low: next nonce 5, tx nonce 3', 'CALL_NONCE_LOW'],
  ['Infura', -32_000, 'transaction underpriced', 'CALL_UNDERPRICED'],
  [
    'QuickNode',
    -32_000,
    'err: insufficient funds for gas * price + value: address 0x12 have 0 want 1 (supplied gas 21000)',
    'CALL_UNFUNDED',
  ],
])('%s: %i %s', (_of, code, message, why) => {
  const refusal = { code, message, data: undefined }
  expect(whyNotTaken(refusal)).toBe(why)
  // No limit of the endpoint, whatever its code means elsewhere: it must not be asked elsewhere, or later.
  expect(kindOfRefusal(refusal, 'eth_sendRawTransaction')).toBeUndefined()
})

test.each([['header not found'], ['already known'], ['rate limit exceeded'], ['the method eth_sendRawTransaction does not exist']])(
  '%s is said of something else',
  (message) => {
    expect(whyNotTaken({ code: -32_000, message, data: undefined })).toBeUndefined()
  },
)

test('what passes by itself is for nobody to mend', () => {
  expect((['CALL_UNFUNDED', 'CALL_GAS_HIGH', 'CALL_FORBIDDEN'] as const).map(needsPerson)).toEqual([true, true, true])
  expect((['CALL_NONCE_LOW', 'CALL_UNDERPRICED', 'CALL_POOL_FULL'] as const).map(needsPerson)).toEqual([false, false, false])
})
