import { describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { sameRules } from '#life/rules.ts'
import { parseBatchFile } from '#wire/batch-file.ts'
import { decodeBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import type { EpochEntry } from './ledger.ts'
import {
  CIDS,
  createDisk,
  EPOCH_1,
  MANAGER,
  OTHER_SEQUENCER,
  open,
  PROJECTS,
  SEQUENCER,
  sealed,
  signerOf,
  uuid,
  VALIDATOR,
  vote,
  type World,
} from './sequencer.test-world.ts'

describe('an epoch', () => {
  test('goes from submissions to batches on chain, the liar outvoted', async () => {
    const world = await open({ batchLimits: { projectsMax: 2, bytesMax: 1_000_000 } })
    await world.release()
    for (const project of [2, 0, 1])
      for (const slot of [3, 1, 2]) expect((await vote(world, slot, slot === 3 ? 1 : 0, project)).code).toBe('accepted')
    const record = await sealed(world)
    expect(record).toMatchObject({ state: 'ended', reason: 'all_batches_anchored', accepted: 9, outvotedSlots: [3] })
    expect(record.projects.map(({ projectId, state, snapshotCid, votes, total }) => [projectId, state, snapshotCid, votes, total])).toEqual(
      PROJECTS.map((projectId) => [projectId, 'pending', CIDS[0], 2, 3]),
    )
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(true)

    const onChain = await world.chain.batchCids(EPOCH_1)
    expect(onChain).toEqual(record.batches.map(({ batchCid }) => batchCid))
    const tree = createTree()
    for (const batchCid of onChain) {
      const anchored = await world.chain.batch(EPOCH_1, batchCid)
      const bytes = await world.clock.runUntil(world.ipfs.node('anybody').get(batchCid, { bytesMax: 1_000_000, timeoutMs: 1_000 }), {
        limitMs: 5_000,
      })
      const file = decodeBatch(bytes)
      expect([file?.projectIds, file?.snapshotCids, anchored?.rootHash]).toEqual([
        anchored?.projectIds,
        anchored?.snapshotCids,
        publishedRoot(file?.snapshotCids ?? []),
      ])
      expect(file?.submissions.map(({ submission: { request } }) => [request.projectId, request.slotId])).toEqual(
        file?.projectIds.flatMap((projectId) => [1, 2, 3].map((slot) => [projectId, slot])),
      )
      tree.append(file?.submissions.map(({ submissionId }) => submissionId) ?? [])
      expect(tree.publishedRoot()).toBe(file?.submissionsRoot)
    }
    await world.stop()
  })

  test('without a single vote is ended, with its reason', async () => {
    const world = await open({ expectedProjects: PROJECTS })
    await world.release()
    const record = await sealed(world)
    expect(record).toMatchObject({ state: 'ended', reason: 'no_submissions', accepted: 0, batches: [] })
    expect(record.projects.map(({ state, reason }) => [state, reason])).toEqual(PROJECTS.map(() => ['missed', 'not_submitted']))
    expect(await world.chain.isEpochEnded(EPOCH_1)).toBe(true)
    await world.stop()
  })

  test('leaves out what the market finds too weak, and says so', async () => {
    const world = await open({ minVotes: 2 })
    await world.release()
    await vote(world, 1, 0, 0)
    await vote(world, 2, 0, 0)
    await vote(world, 1, 0, 1)
    const record = await sealed(world)
    expect(record.projects.map(({ projectId, state, reason }) => [projectId, state, reason])).toEqual([
      [PROJECTS[0], 'pending', undefined],
      [PROJECTS[1], 'omitted', 'below_min_votes'],
    ])
    await world.stop()
  })

  test.each([
    ['a lone slot', [4], 'below_min_votes'],
    ['two slots that agree', [3, 4], 'below_min_share'],
  ] as const)('leaves out the project that %s alone voted on, though nobody says otherwise', async (_, conspirators, reason) => {
    const world = await open({ minVotes: 2, minShareBp: 6_700 })
    await world.release()
    for (const slotId of [1, 2, 3, 4]) await vote(world, slotId, 0, 0)
    for (const slotId of conspirators) await vote(world, slotId, 1, 1)
    const record = await sealed(world)
    expect(record.projects.map(({ projectId, state, reason }) => [projectId, state, reason])).toEqual([
      [PROJECTS[0], 'pending', undefined],
      [PROJECTS[1], 'omitted', reason],
    ])
    await world.stop()
  })

  test('hears what the validators decide', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0, 0)
    const record = await sealed(world)
    const batchCid = record.batches[0]?.batchCid as Cid
    const attested = world.chain
      .sender({ address: VALIDATOR, journal: createFakeStore() })
      .send(
        'a',
        { kind: 'submitBatchAttestation', epochId: EPOCH_1, batchCid, rootHash: record.batches[0]?.rootHash as never },
        new AbortController().signal,
      )
    await world.clock.runUntil(() => world.chain.pendingCount() > 0, { limitMs: 1_000 })
    await world.mine(1)
    await world.clock.runUntil(attested, { limitMs: 1_000 })
    expect(world.sequencer.epoch(EPOCH_1)?.projects).toMatchObject([{ state: 'finalized', reason: 'majority_attested' }])
    await world.stop()
  })

  test('that nobody attests ends with a reason too', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0, 0)
    await sealed(world)
    await world.mine(31)
    expect(world.sequencer.epoch(EPOCH_1)?.projects).toMatchObject([{ state: 'missed', reason: 'attestations_missing' }])
    await world.stop()
  })

  test('S6, S7: whose project another sequencer anchored first is missed', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0, 0)
    const other = world.chain.sender({ address: OTHER_SEQUENCER, journal: createFakeStore() }).send(
      'x',
      {
        kind: 'submitSubmissionBatch',
        epochId: EPOCH_1,
        batchCid: CIDS[2] as Cid,
        projectIds: [PROJECTS[0] as ProjectId],
        snapshotCids: [CIDS[1] as Cid],
        rootHash: `0x${'aa'.repeat(32)}` as never,
      },
      new AbortController().signal,
    )
    await world.clock.runUntil(() => world.chain.pendingCount() > 0, { limitMs: 1_000 })
    await world.mine(1)
    await world.clock.runUntil(other, { limitMs: 1_000 })
    const record = await sealed(world)
    expect(record).toMatchObject({ state: 'missed', reason: 'pair_taken', projects: [{ state: 'missed', reason: 'batch_not_anchored' }] })
    await world.stop()
  })

  test('waits out an anchor chain that does not answer', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0, 0)
    await world.mine(5)
    // From the moment on at which its calls could go out.
    world.chain.setReachable(() => world.sequencer.epoch(EPOCH_1)?.state !== 'planned')
    world.chain.mine()
    await world.clock.runUntil(() => world.sequencer.epoch(EPOCH_1)?.state === 'planned', { limitMs: 1_000 })
    await world.clock.advance(5_000)
    world.chain.setReachable(true)
    await world.clock.advance(10_000)
    expect(world.events).toContain('will_try_again')
    expect((await sealed(world)).reason).toBe('all_batches_anchored')
    await world.stop()
  })
})

