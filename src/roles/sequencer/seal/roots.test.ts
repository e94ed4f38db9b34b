import { describe, expect, test } from 'vitest'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { BatchEntry, EpochEntry } from '#roles/sequencer/ledger.ts'
import {
  EPOCH_1,
  OTHER_SEQUENCER,
  open,
  PROJECTS,
  SEQUENCER,
  sealed,
  type Settings,
  VALIDATOR,
  vote,
  type World,
} from '#roles/sequencer/sequencer.test-world.ts'
import { decodeBatch } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'

/** One project a batch: three batches of epoch 1, by their roots. */
async function voted(settings: Settings = {}): Promise<World> {
  const world = await open({ anchoring: 'roots', batchLimits: { projectsMax: 1, bytesMax: 1_000_000 }, ...settings })
  world.chain.setRootOnlyAllowed(true)
  await world.release()
  for (const project of [0, 1, 2]) await vote(world, 1, project, project)
  return world
}

const callsOf = (world: World): ProtocolCall[] =>
  world.chain.transactions().flatMap(({ from, call }) => (from === SEQUENCER ? [call as ProtocolCall] : []))

describe('where the market asks for batches by their roots', () => {
  test('S22: they go out in one call, with the roots over the projects and CIDs of their files', async () => {
    const world = await voted()
    const { batches, state, closedBlock = 0, anchoredBlock = 0 } = await sealed(world)
    expect([state, batches.length]).toEqual(['ended', 3])
    expect(callsOf(world).map(({ kind }) => kind)).toEqual(['submitRootOnlyBatches', 'endBatchSubmissions'])
    for (const [index, { batchCid, rootHash }] of batches.entries()) {
      const bytes = await world.ipfs.node('anybody').get(batchCid, { bytesMax: 100_000, timeoutMs: 1_000 })
      const file = decodeBatch(bytes)
      expect(file?.projectIds).toEqual([PROJECTS[index]])
      expect(rootHash).toBe(publishedRoot(file?.snapshotCids ?? []))
      expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({
        rootHash,
        projectsRootHash: publishedRoot(file?.projectIds ?? []),
      })
    }
    expect(anchoredBlock - closedBlock).toBe(1)
    await world.stop()
  })

  test('S6: a crash after the call leaves the same call, and nothing is sent twice', async () => {
    const world = await voted()
    await world.mine(6)
    await world.until(() => world.chain.pendingCount() > 0)
    const again = await world.crash()
    expect(await sealed(again)).toMatchObject({
      state: 'ended',
      batches: [{ isAnchored: true }, { isAnchored: true }, { isAnchored: true }],
    })
    expect(callsOf(again).map(({ kind }) => kind)).toEqual(['submitRootOnlyBatches', 'endBatchSubmissions'])
    await again.stop()
  })

  test('S10: what a reorganisation takes off the chain goes out again by the same call', async () => {
    const world = await voted()
    const { batches } = await sealed(world)
    world.chain.reorg(3, { isLosingTransactions: true })
    await world.mine(4)
    await world.until(async () => (await world.chain.batchCids(EPOCH_1)).length === 3)
    await world.mine(2)
    expect(await world.chain.batchCids(EPOCH_1)).toEqual(batches.map(({ batchCid }) => batchCid))
    expect(callsOf(world).map(({ kind }) => kind)).toEqual(['submitRootOnlyBatches', 'endBatchSubmissions'])
    await world.stop()
  })

  test('S22: a project is final with its batch, though the chain names none', async () => {
    const world = await voted()
    const { batches } = await sealed(world)
    const [first, second] = batches as [BatchEntry, BatchEntry]
    const sender = world.chain.sender({ address: VALIDATOR, journal: createFakeStore() })
    const call = { kind: 'submitBatchAttestation', epochId: EPOCH_1, batchCid: first.batchCid, rootHash: first.rootHash } as const
    const sent = sender.send('vote', call, new AbortController().signal)
    await world.until(() => world.chain.pendingCount() > 0)
    await world.mine(1)
    await world.clock.runUntil(sent, { limitMs: 1_000 })
    await world.mine(1)
    const states = world.sequencer.epoch(EPOCH_1)?.projects.map(({ batchCid, state }) => [batchCid, state])
    expect(states?.slice(0, 2)).toEqual([
      [first.batchCid, 'finalized'],
      [second.batchCid, 'pending'],
    ])
    await world.stop()
  })

  test('S22, G9: and its contract does not allow them, the epoch says so', async () => {
    const world = await open({ anchoring: 'roots' })
    await world.release()
    await vote(world, 1, 0)
    expect(await sealed(world)).toMatchObject({
      state: 'missed',
      reason: 'root_only_not_allowed',
      projects: [{ state: 'missed', reason: 'batch_not_anchored' }],
    })
    expect(callsOf(world)).toEqual([])
    await world.stop()
  })

  test('S21: one that another sequencer has put on chain does not keep the others of its call from it', async () => {
    const gate = Promise.withResolvers<void>()
    const ipfsAs: Settings['ipfsAs'] = (node) => ({ ...node, add: (bytes, epochId) => gate.promise.then(() => node.add(bytes, epochId)) })
    const world = await voted({ ipfsAs })
    await world.mine(6)
    await world.until(() => world.sequencer.epoch(EPOCH_1)?.state === 'planned')
    const { batches } = world.sequencer.epoch(EPOCH_1) as EpochEntry
    const { batchCid, rootHash } = batches[1] as BatchEntry
    const roots = { batchCid, rootHash, projectsRootHash: publishedRoot([PROJECTS[1] as string]) }
    const other = world.chain.sender({ address: OTHER_SEQUENCER, journal: createFakeStore() })
    const sent = other.send('theirs', { kind: 'submitRootOnlyBatches', epochId: EPOCH_1, batches: [roots] }, new AbortController().signal)
    await world.until(() => world.chain.pendingCount() > 0)
    await world.mine(1)
    await world.clock.runUntil(sent, { limitMs: 1_000 })
    gate.resolve()
    expect(await sealed(world)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
    expect(new Set(await world.chain.batchCids(EPOCH_1))).toEqual(new Set(world.records[0]?.batches.map(({ batchCid }) => batchCid)))
    await world.stop()
  })
})

describe('S21: a file that IPFS is slow with', () => {
  test('holds up no other epoch, and of its own only what must stand behind it', async () => {
    let isStuck = true
    const stuck = new Set<string>()
    const world = await open({
      batchLimits: { projectsMax: 1, bytesMax: 1_000_000 },
      ipfsAs: (node) => ({
        ...node,
        add: async (bytes, epochId) => {
          // The second file of epoch 1 is never stored while it is stuck.
          const file = decodeBatch(bytes)
          const isSecond = epochId === EPOCH_1 && file?.projectIds[0] === PROJECTS[1]
          if (isSecond && isStuck) {
            stuck.add('second')
            await world.clock.sleep(60_000)
          }
          return node.add(bytes, epochId)
        },
      }),
    })
    await world.release()
    for (const project of [0, 1, 2]) await vote(world, 1, project, project)
    for (let epoch = 2; epoch <= 8; epoch += 1) {
      await world.release()
      await vote(world, 1, 0, 0, epoch)
    }
    await world.mine(8)
    expect(stuck.size).toBe(1)
    expect(world.records.map(({ epochId }) => Number(epochId)).sort()).toEqual([2, 3, 4, 5, 6, 7, 8])
    expect(await world.chain.batchCids(EPOCH_1)).toHaveLength(1)
    isStuck = false
    await world.clock.advance(60_000)
    await world.mine(4)
    expect(world.records.find(({ epochId }) => epochId === EPOCH_1)).toMatchObject({ state: 'ended', reason: 'all_batches_anchored' })
    await world.stop()
  })
})
