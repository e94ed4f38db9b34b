import { describe, expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { createScriptedNode, headerOf, hex, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import type { Script } from '#io/chain/rpc/scripted.test-node.ts'
import type { Fees } from './fees.ts'
import { raiseFees, suggestFees } from './fees.ts'
import { sign } from './transaction.ts'

const GWEI = 1_000_000_000n
const gwei = (...counts: readonly number[]) => counts.map((count) => hex(BigInt(count) * GWEI))

/** A node whose latest block has a base fee of 10 gwei. */
const node = (scripts: Record<string, Script>) =>
  createScriptedNode({ eth_getBlockByNumber: () => ({ ...headerOf(5), baseFeePerGas: hex(10n * GWEI) }), ...scripts }).rpc
/** As `eth_feeHistory` tells it: base fees, the next block's behind them, and the tip that each block took, 0 for an empty one. */
const history = (baseFees: readonly number[], tips: readonly number[]) => ({
  eth_feeHistory: () => ({
    oldestBlock: '0x1',
    baseFeePerGas: gwei(...baseFees),
    gasUsedRatio: tips.map((tip) => (tip > 0 ? 0.5 : 0)),
    reward: tips.map((tip) => gwei(tip)),
  }),
})

describe('fees', () => {
  test('are twice the base fee of the next block, and the tip in the middle of what blocks took, whatever the node suggests', async () => {
    const rpc = node({ ...history([8, 10, 12, 11], [3, 0, 900, 2, 4]), eth_maxPriorityFeePerGas: () => gwei(77)[0] })
    expect((await suggestFees(rpc)).fees).toEqual({ maxFeePerGas: (22n + 4n) * GWEI, maxPriorityFeePerGas: 4n * GWEI })
  })

  test.each<[string, Record<string, Script>]>([
    ['knows no history', { eth_feeHistory: () => refuse(-32_601, 'no such method') }],
    ['has null in it', { eth_feeHistory: () => ({ baseFeePerGas: ['0x1', null], reward: null }) }],
    ['has null for it', { eth_feeHistory: () => null }],
    ['has one of empty blocks', history([10, 10, 10], [0, 0])],
  ])('are what the node suggests when it %s', async (_how, scripts) => {
    const rpc = node({ ...scripts, eth_maxPriorityFeePerGas: () => gwei(3)[0] })
    expect((await suggestFees(rpc)).fees).toEqual({ maxFeePerGas: 23n * GWEI, maxPriorityFeePerGas: 3n * GWEI })
  })

  test('have the tip that is in the gas price where the node knows of no tips, none where it knows nothing, and are never nothing', async () => {
    expect((await suggestFees(node({ eth_gasPrice: () => gwei(14)[0] }))).fees).toEqual({
      maxFeePerGas: 24n * GWEI,
      maxPriorityFeePerGas: 4n * GWEI,
    })
    expect((await suggestFees(node({}))).fees).toEqual({ maxFeePerGas: 20n * GWEI, maxPriorityFeePerGas: 0n })
    const free = node({ eth_getBlockByNumber: () => ({ ...headerOf(5), baseFeePerGas: '0x0' }) })
    expect((await suggestFees(free)).fees).toEqual({ maxFeePerGas: 1n, maxPriorityFeePerGas: 0n })
  })

  const { baseFeePerGas: _, ...bare } = headerOf(5)
  test.each<[string, object]>([
    ['leaves it out', bare],
    ['says null', { ...bare, baseFeePerGas: null }],
  ])('are the gas price on a chain without a base fee, whose node %s, whatever its history says', async (_how, header) => {
    // What geth says of a chain from before London.
    const legacy = { eth_getBlockByNumber: () => header, ...history([0, 0], [0]) }
    expect((await suggestFees(node({ ...legacy, eth_gasPrice: () => gwei(9)[0] }))).fees).toEqual({ gasPrice: 9n * GWEI })
    await expect(suggestFees(node({ ...legacy, eth_gasPrice: () => 'cheap' }))).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
    expect((await suggestFees(node({ ...legacy, eth_gasPrice: () => gwei(9)[0] }), 5n * GWEI)).fees).toEqual({ gasPrice: 5n * GWEI })
  })

  test('are never above what somebody has set, and the tip never above the fee', async () => {
    const rpc = node(history([10, 10], [7]))
    expect(await suggestFees(rpc, 3n * GWEI)).toEqual({
      fees: { maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: 3n * GWEI },
      capWei: 3n * GWEI,
    })
  })

  test('are without a setting never above ten times what blocks have taken, though the node suggests it', async () => {
    const rpc = node({ ...history([10, 10], [0]), eth_maxPriorityFeePerGas: () => gwei(5_000)[0] })
    expect((await suggestFees(rpc)).fees).toEqual({ maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: 100n * GWEI })
    expect((await suggestFees(node(history([10, 40, 12], [5])))).capWei).toBe(450n * GWEI)
  })
})

describe('a replacement', () => {
  const signer = createSigner(parsePrivateKey('07'.repeat(32)))
  const draft = { to: `0x${'50'.repeat(20)}` as Address, data: '0x1234', value: 0n, gas: 50_000n } as const
  const rawWith = async (fees: Fees) => (await sign(signer, { chainId: 1, nonce: 3, draft, fees })).raw
  const raised = async (before: Fees, fees: Fees, capWei = 1_000n) => raiseFees(await rawWith(before), { fees, capWei })
  const before = { maxFeePerGas: 100n, maxPriorityFeePerGas: 40n }

  test('offers a quarter more than before, in fee and in tip', async () => {
    expect(await raised(before, { maxFeePerGas: 5n, maxPriorityFeePerGas: 5n })).toEqual({ maxFeePerGas: 126n, maxPriorityFeePerGas: 51n })
    expect(await raised({ gasPrice: 100n }, { gasPrice: 5n })).toEqual({ gasPrice: 126n })
  })

  test('offers what is suggested where that is more', async () => {
    const dear = { maxFeePerGas: 500n, maxPriorityFeePerGas: 90n }
    expect(await raised(before, dear)).toEqual(dear)
    expect(await raised({ gasPrice: 100n }, { gasPrice: 500n })).toEqual({ gasPrice: 500n })
  })

  test('has no tip above its fee, which no node takes', async () => {
    expect(await raised({ maxFeePerGas: 100n, maxPriorityFeePerGas: 100n }, { maxFeePerGas: 5n, maxPriorityFeePerGas: 400n })).toEqual({
      maxFeePerGas: 400n,
      maxPriorityFeePerGas: 400n,
    })
  })

  test('above the cap is none, by its tip neither', async () => {
    expect(await raised(before, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }, 126n)).toBeDefined()
    expect(await raised(before, { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }, 125n)).toBeUndefined()
    expect(await raised(before, { maxFeePerGas: 1n, maxPriorityFeePerGas: 300n }, 250n)).toBeUndefined()
    expect(await raised({ gasPrice: 100n }, { gasPrice: 1n }, 125n)).toBeUndefined()
  })
})