describe('a receipt', () => {
  test('S9: names why a delivery was refused', async () => {
    const world = await open()
    const before = await world.chain.head()
    await world.release()
    const head = await world.chain.head()
    const cases: [string, Submission | Uint8Array][] = [
      ['submission_malformed', new Uint8Array([1, 2, 3])],
      ['submission_malformed', new TextEncoder().encode('{}')],
      ['market_unknown', await world.submission({ dataMarket: `0x${'99'.repeat(20)}` })],
      ['market_unknown', { ...(await world.submission()), protocolState: `0x${'99'.repeat(20)}` }],
      ['project_malformed', await world.submission({ projectId: 'nonamespace' as ProjectId })],
      ['project_not_allowed', await world.submission({ projectId: 'pairs:0x01:OTHER' as ProjectId })],
      ['cid_malformed', await world.submission({ snapshotCid: 'bafynot' as Cid })],
      ['epoch_unknown', await world.submission({ epochId: 2 as EpochId })],
      ['header_unknown', await world.submission({ header: `0x${'00'.repeat(32)}` })],
      ['header_unknown', await world.submission({ header: before.hash })],
      ['deadline_passed', await world.submission({ deadlineBlock: (head.number - 1) as BlockNumber })],
      ['deadline_too_far', await world.submission({ deadlineBlock: (head.number + 501) as BlockNumber })],
      ['slot_unknown', await world.submission({ slotId: 9 as SlotId, signedBy: 1 })],
      ['signature_malformed', { ...(await world.submission()), signature: 'zz' }],
      ['signer_mismatch', await world.submission({ signedBy: 2 })],
    ]
    const recoveriesBefore = world.recoveries()
    for (const [code, submission] of cases) expect([code, (await world.deliver(submission)).code]).toEqual([code, code])
    expect(world.recoveries() - recoveriesBefore).toBe(1) // Only the last case got as far as its signature.
    expect((await world.deliver(await world.submission(), { submissionId: 'not-a-uuid' })).code).toBe('submission_malformed')
    expect(world.sequencer.epoch(EPOCH_1)).toMatchObject({
      accepted: 0,
      rejected: { market_unknown: 2, signer_mismatch: 1, header_unknown: 2 },
    })
    expect(world.sequencer.stats().receipts).toMatchObject({ submission_malformed: 3, signer_mismatch: 1 })
    await world.stop()
  })

  test('says accepted once, duplicate for the same vote, vote_conflict for another', async () => {
    const world = await open()
    await world.release()
    expect((await vote(world, 1, 0)).code).toBe('accepted')
    expect((await vote(world, 1, 0)).code).toBe('duplicate')
    for (let time = 0; time < 6; time += 1)
      expect(await vote(world, 1, 1)).toMatchObject({ code: 'vote_conflict', reason: `the vote that counts is for ${CIDS[0]}` })
    expect(world.store.scan('evidence/')).toHaveLength(4)
    expect(world.sequencer.statsOfSlot(1 as SlotId)).toEqual({ accepted: 1, duplicate: 1, vote_conflict: 6 })
    const record = await sealed(world)
    expect(record).toMatchObject({ accepted: 1, rejected: { vote_conflict: 6 }, projects: [{ snapshotCid: CIDS[0], votes: 1 }] })
    await world.stop()
  })

  test('says quota_exceeded for one project too many, and still duplicate for an old one', async () => {
    const world = await open()
    await world.release()
    for (const project of [0, 1, 2]) await vote(world, 1, 0, project)
    const fourth = await world.submission({ projectId: 'pairs:0x04:TEST' as ProjectId })
    expect((await world.deliver(fourth)).code).toBe('quota_exceeded')
    expect((await vote(world, 1, 0, 2)).code).toBe('duplicate')
    await world.stop()
  })

  test('says accepted past the signed deadline too, and counts it', async () => {
    const world = await open()
    await world.release()
    const submission = await world.submission({ deadlineBlock: (await world.chain.head()).number })
    await world.mine(1)
    expect((await world.deliver(submission)).code).toBe('accepted')
    expect(world.sequencer.stats().pastDeadline).toBe(1)
    await world.stop()
  })

  test('says window_closed afterwards', async () => {
    const world = await open()
    await world.release()
    const late = await world.submission()
    await world.mine(5)
    expect((await world.deliver(late)).code).toBe('accepted')
    await world.mine(1)
    expect((await world.deliver(await world.submission({ slotId: 2 as SlotId }))).code).toBe('window_closed')
    await world.stop()
  })

  test.each(['accepted', 'duplicate'])('S1: says %s only when a power cut at that very moment would not lose the vote', async (code) => {
    const world = await open()
    await world.release()
    const atDisk: number[] = []
    const atReceipt = () => atDisk.push(world.store.crash().scan('vote/').length)
    // The first vote is still on its way to the disk when the second arrives.
    const first = world.deliver(await world.submission(), code === 'accepted' ? { atReceipt } : {})
    const second = code === 'duplicate' ? world.deliver(await world.submission(), { atReceipt }) : first
    expect((await second).code).toBe(code)
    expect(atDisk).toEqual([1])
  })

  test('for epoch 0 says simulated; nothing is counted', async () => {
    const world = await open()
    expect((await world.deliver(await world.submission({ epochId: 0 as EpochId }))).code).toBe('simulated')
    expect((await world.deliver(await world.submission({ epochId: 0 as EpochId, signedBy: 2 }))).code).toBe('signer_mismatch')
    await world.release()
    expect((await sealed(world)).reason).toBe('no_submissions')
    await world.stop()
  })

  test('a deployed collector is heard as well', async () => {
    const world = await open()
    await world.release()
    expect((await world.deliver(await world.submission(), { protocol: 'collect' })).code).toBe('accepted')
    expect((await vote(world, 1, 0)).code).toBe('duplicate')
    expect((await sealed(world)).accepted).toBe(1)
    await world.stop()
  })
})

