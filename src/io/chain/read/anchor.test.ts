import { encodeFunctionData } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProtocolCall } from '#io/chain/port.ts'
import { chainSuite } from '#io/chain/suite/anchor.ts'
import { BATCH, CIDS, EPOCH_1, release, submit } from '#io/chain/suite/scene.ts'
import type { Account } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { connectAnchorChain } from './anchor.ts'
import { address, DEPLOYER, startAnvilWorlds } from './anvil.test-world.ts'

let worlds: Awaited<ReturnType<typeof startAnvilWorlds>>

beforeAll(async () => {
  worlds = await startAnvilWorlds()
})
afterAll(() => worlds.stop())

chainSuite('viem on anvil', () => worlds.open())

describe('anchor chain over viem', () => {
  test('a batch whose transaction lies outside the present window is read from the contract itself', async () => {
    const world = await worlds.open()
    const { node, deployment } = worlds
    const perform = async (account: Account, call: ProtocolCall) => {
      const settled = world.sender(account).send('once', call, new AbortController().signal)
      await world.until(async () => (await world.pendingCount()) > 0)
      await world.mine()
      expect(await settled).toMatchObject({ kind: 'done' })
    }
    await perform('epochManager', release(100, 109))
    await world.mine(15)
    await perform('sequencer', submit())
    const before = await world.chain.batch(EPOCH_1, BATCH)
    // The window is now shorter than the batch is late: no log is found where it should be.
    const owner = createSigner(DEPLOYER).address
    const args = [deployment.dataMarket as `0x${string}`, 11n] as const
    await node.call('anvil_impersonateAccount', [owner])
    await node.call('eth_sendTransaction', [
      {
        from: owner,
        to: deployment.protocolState,
        data: encodeFunctionData({ abi: protocolStateAbi, functionName: 'updateBatchSubmissionWindow', args }),
      },
    ])
    await world.mine()
    expect((await world.chain.market()).batchWindowBlocks).toBe(11)
    expect(await world.chain.batch(EPOCH_1, BATCH)).toEqual(before)
    expect(before?.snapshotCids).toEqual(CIDS)
  })

  test('addresses that are not what they should be are refused', async () => {
    const { chainId, protocolState, dataMarket, nodes } = worlds.deployment
    const options = { rpcUrl: worlds.rpcUrl, chainId, protocolState, dataMarket, clock: systemClock, pollMs: 2, reorgDepthMax: 8 }
    const what = async (change: object) => (await connectAnchorChain({ ...options, ...change }).catch((cause: unknown) => cause)) as object
    expect(await what({ protocolState: address('stranger') })).toMatchObject({ code: 'CONTRACT_UNKNOWN', facts: { what: 'ProtocolState' } })
    expect(await what({ dataMarket: nodes })).toMatchObject({ code: 'CONTRACT_UNKNOWN', facts: { address: nodes } })
    expect(await what({ chainId: 1 })).toMatchObject({ code: 'CHAIN_WRONG' })
  })
})
