import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BlockNumber, ContractNumber, ProjectId } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { startAnvilWorlds } from '#io/chain/read/anvil.test-world.ts'
import { attest, BATCH, BATCH_2, createScene, EPOCH_1, submit, SUITE_MARKET } from '#io/chain/suite/scene.ts'
import { asNitro, BLOCKS_TO_A_NUMBER, lastSeeing } from './nitro.ts'
import { type HostileProxy, startProxy } from './proxy.ts'

/** The contracts themselves on a chain as Nitro shows one: they count in a number that its blocks do not have. */

let worlds: Awaited<ReturnType<typeof startAnvilWorlds>>
let proxy: HostileProxy

beforeAll(async () => {
  worlds = await startAnvilWorlds()
  proxy = await startProxy(worlds.rpcUrl, 1)
  proxy.behave(asNitro())
})
afterAll(async () => {
  await proxy.stop()
  await worlds.stop()
})

const { released } = createScene(async () => {
  const world = await worlds.open(proxy.url)
  // One more of the node's blocks is three more of the chain's.
  return { ...world, lastSeeing, mine: (count = 1) => world.mine(Math.ceil(count / BLOCKS_TO_A_NUMBER)) }
})

test('G12: the release of an epoch has the number that the contract noted, and is found in the one block that has its event', async () => {
  const { chain } = await released()
  const seen = Number(await worlds.node.call('eth_blockNumber', [])) as ContractNumber
  const [head, release] = [await chain.head(), (await chain.release(EPOCH_1)) as BlockRef]
  expect([head.contractNumber, head.number]).toEqual([seen, lastSeeing(seen)])
  expect(await chain.epochInfo(EPOCH_1)).toMatchObject({ contractNumber: seen, timestamp: release.timestamp })
  expect([release.contractNumber, release.number]).toEqual([seen, lastSeeing(seen) - 1])
  expect(await chain.block(release.number)).toEqual(release)
  expect(await chain.firstSeeing(seen)).toBe(lastSeeing(seen - 1) + 1)
  expect(await chain.firstSeeing((seen + 1) as ContractNumber)).toBe(head.number + 1)
  expect(await chain.release(2 as typeof EPOCH_1)).toBeUndefined()
  const created = (await chain.block(await chain.deploymentBlock())) as BlockRef
  expect(created.contractNumber).toBe(Number(created.number) / BLOCKS_TO_A_NUMBER)
})

test('G12: windows end by the number of contracts, and events, batches and states are asked for by that of blocks', async () => {
  const { chain, perform, pass, eventsSince } = await released()
  const { number, contractNumber } = (await chain.release(EPOCH_1)) as BlockRef
  const passUntil = async (blocks: number) => pass(contractNumber + blocks - (await chain.head()).contractNumber)
  await passUntil(SUITE_MARKET.batchWindowBlocks - 1)
  await perform('sequencer', submit())
  await perform('sequencer', submit({ batchCid: BATCH_2, projectIds: ['a:SUITE', 'b:SUITE'] as ProjectId[] }))
  await passUntil(SUITE_MARKET.attestationWindowBlocks - 2)
  for (const validator of ['validator1', 'validator2', 'validator3'] as const) await perform(validator, attest())
  const placed = async ({ block, kind }: Record<string, unknown>) => {
    const { contractNumber: seen } = (await chain.block(block as BlockNumber)) as BlockRef
    return [seen - contractNumber, kind]
  }
  const events = (await eventsSince(number + 1)).filter(({ kind }) => kind !== 'SnapshotFinalized')
  expect(await Promise.all(events.map(placed))).toEqual([
    [20, 'SnapshotBatchSubmitted'],
    [21, 'DelayedBatchSubmitted'],
    [29, 'SnapshotBatchAttestationSubmitted'],
    [30, 'SnapshotBatchAttestationSubmitted'],
    [30, 'SnapshotBatchFinalized'],
    [31, 'DelayedAttestationSubmitted'],
  ])
  expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: true, attestationCount: 2 })
  const anchored = events[0]?.['block'] as BlockNumber
  expect(await chain.batch(EPOCH_1, BATCH, anchored)).toMatchObject({ isFinalized: false, attestationCount: 0 })
  expect(await chain.batch(EPOCH_1, BATCH, (anchored - 1) as BlockNumber)).toBeUndefined()
})