test('S3: an id that two votes bear is replaced: nobody can spoil a batch with it', async () => {
  const world = await open()
  await world.release()
  const submissionId = uuid()
  await world.deliver(await world.submission(), { submissionId })
  const victim = await world.submission({ slotId: 2 as SlotId })
  const foreseen = createSubmissionHasher(world.chain).digest(victim.request).slice(0, 16)
  foreseen[6] = (Number(foreseen[6]) & 0x0f) | 0x40
  foreseen[8] = (Number(foreseen[8]) & 0x3f) | 0x80
  const taken = foreseen.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  expect((await world.deliver(await world.submission({ slotId: 3 as SlotId }), { submissionId: taken })).code).toBe('accepted')
  const second = await world.deliver(await world.submission({ slotId: 2 as SlotId }), { submissionId })
  expect(second).toMatchObject({ submissionId, code: 'accepted', reason: '' })
  const { batches } = await sealed(world)
  const bytes = await world.ipfs.node('sequencer').get(batches[0]?.batchCid as Cid, { bytesMax: 1e6, timeoutMs: 100 })
  const ids = decodeBatch(bytes)?.submissions.map((one) => one.submissionId)
  // Slot 3 foresaw the replacement and took that too; slot 2 only gets the next one.
  expect(new Set(ids).size).toBe(3)
  expect(ids).not.toContain(submissionId)
  expect(ids?.indexOf(taken)).toBe(2)
  await world.stop()
})

