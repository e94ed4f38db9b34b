import { describe, expect, test } from 'vitest'
import type { BlockNumber, ContractNumber, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { ManifestRef } from '#io/chain/port.ts'
import { attest, BATCH, BATCH_2, CIDS, CONTENT, createScene, end, EPOCH_1, PROJECTS, release, ROOT, submit, SUITE_MARKET } from './scene.ts'
import type { ChainWorld } from './scene.ts'

/** What is read from every anchor chain. */
export function readsSuite(name: string, open: () => Promise<ChainWorld>): void {
  const { opened, released, anchored } = createScene(open)

  describe(`chain reads: ${name}`, () => {
    test('the market, its slots, and nothing released yet', async () => {
      const { chain, address, signers } = await opened()
      expect(await chain.market()).toEqual({
        ...SUITE_MARKET,
        epochManager: address('epochManager'),
        sequencers: [address('sequencer'), address('otherSequencer')],
        validators: [address('validator1'), address('validator2'), address('validator3')],
      })
      expect(await chain.slots()).toEqual(signers.map((signer, index) => ({ slotId: index + 1, signer, isActive: true })))
      expect(await chain.currentEpoch()).toEqual({ epochId: 0, begin: 0, end: 0 })
      expect(await chain.epochInfo(EPOCH_1)).toMatchObject({ timestamp: 0, contractNumber: 0 })
      expect(await chain.release(EPOCH_1)).toBeUndefined()
      expect(await chain.batchCids(EPOCH_1)).toEqual([])
      expect(await chain.sequencerId()).toBe('')
      expect(await chain.batch(EPOCH_1, BATCH)).toBeUndefined()
      expect(await chain.snapshotStatus(PROJECTS[0] as ProjectId, EPOCH_1)).toEqual({ status: 'absent', snapshotCid: '' })
      expect(await chain.projectFirstEpochId(PROJECTS[0] as ProjectId)).toBe(0)
      expect(await chain.deploymentBlock()).toBeLessThanOrEqual((await chain.head()).number)
    })

    test('a manifest applies from its epoch on, and what applied to a released epoch stays', async () => {
      const { chain, perform, setManifest } = await opened()
      const first: ManifestRef = { cid: CIDS[0] as string, fromEpochId: 0 as EpochId }
      const second: ManifestRef = { cid: CIDS[1] as string, fromEpochId: 3 as EpochId }
      const third: ManifestRef = { cid: BATCH, fromEpochId: 2 as EpochId }
      expect(await chain.manifests()).toEqual({ current: undefined, pending: undefined })
      await setManifest(first)
      expect(await chain.manifests()).toEqual({ current: undefined, pending: first })
      await perform('epochManager', release(100, 109))
      await setManifest(second)
      expect(await chain.manifests()).toEqual({ current: first, pending: second })
      // One that has not begun is replaced.
      await setManifest(third)
      expect(await chain.manifestAt(EPOCH_1)).toEqual(first)
      await perform('epochManager', release(110, 119))
      expect(await chain.manifests()).toEqual({ current: third, pending: undefined })
      expect(await chain.manifestAt(EPOCH_1)).toEqual(first)
      expect(await chain.manifestAt(2 as EpochId)).toEqual(third)
    })

    test('which manifest an epoch has is not told before its release, nor where there is none', async () => {
      const { chain, setManifest } = await released()
      expect(await chain.manifestAt(EPOCH_1)).toBeUndefined()
      await setManifest({ cid: BATCH, fromEpochId: 2 as EpochId })
      expect(await chain.manifestAt(EPOCH_1)).toBeUndefined()
      await expect(chain.manifestAt(2 as EpochId)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
    })

    test('blocks form a chain up to the head, and above it there is nothing', async () => {
      const { chain, mine } = await opened()
      await mine(2)
      const head = await chain.head()
      expect(await chain.block(head.number)).toEqual(head)
      expect((await chain.block((head.number - 1) as BlockNumber))?.hash).toBe(head.parentHash)
      expect(await chain.block((head.number + 1) as BlockNumber)).toBeUndefined()
      const first = await chain.firstSeeing(head.contractNumber)
      expect((await chain.block(first))?.contractNumber).toBe(head.contractNumber)
      expect((await chain.block((first - 1) as BlockNumber))?.contractNumber).toBeLessThan(head.contractNumber)
      expect(await chain.firstSeeing((head.contractNumber + 1) as ContractNumber)).toBe(head.number + 1)
    })

    test('a released epoch is the current one, with block and time of its release', async () => {
      const { chain, perform } = await released()
      expect(await chain.currentEpoch()).toEqual({ epochId: 1, begin: 100, end: 109 })
      const head = await chain.head()
      expect(await chain.epochInfo(EPOCH_1)).toEqual({ timestamp: head.timestamp, contractNumber: head.contractNumber, end: 109 })
      expect(await chain.release(EPOCH_1)).toEqual(head)
      await perform('epochManager', release(110, 119))
      expect(await chain.currentEpoch()).toEqual({ epochId: 2, begin: 110, end: 119 })
    })

    test('a batch is what was submitted, and pending until a majority attested', async () => {
      const { chain, perform, address } = await anchored()
      const batch = { batchCid: BATCH, projectIds: PROJECTS, snapshotCids: CIDS, rootHash: ROOT, contentHash: CONTENT }
      expect(await chain.batch(EPOCH_1, BATCH)).toEqual({ ...batch, isFinalized: false, attestationCount: 0 })
      expect(await chain.batch(EPOCH_1, BATCH_2)).toBeUndefined()
      expect(await chain.batch(2 as EpochId, BATCH)).toBeUndefined()
      expect(await chain.snapshotStatus(PROJECTS[1] as ProjectId, EPOCH_1)).toEqual({ status: 'pending', snapshotCid: CIDS[1] })
      expect(await chain.projectFirstEpochId(PROJECTS[1] as ProjectId)).toBe(1)
      expect(await chain.hasAttested(EPOCH_1, BATCH, address('validator1'))).toBe(false)
      await perform('validator1', attest())
      expect(await chain.hasAttested(EPOCH_1, BATCH, address('validator1'))).toBe(true)
      expect(await chain.batch(EPOCH_1, BATCH)).toEqual({ ...batch, isFinalized: false, attestationCount: 1 })
      await perform('validator2', attest())
      expect(await chain.batch(EPOCH_1, BATCH)).toEqual({ ...batch, isFinalized: true, attestationCount: 2 })
      expect(await chain.snapshotStatus(PROJECTS[1] as ProjectId, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CIDS[1] })
    })

    test('what was so as of a block stays so, whatever has happened since', async () => {
      const { chain, perform } = await released()
      const [projectId, snapshotCid] = [PROJECTS[1] as ProjectId, CIDS[1] as string]
      const read = async (at?: BlockNumber) => ({
        ...(await chain.snapshotStatus(projectId, EPOCH_1, at)),
        isEnded: await chain.isEpochEnded(EPOCH_1, at),
        batches: await chain.batchCids(EPOCH_1, at),
        first: await chain.projectFirstEpochId(projectId, at),
      })
      const moments: { readonly block: BlockNumber; readonly was: Awaited<ReturnType<typeof read>> }[] = []
      const note = async () => moments.push({ block: (await chain.head()).number, was: await read() })
      await note()
      await perform('sequencer', submit())
      await note()
      await perform('sequencer', end)
      await note()
      await perform('validator1', attest())
      await perform('validator2', attest())
      await note()
      expect(moments.map(({ was }) => was)).toEqual([
        { status: 'absent', snapshotCid: '', isEnded: false, batches: [], first: 0 },
        { status: 'pending', snapshotCid, isEnded: false, batches: [BATCH], first: 1 },
        { status: 'pending', snapshotCid, isEnded: true, batches: [BATCH], first: 1 },
        { status: 'finalized', snapshotCid, isEnded: true, batches: [BATCH], first: 1 },
      ])
      for (const { block, was } of moments) expect(await read(block)).toEqual(was)
      // A majority was reached in the block before, not before that.
      expect(await read(((moments[3]?.block as number) - 1) as BlockNumber)).toEqual(moments[2]?.was)
    })

    test('what is asked as of a block that is not there yet is not answered with an earlier one', async () => {
      const { chain } = await anchored()
      const next = ((await chain.head()).number + 1) as BlockNumber
      const [projectId] = PROJECTS as [ProjectId]
      await expect(chain.snapshotStatus(projectId, EPOCH_1, next)).rejects.toMatchObject({ kind: 'transient' })
      await expect(chain.isEpochEnded(EPOCH_1, next)).rejects.toMatchObject({ kind: 'transient' })
      await expect(chain.projectFirstEpochId(projectId, next)).rejects.toMatchObject({ kind: 'transient' })
    })

    test('a block that is replaced takes with it what was so as of it', async () => {
      const { chain, reorg } = await anchored()
      const { number } = await chain.head()
      const [projectId] = PROJECTS as [ProjectId]
      expect(await chain.snapshotStatus(projectId, EPOCH_1, number)).toMatchObject({ status: 'pending' })
      await reorg(1)
      expect(await chain.snapshotStatus(projectId, EPOCH_1, number)).toMatchObject({ status: 'absent' })
    })

    test('a slot’s new signer is read and announced', async () => {
      const { chain, assignSigner, address, eventsSince } = await opened()
      const head = await chain.head()
      await assignSigner(2 as SlotId, address('stranger'))
      expect((await chain.slots())[1]).toEqual({ slotId: 2, signer: address('stranger'), isActive: true })
      expect(await eventsSince(head.number + 1)).toEqual([
        { block: head.number + 1, kind: 'SnapshotterAddressChanged', slotId: 2, signer: address('stranger') },
      ])
    })

    test('one slot tells when its signer changed last; who burned it or never minted it has none', async () => {
      const { chain, assignSigner, burnSlot, address, signers } = await opened()
      const first = { slotId: 1, signer: signers[0], isActive: true }
      const { changedAt } = await chain.slot(1 as SlotId)
      expect(await chain.slot(1 as SlotId)).toEqual({ ...first, changedAt })
      expect(changedAt).toBeLessThanOrEqual((await chain.head()).timestamp)
      await assignSigner(2 as SlotId, address('stranger'))
      const { timestamp } = await chain.head()
      expect(await chain.slot(2 as SlotId)).toEqual({ slotId: 2, signer: address('stranger'), isActive: true, changedAt: timestamp })
      await burnSlot(2 as SlotId)
      expect(await chain.slot(2 as SlotId)).toMatchObject({ isActive: false, changedAt: timestamp })
      expect(await chain.slot(3 as SlotId)).toMatchObject({ isActive: false, changedAt: 0 })
    })

    test('as of a block a slot has whom it had then, whoever has it since, or nobody', async () => {
      const { chain, assignSigner, burnSlot, address, signers } = await opened()
      const [slotId, stranger] = [2 as SlotId, address('stranger')]
      const before = (await chain.head()).number
      await assignSigner(slotId, stranger)
      const assigned = (await chain.head()).number
      await burnSlot(slotId)
      expect(await chain.slot(slotId, before)).toMatchObject({ signer: signers[1], isActive: true })
      expect(await chain.slot(slotId, assigned)).toMatchObject({ signer: stranger, isActive: true })
      expect(await chain.slot(slotId, (await chain.head()).number)).toMatchObject({ isActive: false })
      await expect(chain.slot(slotId, ((await chain.head()).number + 1) as BlockNumber)).rejects.toMatchObject({ kind: 'transient' })
    })

    test('a slot that is burned is announced, and no longer active', async () => {
      const { chain, burnSlot, signers, eventsSince } = await opened()
      const head = await chain.head()
      await burnSlot(2 as SlotId)
      expect((await chain.slots()).map(({ isActive }) => isActive)).toEqual([true, false])
      expect((await chain.slots())[0]).toEqual({ slotId: 1, signer: signers[0], isActive: true })
      expect(await eventsSince(head.number + 1)).toEqual([{ block: head.number + 1, kind: 'NodeBurned', slotId: 2 }])
    })
  })
}
