import { describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, ContentHash, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { BlockRef, ProtocolCall } from '#io/chain/port.ts'
import {
  attest,
  BATCH,
  BATCH_2,
  CIDS,
  CONTENT,
  createScene,
  end,
  EPOCH_1,
  NEVER,
  OTHER_ROOT,
  PROJECTS,
  release,
  ROOT,
  submit,
  SUITE_MARKET,
} from './scene.ts'
import { SUITE_REWARDS } from './scene.ts'
import type { ChainWorld } from './scene.ts'

/** The contract’s rules, as far as roles meet them (spec/contracts.md §4). */
export function rulesSuite(name: string, open: () => Promise<ChainWorld>): void {
  const { opened, released, anchored } = createScene(open)
  const refused = (reason: string) => ({ kind: 'refused', reason })

  describe(`contract rules: ${name}`, () => {
    test('epochs: only the manager, of the right size, without a gap', async () => {
      const { perform } = await opened()
      expect(await perform('stranger', release(0, 9))).toEqual(refused('E05'))
      expect(await perform('epochManager', release(9, 8))).toEqual(refused('E20'))
      expect(await perform('epochManager', release(0, 10))).toEqual(refused('E21'))
      expect(await perform('epochManager', release(100, 109))).toMatchObject({ kind: 'done' })
      expect(await perform('epochManager', release(111, 120))).toEqual(refused('E22'))
      expect(await perform('epochManager', release(100, 109))).toEqual(refused('E22'))
    })

    test('batches: only a sequencer, well formed, one entry per project, none after the end', async () => {
      const { perform, chain } = await released()
      expect(await perform('stranger', submit())).toEqual(refused('E04'))
      expect(await perform('sequencer', submit({ epochId: 7 as EpochId }))).toEqual(refused('E30'))
      expect(await perform('sequencer', submit({ snapshotCids: [] }))).toEqual(refused('E23'))
      expect(await perform('sequencer', submit({ projectIds: [], snapshotCids: [] }))).toEqual(refused('E24'))
      expect(await perform('sequencer', submit({ projectIds: [PROJECTS[0], PROJECTS[0]] as ProjectId[] }))).toEqual(refused('E25'))
      expect(await perform('sequencer', submit())).toMatchObject({ kind: 'done' })
      expect(await perform('otherSequencer', submit({ batchCid: BATCH_2, projectIds: ['new:SUITE', PROJECTS[1]] as ProjectId[] }))).toEqual(
        refused('E25'),
      )
      expect(await perform('stranger', end)).toEqual(refused('E04'))
      expect(await chain.isEpochEnded(EPOCH_1)).toBe(false)
      expect(await perform('sequencer', end)).toMatchObject({ kind: 'done' })
      expect(await chain.isEpochEnded(EPOCH_1)).toBe(true)
      expect(await perform('sequencer', end)).toEqual(refused('E39'))
      expect(await perform('sequencer', submit({ batchCid: BATCH_2, projectIds: ['a:SUITE', 'b:SUITE'] as ProjectId[] }))).toEqual(
        refused('E43'),
      )
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH])
    })

    test('attestations: only a validator, for a batch of the epoch, once', async () => {
      const { perform } = await anchored()
      expect(await perform('stranger', attest())).toEqual(refused('E01'))
      expect(await perform('validator1', attest(ROOT, BATCH_2))).toEqual(refused('E26'))
      expect(await perform('validator1', attest())).toMatchObject({ kind: 'done' })
      expect(await perform('validator1', attest())).toEqual(refused('E40'))
      expect(await perform('validator1', attest(OTHER_ROOT))).toEqual(refused('E40'))
    })

    test('attestations for the content on chain count beside those for the root alone; for other content they are refused', async () => {
      const { chain, perform } = await anchored()
      const other = `0x${'cc'.repeat(31)}` as ContentHash
      const differs = refused(`BatchContentDiffers anchored=${CONTENT}`)
      expect(await perform('stranger', attest(ROOT, BATCH, other))).toEqual(refused('E01'))
      expect(await perform('validator1', attest(ROOT, BATCH_2, other))).toEqual(refused('E26'))
      expect(await perform('validator1', attest(ROOT, BATCH, other))).toEqual(differs)
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: false, attestationCount: 0 })
      expect(await perform('validator1', attest(ROOT, BATCH, CONTENT))).toMatchObject({ kind: 'done' })
      expect(await perform('validator1', attest(ROOT, BATCH, other))).toEqual(differs)
      expect(await perform('validator1', attest(ROOT, BATCH, CONTENT))).toEqual(refused('E40'))
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: false, attestationCount: 1 })
      expect(await perform('validator2', attest())).toMatchObject({ kind: 'done' })
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: true, attestationCount: 2 })
    })

    test('the whole way of an epoch is told by its events, in order', async () => {
      const { chain, perform, address, eventsSince } = await opened()
      const start = (await chain.head()).number
      await perform('epochManager', release(100, 109))
      await perform('sequencer', submit())
      await perform('sequencer', end)
      for (const validator of ['validator1', 'validator2', 'validator3'] as const) await perform(validator, attest())
      const epochId = EPOCH_1
      expect(await eventsSince(start + 1)).toEqual([
        { block: start + 1, kind: 'EpochReleased', epochId, begin: 100, end: 109 },
        { block: start + 2, kind: 'SnapshotBatchSubmitted', epochId, batchCid: BATCH },
        { block: start + 3, kind: 'BatchSubmissionsCompleted', epochId },
        { block: start + 4, kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid: BATCH, validator: address('validator1') },
        { block: start + 5, kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid: BATCH, validator: address('validator2') },
        { block: start + 5, kind: 'SnapshotBatchFinalized', epochId, batchCid: BATCH },
        { block: start + 5, kind: 'SnapshotFinalized', epochId, projectId: PROJECTS[0], snapshotCid: CIDS[0] },
        { block: start + 5, kind: 'SnapshotFinalized', epochId, projectId: PROJECTS[1], snapshotCid: CIDS[1] },
        { block: start + 6, kind: 'SnapshotBatchAttestationSubmitted', epochId, batchCid: BATCH, validator: address('validator3') },
      ])
    })

    test('days: each begins with an epoch, told of in its transaction, and what was told of the one before is still taken', async () => {
      const { chain, perform, eventsSince } = await opened()
      const start = (await chain.head()).number
      for (const begin of [0, 10, 20]) await perform('epochManager', release(begin, begin + 9))
      expect(await chain.rewardRules()).toMatchObject({ day: 1 })
      await perform('epochManager', release(30, 39))
      expect(await chain.rewardRules()).toMatchObject({ day: 2 })
      const [started, released] = (await eventsSince(start + 1)).filter(({ block }) => block === start + 4)
      expect(started).toEqual({ block: start + 4, kind: 'DayStartedEvent', day: 2 })
      expect(released).toEqual({ block: start + 4, kind: 'EpochReleased', epochId: 4, begin: 30, end: 39 })
      const told = (day: number): ProtocolCall => ({
        kind: 'updateRewards',
        day,
        slotIds: [1] as SlotId[],
        submissions: [5],
        eligibleNodes: 0,
      })
      expect(await perform('sequencer', told(1))).toMatchObject({ kind: 'done' })
      expect(await perform('sequencer', told(2))).toMatchObject({ kind: 'done' })
      for (const begin of [40, 50, 60]) await perform('epochManager', release(begin, begin + 9))
      expect(await perform('sequencer', told(1))).toEqual(refused('E38'))
      expect(await chain.slotDay(1 as SlotId, 1)).toEqual({ submissions: 5, isRewarded: false })
    })

    test('rewards: only a sequencer, of today or yesterday; what is sent again overwrites, until the slot is rewarded', async () => {
      const { chain, perform } = await opened()
      const { day, dailySnapshotQuota: quota } = await chain.rewardRules()
      expect(await chain.rewardRules()).toEqual({ day: 1, ...SUITE_REWARDS })
      const counts = (submissions: readonly number[], change = {}): ProtocolCall => ({
        kind: 'updateRewards',
        day,
        slotIds: [1, 2, 99].slice(0, submissions.length) as SlotId[],
        submissions,
        eligibleNodes: 0,
        ...change,
      })
      const [first, second] = [1, 2] as SlotId[] as [SlotId, SlotId]
      expect(await perform('stranger', counts([1]))).toEqual(refused('E04'))
      expect(await perform('sequencer', counts([1], { slotIds: [] }))).toEqual(refused('E19'))
      expect(await perform('sequencer', counts([1], { day: 2 }))).toEqual(refused('E38'))
      expect(await chain.slotDay(first, day)).toEqual({ submissions: 0, isRewarded: false })
      // A slot that does not exist is passed over.
      expect(await perform('sequencer', counts([7, quota, 5]))).toMatchObject({ kind: 'done' })
      expect(await chain.slotDay(first, day)).toEqual({ submissions: 7, isRewarded: false })
      expect(await chain.slotDay(second, day)).toEqual({ submissions: quota, isRewarded: false })
      expect(await chain.slotDay(99 as SlotId, day)).toEqual({ submissions: 0, isRewarded: false })
      expect(await perform('sequencer', counts([3]))).toMatchObject({ kind: 'done' })
      expect(await perform('sequencer', counts([3, quota], { eligibleNodes: 1 }))).toMatchObject({ kind: 'done' })
      expect(await chain.slotDay(first, day)).toEqual({ submissions: 3, isRewarded: false })
      expect(await chain.slotDay(second, day)).toEqual({ submissions: quota, isRewarded: true })
      expect(await perform('sequencer', counts([3], { eligibleNodes: 1 }))).toEqual(refused('E47'))
      expect(await perform('sequencer', counts([3, quota]))).toEqual(refused('E48'))
      expect(await perform('sequencer', counts([quota]))).toMatchObject({ kind: 'done' })
      expect(await chain.slotDay(first, day)).toEqual({ submissions: quota, isRewarded: false })
    })

    test('one that disagrees does not stop the others', async () => {
      const { chain, perform } = await anchored()
      await perform('validator1', attest(OTHER_ROOT))
      await perform('validator2', attest())
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: false, attestationCount: 1 })
      await perform('validator3', attest())
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: true, attestationCount: 2 })
    })

    test('a majority for another root asks for another batch, which may take over the projects', async () => {
      const { chain, perform, eventsSince } = await anchored()
      await perform('validator1', attest())
      await perform('validator2', attest(OTHER_ROOT))
      await perform('validator3', attest(OTHER_ROOT))
      const { number } = await chain.head()
      expect(await eventsSince(number)).toContainEqual({ block: number, kind: 'TriggerBatchResubmission', epochId: 1, batchCid: BATCH })
      const corrected = submit({ batchCid: BATCH_2, snapshotCids: [CIDS[1], CIDS[0]] as Cid[], rootHash: OTHER_ROOT })
      expect(await perform('sequencer', corrected)).toMatchObject({ kind: 'done' })
      expect(await chain.snapshotStatus(PROJECTS[0] as ProjectId, EPOCH_1)).toEqual({ status: 'pending', snapshotCid: CIDS[1] })
      expect((await chain.batch(EPOCH_1, BATCH))?.snapshotCids).toEqual(CIDS)
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH, BATCH_2])
    })

    test('G8: a batch submitted again under its CID is the later one, arguments, votes and all', async () => {
      const { chain, perform, address } = await anchored()
      for (const validator of ['validator1', 'validator2'] as const) await perform(validator, attest(OTHER_ROOT))
      const again = submit({ rootHash: OTHER_ROOT })
      expect(await perform('sequencer', again)).toMatchObject({ kind: 'done' })
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ snapshotCids: CIDS, rootHash: OTHER_ROOT })
      expect(await chain.hasAttested(EPOCH_1, BATCH, address('validator1'))).toBe(false)
    })

    test('G8: one CID in two epochs is two batches: projects, CIDs, root, votes and finality of each are its own', async () => {
      const { chain, perform } = await anchored()
      for (const validator of ['validator1', 'validator2'] as const) await perform(validator, attest())
      const second = 2 as EpochId
      await perform('epochManager', release(110, 119))
      const lie = submit({ epochId: second, projectIds: PROJECTS.slice(1), snapshotCids: CIDS.slice(0, 1), rootHash: OTHER_ROOT })
      expect(await perform('sequencer', lie)).toMatchObject({ kind: 'done' })
      const first = { projectIds: PROJECTS, snapshotCids: CIDS, rootHash: ROOT, isFinalized: true, attestationCount: 2 }
      const other = { projectIds: PROJECTS.slice(1), snapshotCids: CIDS.slice(0, 1), rootHash: OTHER_ROOT }
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject(first)
      expect(await chain.batch(second, BATCH)).toMatchObject({ ...other, isFinalized: false, attestationCount: 0 })
      await perform('validator1', { ...attest(OTHER_ROOT), epochId: second } as ProtocolCall)
      await perform('validator2', { ...attest(), epochId: second } as ProtocolCall)
      expect(await chain.batch(second, BATCH)).toMatchObject({ ...other, isFinalized: false, attestationCount: 1 })
      await perform('validator3', { ...attest(), epochId: second } as ProtocolCall)
      const refused = { isFinalized: false, isRefused: true, majorityRoot: ROOT }
      expect(await chain.batch(second, BATCH)).toMatchObject({ ...other, ...refused, attestationCount: 1 })
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject(first)
    })

    test('G8: one CID twice in an epoch: the refused batch lends the one after it no vote', async () => {
      const { chain, perform } = await anchored()
      await perform('validator3', attest())
      for (const validator of ['validator1', 'validator2'] as const) await perform(validator, attest(OTHER_ROOT))
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ rootHash: ROOT, isFinalized: false, isRefused: true, attestationCount: 1 })
      await perform('sequencer', submit({ rootHash: OTHER_ROOT }))
      const again = await chain.batch(EPOCH_1, BATCH)
      expect(again).toMatchObject({ rootHash: OTHER_ROOT, isFinalized: false, attestationCount: 0 })
      expect([again?.isRefused, again?.majorityRoot]).toEqual([undefined, undefined])
      for (const validator of ['validator1', 'validator2'] as const) await perform(validator, attest(OTHER_ROOT, BATCH, CONTENT))
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ rootHash: OTHER_ROOT, isFinalized: true, attestationCount: 2 })
    })

    test('G8: batches of one block have each their own arguments', async () => {
      const { chain, sender, untilPending, mine, run } = await released()
      const batches = [BATCH, BATCH_2].map((batchCid, index) =>
        submit({
          batchCid,
          projectIds: [PROJECTS[index]] as ProjectId[],
          snapshotCids: [CIDS[index]] as Cid[],
          rootHash: index === 0 ? ROOT : OTHER_ROOT,
        }),
      )
      const sequencer = sender('sequencer')
      const outcomes = Promise.all(batches.map((call, index) => sequencer.send(`batch/${index}`, call, NEVER)))
      await untilPending(2)
      await mine()
      expect((await run(outcomes)).map(({ kind }) => kind)).toEqual(['done', 'done'])
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ projectIds: [PROJECTS[0]], snapshotCids: [CIDS[0]], rootHash: ROOT })
      expect(await chain.batch(EPOCH_1, BATCH_2)).toMatchObject({
        projectIds: [PROJECTS[1]],
        snapshotCids: [CIDS[1]],
        rootHash: OTHER_ROOT,
      })
    })

    test('a validator may take over what was refuted in the second half of a round, and nothing else', async () => {
      const { chain, perform, pass } = await anchored()
      const corrected = submit({ batchCid: BATCH_2, snapshotCids: [CIDS[1], CIDS[0]] as Cid[], rootHash: OTHER_ROOT })
      for (const validator of ['validator1', 'validator2'] as const) await perform(validator, attest(OTHER_ROOT))
      await pass(SUITE_MARKET.batchWindowBlocks / 2 - 2)
      expect(await perform('validator3', corrected)).toEqual(refused('E04'))
      await pass(3)
      expect(await perform('stranger', corrected)).toEqual(refused('E04'))
      expect(await perform('validator3', submit({ batchCid: BATCH_2, projectIds: ['new:SUITE', 'b:SUITE'] as ProjectId[] }))).toEqual(
        refused('E25'),
      )
      expect(await perform('validator3', corrected)).toMatchObject({ kind: 'done' })
      expect(await perform('validator2', submit({ batchCid: CIDS[0] as Cid }))).toEqual(refused('E25'))
      for (const validator of ['validator1', 'validator2'] as const) await perform(validator, attest(OTHER_ROOT, BATCH_2))
      expect(await chain.batch(EPOCH_1, BATCH_2)).toMatchObject({ isFinalized: true, attestationCount: 2 })
    })

    test('a corrected batch is taken after the end, with windows of its own, and asked for once', async () => {
      const { chain, perform, pass, eventsSince } = await anchored()
      const start = (await chain.head()).number
      await perform('sequencer', end)
      await pass(SUITE_MARKET.attestationWindowBlocks - 4)
      await perform('validator1', attest(OTHER_ROOT))
      await perform('validator2', attest(OTHER_ROOT))
      await pass(SUITE_MARKET.batchWindowBlocks - 1)
      const corrected = submit({ batchCid: BATCH_2, snapshotCids: [CIDS[1], CIDS[0]] as Cid[], rootHash: OTHER_ROOT })
      expect(await perform('sequencer', corrected)).toMatchObject({ kind: 'done' })
      await pass(0)
      const late = submit({ batchCid: CIDS[0] as Cid, projectIds: ['late:SUITE', 'b:SUITE'] as ProjectId[] })
      expect(await perform('sequencer', late)).toMatchObject({ kind: 'done' })
      await perform('validator1', attest(OTHER_ROOT, BATCH_2))
      await perform('validator2', attest(OTHER_ROOT, BATCH_2))
      expect(await chain.batch(EPOCH_1, BATCH_2)).toMatchObject({ isFinalized: true, attestationCount: 2 })
      const kinds = (await eventsSince(start + 1)).map(({ kind }) => kind)
      expect(kinds.filter((kind) => kind === 'TriggerBatchResubmission')).toHaveLength(1)
      expect(kinds.filter((kind) => kind === 'DelayedBatchSubmitted')).toHaveLength(1)
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH, BATCH_2])
    })

    test('under its CID a batch that is sent again says the same', async () => {
      const { perform } = await anchored()
      await perform('validator1', attest(OTHER_ROOT))
      await perform('validator2', attest(OTHER_ROOT))
      expect(await perform('validator3', attest(OTHER_ROOT))).toMatchObject({ kind: 'done' })
      expect(await perform('sequencer', submit({ snapshotCids: [CIDS[1], CIDS[0]] as Cid[] }))).toEqual(refused('E25'))
      expect(await perform('sequencer', submit({ rootHash: OTHER_ROOT }))).toMatchObject({ kind: 'done' })
    })

    test('windows count from the release block and include their last block', async () => {
      const { chain, perform, pass, eventsSince } = await released()
      const { number, contractNumber } = (await chain.release(EPOCH_1)) as BlockRef
      await pass(SUITE_MARKET.batchWindowBlocks - 1)
      await perform('sequencer', submit())
      await pass(0)
      await perform('sequencer', submit({ batchCid: BATCH_2, projectIds: ['a:SUITE', 'b:SUITE'] as ProjectId[] }))
      await pass(SUITE_MARKET.attestationWindowBlocks - 1 - ((await chain.head()).contractNumber - contractNumber))
      await perform('validator1', attest())
      await pass(0)
      await perform('validator2', attest())
      const kinds = (await eventsSince(number + 1)).map(async ({ block, kind }) => {
        const seen = (await chain.block(block as BlockNumber))?.contractNumber ?? 0
        return [seen - contractNumber, kind]
      })
      expect(await Promise.all(kinds)).toEqual([
        [20, 'SnapshotBatchSubmitted'],
        [21, 'DelayedBatchSubmitted'],
        [30, 'SnapshotBatchAttestationSubmitted'],
        [31, 'DelayedAttestationSubmitted'],
      ])
      expect(await chain.batchCids(EPOCH_1)).toEqual([BATCH])
      expect(await chain.batch(EPOCH_1, BATCH)).toMatchObject({ isFinalized: false, attestationCount: 1 })
    })
  })
}