test('S19, G3: where the market asks for compact batches they are planned, pinned, read back and anchored as such', async () => {
  const world = await open({ rules: sameRules(rulesWith({ batchForm: 'dag-cbor', batchTree: 'fresh' })) })
  await world.release()
  for (const slot of [1, 2, 3]) await vote(world, slot, 0)
  const { state, batches } = await sealed(world)
  const batchCid = batches[0]?.batchCid as Cid
  expect([state, batchCid.slice(0, 7), await world.chain.batchCids(EPOCH_1)]).toEqual(['ended', 'bafyrei', [batchCid]])
  const bytes = await world.clock.runUntil(world.ipfs.node('anybody').get(batchCid, { bytesMax: 10_000, timeoutMs: 1_000 }), {
    limitMs: 5_000,
  })
  const parsed = parseBatchFile(bytes, batchCid)
  expect(parsed).toMatchObject({ ok: true, batch: { submissions: { length: 3 } } })
  await world.stop()
})

test('S8: a clock that is set forward by an hour, with deliveries on their way to the disk, closes no window and loses none', async () => {
  const disk = createDisk()
  let aheadMs = 0
  const world = await open({ disk, aheadMs: () => aheadMs })
  await world.release()
  expect((await vote(world, 1, 0)).code).toBe('accepted')
  const letGo = disk.hold((key) => key.startsWith('vote/'))
  const answered: Receipt[] = []
  world.push([await world.submission({ slotId: 2 as SlotId })], answered)
  world.push([await world.submission({ slotId: 3 as SlotId })], answered, { protocol: 'collect' })
  await world.clock.advance(10)
  aheadMs = 3_600_000
  await world.clock.advance(1_000)
  letGo()
  await world.until(() => answered.length === 2)
  expect([answered.map(({ code }) => code), (await vote(world, 4, 0)).code]).toEqual([['accepted', 'accepted'], 'accepted'])
  expect(world.sequencer.epoch(EPOCH_1)).toMatchObject({ state: 'released' })
  expect(await sealed(world)).toMatchObject({ state: 'ended', accepted: 4, projects: [{ votes: 4 }] })
  await world.stop()
})

