import { expect, test } from 'vitest'
import { createScriptedNode, headerOf, hex } from '#io/chain/rpc/scripted.test-node.ts'
import { createMemoryJournal } from '#io/chain/suite/scene.ts'
import { createGasLimit } from './gas-limit.ts'

/** A chain whose blocks have so much gas. */
function open(blockGas?: number, gasPerTransactionMax?: bigint) {
  const header = blockGas === undefined ? headerOf(5) : { ...headerOf(5), gasLimit: hex(blockGas) }
  const { rpc } = createScriptedNode({ eth_getBlockByNumber: () => header })
  const journal = createMemoryJournal()
  return { rpc, journal, limit: createGasLimit({ rpc, journal, gasPerTransactionMax }) }
}

test.each<[string, number | undefined, bigint | undefined, bigint]>([
  ['is that of EIP-7825 where nothing is said', undefined, undefined, 16_777_216n],
  ['is that of EIP-7825 where blocks have more', 2 ** 50, undefined, 16_777_216n],
  ['is that of a block where blocks have less', 8_000_000, undefined, 8_000_000n],
  ['is what somebody has set', 36_000_000, 32_000_000n, 32_000_000n],
  ['is never more than a block has', 30_000_000, 32_000_000n, 30_000_000n],
])('the gas of a transaction %s', async (_what, blockGas, set, expected) => {
  expect(await open(blockGas, set).limit.now()).toBe(expected)
})

test.each<[string, bigint, bigint]>([
  ['transaction gas limit too high (cap: 16777216, tx: 24000000)', 24_000_000n, 16_777_216n],
  ['tx gas limit (24000000) exceeds max transaction gas limit: 10000000', 24_000_000n, 10_000_000n],
  ['exceeds the limit for a transaction', 24_000_000n, 16_777_216n],
  ['GasLimitExceeded, Gas limit: 20000000, gas limit of rejected tx: 24000000', 24_000_000n, 20_000_000n],
])('is learned from "%s", and still known by the next process', async (words, gas, expected) => {
  const { rpc, journal, limit } = open(undefined, 32_000_000n)
  await limit.learn(words, gas)
  expect(await limit.now()).toBe(expected)
  expect(await createGasLimit({ rpc, journal, gasPerTransactionMax: 32_000_000n }).now()).toBe(expected)
})

test('what is refused at less than the limit teaches nothing', async () => {
  const { limit } = open()
  await limit.learn('exceeds block gas limit', 9_000_000n)
  expect(await limit.now()).toBe(16_777_216n)
})