describe('S1, S4, S6: after a power cut', () => {
  test('between receipt and close every receipted submission is in the epoch', async () => {
    const world = await open()
    await world.release()
    for (const slot of [1, 2, 3]) await vote(world, slot, slot === 3 ? 1 : 0)
    const again = await world.crash()
    expect((await vote(again, 2, 0)).code).toBe('duplicate')
    expect((await vote(again, 1, 1)).code).toBe('vote_conflict')
    expect((await vote(again, 4, 0)).code).toBe('accepted')
    expect(await sealed(again)).toMatchObject({ state: 'ended', accepted: 4, outvotedSlots: [3], projects: [{ votes: 3, total: 4 }] })
    await again.stop()
  })

  test.each([0, 1, 2, 3, 5, 8, 13, 21, 34])('%i turns into sealing the epoch ends the same, each call made once', async (turns) => {
    const world = await open({ batchLimits: { projectsMax: 1, bytesMax: 1_000_000 } })
    await world.release()
    for (const project of [0, 1, 2]) await vote(world, 1, project, project)
    await world.mine(5)
    world.chain.mine()
    const moving = world.clock.advance(30)
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    const again = await world.crash(moving)
    const record = await sealed(again)
    expect(record).toMatchObject({
      state: 'ended',
      reason: 'all_batches_anchored',
      accepted: 3,
      projects: [{ state: 'pending' }, { state: 'pending' }, { state: 'pending' }],
    })
    expect(await again.chain.batchCids(EPOCH_1)).toEqual(record.batches.map(({ batchCid }) => batchCid))
    expect(again.chain.transactionCount(SEQUENCER)).toBe(4)
    await again.stop()
  })

  test('while the window closed unseen, the epoch is sealed all the same', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    world.chain.mine(8)
    const again = await world.crash()
    expect(await sealed(again)).toMatchObject({ state: 'ended', accepted: 1 })
    await again.stop()
  })

  test('before it has seen any epoch, it misses none of those released meanwhile', async () => {
    const world = await open()
    const manager = world.chain.sender({ address: MANAGER, journal: createFakeStore() })
    const release = async (begin: number) => {
      const call = { kind: 'releaseEpoch', begin: begin as BlockNumber, end: (begin + 9) as BlockNumber } as const
      const sent = manager.send(`releaseEpoch/${begin}`, call, new AbortController().signal)
      await world.clock.advance(1)
      world.chain.mine()
      await world.clock.advance(50)
      await sent
    }
    const again = await world.crash(release(100).then(() => release(110)))
    await again.mine(10)
    expect([1, 2].map((epochId) => again.sequencer.epoch(epochId as EpochId)?.reason)).toEqual(['no_submissions', 'no_submissions'])
    await again.stop()
  })

  test('after the batch window the epoch is missed, with its reason', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    world.chain.mine(25)
    const again = await world.crash()
    expect(await sealed(again)).toMatchObject({
      state: 'missed',
      reason: 'batch_window_over',
      projects: [{ state: 'missed', reason: 'batch_not_anchored' }],
    })
    await again.stop()
  })
})

describe('S8: a reorganisation', () => {
  test('that moves the release makes the old votes void; the slots may vote again', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    world.chain.reorg(1)
    await world.mine(1)
    expect(world.events).toContain('release_undone')
    expect((await vote(world, 1, 1)).code).toBe('accepted')
    expect(await sealed(world)).toMatchObject({ state: 'ended', accepted: 1, projects: [{ snapshotCid: CIDS[1], votes: 1 }] })
    expect(world.events).toContain('receipts')
    await world.stop()
  })

  test('that takes the release away makes the epoch one that is still to come, also for a process started after it', async () => {
    const world = await open()
    await world.release()
    const early = await world.submission()
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.mine(1)
    expect((await world.deliver(early)).code).toBe('epoch_unknown')
    const again = await world.crash()
    expect((await again.deliver(early)).code).toBe('epoch_unknown')
    await again.release()
    expect((await vote(again, 1, 0)).code).toBe('accepted')
    await again.stop()
  })

  describe('S10: that takes the batches back', () => {
    async function takenBack(): Promise<{ world: World; batchCid: Cid }> {
      const world = await open()
      await world.release()
      await vote(world, 1, 0)
      const { batchCid } = (await sealed(world)).batches[0] as EpochEntry['batches'][number]
      world.chain.reorg(3, { isLosingTransactions: true })
      expect(await world.chain.batch(EPOCH_1, batchCid)).toBeUndefined()
      return { world, batchCid }
    }

    for (const isRestarted of [false, true])
      test(`has them anchored again, by the same calls${isRestarted ? ', also when nobody was there to see it' : ''}`, async () => {
        const { world, batchCid } = await takenBack()
        const now = isRestarted ? await world.crash() : world
        await now.mine(4)
        expect(await now.chain.batch(EPOCH_1, batchCid)).toBeDefined()
        expect(await now.chain.isEpochEnded(EPOCH_1)).toBe(true)
        expect(now.chain.transactionCount(SEQUENCER)).toBe(2)
        await now.stop()
      })

    for (const isRestarted of [false, true])
      test(`too late to send them again is told${isRestarted ? ', also when nobody was there to see it' : ''}`, async () => {
        const { world, batchCid } = await takenBack()
        world.chain.mine(20)
        const now = isRestarted ? await world.crash() : world
        await now.mine(2)
        expect(now.sequencer.epoch(EPOCH_1)).toMatchObject({
          state: 'ended',
          reason: 'batch_window_over',
          batches: [{ batchCid, isAnchored: false }],
          projects: [{ state: 'missed', reason: 'batch_not_anchored' }],
        })
        await now.stop()
      })
  })

  test('that takes only the header leaves a vote out at the close', async () => {
    const world = await open()
    await world.release()
    await vote(world, 1, 0)
    await world.mine(1)
    await vote(world, 2, 1)
    world.chain.reorg(1)
    await world.mine(1)
    expect(await sealed(world)).toMatchObject({ accepted: 1, projects: [{ snapshotCid: CIDS[0] }] })
    await world.stop()
  })
})

test('a slot that changes hands: each signer counts for the blocks in which it was assigned', async () => {
  const world = await open()
  await world.release()
  const old = await world.submission({ slotId: 1 as SlotId })
  world.chain.assignSigner(1 as SlotId, signerOf(4).address)
  await world.mine(1)
  expect((await world.deliver(await world.submission({ slotId: 1 as SlotId, signedBy: 1 }))).code).toBe('signer_mismatch')
  expect(
    (await world.deliver(await world.submission({ slotId: 1 as SlotId, signedBy: 4, projectId: PROJECTS[1] as ProjectId }))).code,
  ).toBe('accepted')
  expect((await world.deliver(old)).code).toBe('accepted')
  await world.stop()
})

test('old epochs are forgotten, newest kept', async () => {
  const world = await open()
  for (let epoch = 1; epoch <= 4; epoch += 1) {
    await world.release()
    await world.deliver(await world.submission({ epochId: epoch as EpochId }))
    await world.mine(40)
  }
  expect(world.store.scan('epoch/').map(({ key }) => Number(key.slice('epoch/'.length)))).toEqual([3, 4])
  expect(world.store.scan('vote/')).toHaveLength(2)
  expect(world.store.scan('plan')).toHaveLength(4)
  await world.stop()
})

test('a sequencer that the market does not name says so once, stays, and says when it is named', async () => {
  const { clock, chain, events, stop } = await open()
  const about = () => events.filter((event) => event.endsWith('appointed'))
  await clock.advance(40_000)
  expect(about()).toEqual([])
  chain.changeMarket({ sequencers: [OTHER_SEQUENCER] })
  chain.mine()
  await clock.advance(40_000)
  expect(about()).toEqual(['not_appointed'])
  chain.changeMarket({ sequencers: [SEQUENCER] })
  chain.mine()
  await clock.advance(40_000)
  expect(about()).toEqual(['not_appointed', 'appointed'])
  await stop()
})
