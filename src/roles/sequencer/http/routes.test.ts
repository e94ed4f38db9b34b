import { describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { sameRules } from '#life/rules.ts'
import { planFileKey, voteKey, votesPrefix } from '#roles/sequencer/keys.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import { CIDS, EPOCH_1, open, PROJECTS, sealed, uuid, vote, type Settings, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { encodeCompactBatch, parseCompactBatch } from '#wire/batch-cbor.ts'
import { decodeBatch } from '#wire/batch-json.ts'
import { checkInclusion, type InclusionProof } from '#wire/inclusion.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { type SequencerRoute, SEQUENCER_API } from '#wire/sequencer-api.ts'
import { discardedOnDay } from './archive.ts'
import { sequencerPages, sequencerRoutes } from './routes.ts'

/** Whoever asks a route of this sequencer, and how often it took a breath. */
function asking(world: World) {
  const routes = sequencerRoutes({ sequencer: world.sequencer, store: world.store, chain: world.chain })
  const names = Object.keys(SEQUENCER_API)
  const state = { breaths: 0 }
  const breathe = async () => {
    state.breaths += 1
  }
  const ask = async (name: SequencerRoute, fields: Record<string, unknown> = {}): Promise<unknown> => {
    const route = routes[names.indexOf(name)]
    const market = route?.method === 'POST' ? { dataMarketAddress: world.chain.dataMarket } : {}
    return JSON.parse(
      JSON.stringify(
        await route?.answer({ ...market, ...fields }, { breathe, spend: () => undefined, header: () => undefined, caller: 'a test' }),
      ),
    )
  }
  const codeOf = (name: SequencerRoute, fields?: Record<string, unknown>) =>
    ask(name, fields).then(
      () => 'answered',
      (failure: unknown) => (isWeftError(failure) ? failure.code : expect.fail(String(failure))),
    )
  return { ask, codeOf, state }
}

interface Listed {
  readonly items: readonly Record<string, unknown>[]
  readonly nextCursor?: string
}

/** Three projects in a batch each, four slots; slot 4 votes otherwise on the first, and slot 1 twice on the second. */
async function voted(settings: Settings = {}): Promise<World> {
  const world = await open({ batchLimits: { projectsMax: 1, bytesMax: 1_000_000 }, ...settings })
  await world.release()
  for (const project of [0, 1, 2]) for (const slotId of [1, 2, 3]) await vote(world, slotId, project, project)
  await vote(world, 4, 1, 0)
  await vote(world, 1, 2, 1)
  return world
}

describe('S24: what was voted for', () => {
  const VOTES = [
    ['submissions', { epochId: '1' }],
    ['discarded', { epochId: '1' }],
    ['evidence', { epochId: '1' }],
    ['epochSubmissionDetails', { epochID: 1 }],
  ] as const

  test('is told when the window is over and not before, so that nobody votes as others did', async () => {
    const world = await voted()
    const { ask, codeOf } = asking(world)
    const submissionId = uuid()
    await world.deliver(await world.submission({ slotId: 4 as SlotId, projectId: PROJECTS[2] as ProjectId }), { submissionId })
    const all = [...VOTES, ['submission', { submissionId }], ['submission', { submissionId, epoch: '1' }]] as const
    for (const [name, fields] of all) expect([name, await codeOf(name, fields)]).toEqual([name, 'EPOCH_OPEN'])
    expect(await ask('activeSlots', { epochId: '1' })).toEqual({ activeSlots: 4 })
    await sealed(world)
    for (const [name, fields] of all) expect([name, await codeOf(name, fields)]).toEqual([name, 'answered'])
    await world.stop()
  })

  test('is not told of an epoch that may be released again', async () => {
    const world = await voted()
    await sealed(world)
    const sequencer = {
      ...world.sequencer,
      epoch: (epochId: EpochId) => ({ ...world.sequencer.epoch(epochId), state: 'void' }) as EpochEntry,
    }
    const { codeOf } = asking({ ...world, sequencer })
    for (const [name, fields] of VOTES) expect([name, await codeOf(name, fields)]).toEqual([name, 'EPOCH_OPEN'])
    await world.stop()
  })
})

describe('deployed routes', () => {
  test('an open epoch says who has voted, and nothing yet of what won', async () => {
    const world = await voted()
    const { ask } = asking(world)
    expect(await ask('activeNodesCountByEpoch', { epochID: 1 })).toBe(4)
    expect(await ask('batchCount', { epochID: 1 })).toEqual({ totalBatches: 0 })
    expect(await ask('eligibleSlotSubmissionCount', { epochID: 1, day: 1 })).toEqual({ eligibleSubmissionCounts: [] })
    expect(await ask('discardedSubmissionsByEpoch', { epochID: 1, day: 1 })).toEqual({ projects: [] })
    await world.stop()
  })

  test('a sealed epoch says what won and what was discarded', async () => {
    const world = await voted()
    await sealed(world)
    const { ask } = asking(world)
    expect(await ask('batchCount', { epochID: 1 })).toEqual({ totalBatches: 3 })
    const count = (slotID: number) => ({ slotID, count: 3 })
    expect(await ask('eligibleSlotSubmissionCount', { epochID: 1, day: 1 })).toEqual({ eligibleSubmissionCounts: [1, 2, 3].map(count) })
    expect(await ask('discardedSubmissionsByEpoch', { epochID: 1, day: 1 })).toEqual({
      projects: [
        {
          projectID: PROJECTS[0],
          details: { mostFrequentSnapshotCID: CIDS[0], discardedSubmissionCount: 1, discardedSubmissions: { 4: [CIDS[1]] } },
        },
      ],
    })
    await world.stop()
  })

  test('submissions have the form of deployed servers, and come in pages', async () => {
    const world = await voted()
    await sealed(world)
    const { ask } = asking(world)
    type Details = { submissions: Record<string, unknown>[]; nextCursor?: string }
    const all = (await ask('epochSubmissionDetails', { epochID: 1 })) as Details
    expect(all.submissions).toHaveLength(10)
    expect(all.nextCursor).toBeUndefined()
    expect(all.submissions[0]).toEqual({
      submissionID: expect.stringMatching(/-4/),
      submissionData: {
        request: { slotID: 1, deadline: expect.any(Number), snapshotCID: CIDS[0], epochID: 1, projectID: PROJECTS[0] },
        signature: expect.stringMatching(/^[0-9a-f]{130}$/),
        header: expect.stringMatching(/^0x/),
      },
    })
    const first = (await ask('epochSubmissionDetails', { epochID: 1, limit: 7 })) as Details
    const second = (await ask('epochSubmissionDetails', { epochID: 1, limit: 7, cursor: first.nextCursor })) as Details
    expect([...first.submissions, ...second.submissions]).toEqual(all.submissions)
    expect([first.submissions.length, second.nextCursor]).toEqual([7, undefined])
    await world.stop()
  })

  test('of a slot: when it last submitted, for an epoch and for epoch 0, and its version', async () => {
    const world = await open()
    await world.release()
    const { ask, codeOf } = asking(world)
    expect(await codeOf('lastSnapshotSubmission', { slotID: 2 })).toBe('SLOT_NOT_SEEN')
    await vote(world, 2, 0)
    const at = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z/, 'Z')
    expect(await ask('lastSnapshotSubmission', { slotID: 2 })).toEqual({ timestamp: at(world.clock.nowMs()), nodeVersion: 'v1' })
    expect(await codeOf('lastSimulatedSubmission', { slotID: 2 })).toBe('SLOT_NOT_SEEN')
    await world.deliver({ ...(await world.submission({ slotId: 2 as SlotId, epochId: 0 as EpochId })), nodeVersion: 'v2' })
    expect(await ask('lastSimulatedSubmission', { slotID: 2 })).toMatchObject({ nodeVersion: 'v2' })
    expect(await ask('lastSnapshotSubmission', { slotID: 2 })).toMatchObject({ nodeVersion: 'v1' })
    // Whoever writes its number into a submission that another key signed is not the slot.
    await world.deliver(await world.submission({ slotId: 3 as SlotId, signedBy: 1 }))
    expect(await codeOf('snapshotterNodeVersion', { slotID: 3 })).toBe('SLOT_NOT_SEEN')
    await world.stop()
  })
})

test('G7: votes that lost are told as cut where they are more than one answer holds', async () => {
  const world = await voted()
  await sealed(world)
  const [vote] = world.store.scan(votesPrefix(EPOCH_1), { limit: 4 }).slice(3)
  const many = Array.from({ length: 5_001 }, (_, index) => ({
    key: voteKey(EPOCH_1, PROJECTS[0] as ProjectId, (100 + index) as SlotId),
    value: vote?.value ?? new Uint8Array(),
  }))
  await world.store.commit(many)
  expect(await asking(world).ask('discardedSubmissionsByEpoch', { epochID: 1 })).toMatchObject({
    projects: [{ details: { discardedSubmissionCount: 5_000 } }],
    isCut: true,
  })
  await world.stop()
})

/** Two epochs a day, and a quota of two: on day 1 slots 1 and 2 reach it, and 3 loses twice; day 2 has one epoch, in which 1 loses. */
async function twoDays(settings: Settings = {}): Promise<World> {
  const world = await open({ minVotes: 2, epochsKept: 100, rewards: { epochsInADay: 2, dailySnapshotQuota: 2 }, ...settings })
  for (const [index, cids] of [
    [0, 0, 1],
    [0, 0, 2],
    [1, 0, 0],
  ].entries()) {
    await world.release()
    for (const [slot, cid] of cids.entries()) await vote(world, slot + 1, cid, 0, index + 1)
    while (world.records.at(-1)?.epochId !== index + 1) await world.mine(1)
    await world.mine(1)
  }
  return world
}

describe('days', () => {
  test('have what each slot submitted, and what of it counts, newest first', async () => {
    const world = await twoDays()
    const { ask } = asking(world)
    expect(await ask('totalSubmissions', { slotID: 3, pastDays: 2 })).toEqual([
      { day: 2, eligibleSubmissions: 1, totalSubmissions: 1 },
      { day: 1, eligibleSubmissions: 0, totalSubmissions: 2 },
    ])
    expect(await ask('totalSubmissions', { slotID: 20_000, pastDays: 1 })).toMatchObject([{ totalSubmissions: 0 }])
    expect(await ask('slotDays', { slotId: '1', pastDays: '2' })).toEqual({
      items: [
        { day: 2, isWhole: true, total: 1, eligible: 0 },
        { day: 1, isWhole: true, total: 2, eligible: 2 },
      ],
    })
    await world.stop()
  })

  test('name the slots that reached the quota', async () => {
    const world = await twoDays()
    const { ask } = asking(world)
    expect(await ask('eligibleNodesCountPastDays', { pastDays: 2 })).toEqual([
      { day: 2, eligibleNodesCount: 0, slotIDs: [] },
      { day: 1, eligibleNodesCount: 2, slotIDs: [] },
    ])
    expect(await ask('eligibleNodesCount', { day: 1, includeSlotDetails: 'true' })).toEqual({
      day: 1,
      eligibleNodesCount: 2,
      slotIDs: ['1', '2'],
    })
    expect(await ask('days', { pastDays: '2' })).toEqual({
      items: [
        { day: 2, isWhole: true, eligibleSlots: 0 },
        { day: 1, isWhole: true, eligibleSlots: 2 },
      ],
    })
    const first = (await ask('eligibleSlots', { day: '1', limit: '1' })) as Listed
    expect(first).toEqual({ items: [1], nextCursor: expect.any(String) })
    expect(await ask('eligibleSlots', { day: '1', limit: '1', cursor: first.nextCursor })).toEqual({ items: [2] })
    // A slot may leave the list between two pages: what is behind its place comes next, and nothing comes twice.
    const without = (slots: readonly number[]) => {
      const tallies = () => ({ ...world.sequencer.tallies(), eligible: async () => slots as readonly SlotId[] })
      return asking({ ...world, sequencer: { ...world.sequencer, tallies } })
    }
    expect(await without([2, 10]).ask('eligibleSlots', { day: '1', limit: '1', cursor: first.nextCursor })).toMatchObject({ items: [2] })
    const ninth = ((await without([9, 10]).ask('eligibleSlots', { day: '1', limit: '1' })) as Listed).nextCursor
    expect(await without([2, 10]).ask('eligibleSlots', { day: '1', cursor: ninth })).toEqual({ items: [10] })
    expect(await without([2]).ask('eligibleSlots', { day: '1', cursor: ninth })).toEqual({ items: [] })
    await world.stop()
  })

  test('have what of a slot lost, by project, as far as its votes are kept', async () => {
    const world = await twoDays()
    const { ask, state } = asking(world)
    expect(await ask('discardedSubmissionsByDay', { slotID: 3, day: 1 })).toEqual({
      slotID: 3,
      discardedSubmissions: [
        {
          projectID: PROJECTS[0],
          details: { finalizedCID: CIDS[0], discardedSubmissionCount: 2, discardedSubmissions: [CIDS[1], CIDS[2]] },
        },
      ],
      totalPages: 1,
      currentPage: 1,
    })
    expect(await ask('discardedSubmissionsByDay', { slotID: 3, day: 1, page: 2 })).toMatchObject({ discardedSubmissions: [] })
    expect(await ask('slotDiscarded', { slotId: '1', day: '2' })).toEqual({
      items: [{ projectId: PROJECTS[0], finalizedCid: CIDS[0], snapshotCids: [CIDS[1]] }],
    })
    expect(await ask('slotDiscarded', { slotId: '1', day: '1' })).toEqual({ items: [] })
    expect(state.breaths).toBeGreaterThan(0)
    const { sequencer, store } = world
    const epoch = (epochId: EpochId) => (epochId === EPOCH_1 ? undefined : sequencer.epoch(epochId))
    const deps = { sequencer: { ...sequencer, epoch }, store }
    expect(
      await discardedOnDay(3 as SlotId, sequencer.tallies().days()[0], deps, {
        breathe: async () => undefined,
        spend: () => undefined,
        header: () => undefined,
        caller: 'a test',
      }),
    ).toMatchObject([{ snapshotCids: [CIDS[2]] }])
    await world.stop()
  })

  test('S16: of a slot with many projects are read with a breath at least every 250 votes', async () => {
    const world = await twoDays()
    const projects = Array.from({ length: 600 }, (_, index) => ({ projectId: `pairs:${index}:TEST`, snapshotCid: CIDS[0] }))
    const epoch = () => ({ ...world.sequencer.epoch(EPOCH_1), projects }) as unknown as EpochEntry
    const state = { breaths: 0 }
    const breathe = async () => {
      state.breaths += 1
    }
    const deps = { sequencer: { epoch, newestEpochId: () => EPOCH_1 }, store: world.store }
    await discardedOnDay(3 as SlotId, world.sequencer.tallies().days()[0], deps, {
      breathe,
      spend: () => undefined,
      header: () => undefined,
      caller: 'a test',
    })
    // Epochs 0 to 2, each with all projects.
    expect(state.breaths).toBe(Math.ceil((3 * 601) / 250))
    await world.stop()
  })

  test('that have not begun are refused, and days named in one answer are few', async () => {
    const world = await twoDays()
    const { ask, codeOf } = asking(world)
    expect(await codeOf('totalSubmissions', { slotID: 1, pastDays: 3 })).toBe('REQUEST_INVALID')
    await expect(ask('eligibleNodesCountPastDays', { pastDays: 32, includeSlotDetails: 'true' })).rejects.toThrow('at most 31')
    for (const [name, fields] of [
      ['eligibleNodesCount', { day: 3 }],
      ['discardedSubmissionsByDay', { slotID: 1, day: 3 }],
      ['eligibleSlots', { day: '3' }],
      ['slotDiscarded', { slotId: '1', day: '3' }],
    ] as const)
      expect(await codeOf(name, fields)).toBe('REQUEST_INVALID')
    await world.stop()
  })

  test('are told when the chain has been read, and not before', async () => {
    const world = await open({ isNotAwaited: true })
    const { ask, codeOf } = asking(world)
    expect(await codeOf('totalSubmissions', { slotID: 1, pastDays: 1 })).toBe('DAYS_NOT_READ')
    expect(await codeOf('slotDiscarded', { slotId: '1', day: '1' })).toBe('DAYS_NOT_READ')
    await world.until(() => world.sequencer.stats().isReady)
    expect(await ask('totalSubmissions', { slotID: 1, pastDays: 1 })).toEqual([{ day: 1, eligibleSubmissions: 0, totalSubmissions: 0 }])
    await world.stop()
  })
})

describe('what is asked wrongly', () => {
  test.each([
    ['batchCount', {}],
    ['batchCount', { epochID: '1' }],
    ['batchCount', { epochID: 0 }],
    ['batchCount', { epochID: -1 }],
    ['batchCount', { epochID: 1.5 }],
    ['batchCount', { epochID: 1e300 }],
    ['batchCount', { epochID: null }],
    ['batchCount', { epochID: 1, dataMarketAddress: `0x${'9'.repeat(40)}` }],
    ['batchCount', { epochID: 1, dataMarketAddress: 7 }],
    ['totalSubmissions', { slotID: 1, pastDays: 100_000 }],
    ['submissions', { epochId: '1e3' }],
    ['submissions', { epochId: '9007199254740993' }],
    ['submissions', { epochId: '1', limit: '0' }],
    ['submissions', { epochId: '1', limit: '501' }],
    ['submissions', { epochId: '1', cursor: '*' }],
    ['submission', { submissionId: 'x' }],
    ['projectProof', { epochId: '1', projectId: 'no colon' }],
  ] as const)('%s %j', async (name, fields) => {
    const world = await open({ isNotAwaited: true })
    expect(await asking(world).codeOf(name, fields)).toBe('REQUEST_INVALID')
    await world.stop()
  })

  test('an epoch that nobody knows, and a vote that nobody cast', async () => {
    const world = await voted()
    const { codeOf } = asking(world)
    expect(await codeOf('batchCount', { epochID: 99 })).toBe('EPOCH_NOT_KEPT')
    expect(await codeOf('epoch', { epochId: '99' })).toBe('EPOCH_NOT_KEPT')
    expect(await codeOf('submission', { submissionId: uuid() })).toBe('SUBMISSION_NOT_KEPT')
    expect(await codeOf('submission', { submissionId: uuid(), epoch: '99' })).toBe('EPOCH_NOT_KEPT')
    await world.stop()
  })
})

describe('routes below /v1', () => {
  test('an epoch, its projects and its lists, page after page, and no page twice', async () => {
    const world = await voted({ minVotes: 2, expectedProjects: [...PROJECTS, 'pairs:0x04:TEST' as ProjectId] })
    await sealed(world)
    const { ask } = asking(world)
    expect(await ask('newest')).toMatchObject({ newestEpochId: 1, dataMarket: world.chain.dataMarket })
    expect(await ask('epoch', { epochId: '1' })).toMatchObject({
      state: 'ended',
      accepted: 10,
      projects: { pending: 3, missed: 1 },
      batches: [{ isAnchored: true }, {}, {}],
    })
    expect(await ask('projects', { epochId: '1', state: 'missed' })).toMatchObject({
      items: [{ projectId: 'pairs:0x04:TEST', reason: 'not_submitted' }],
    })
    const pages: Listed[] = []
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; cursor = pages.at(-1)?.nextCursor) {
      isFirst = false
      pages.push((await ask('projects', { epochId: '1', limit: '3', ...(cursor !== undefined && { cursor }) })) as Listed)
    }
    expect(pages.map(({ items }) => items.length)).toEqual([3, 1])
    expect(await ask('discarded', { epochId: '1' })).toMatchObject({ items: [{ slotId: 4, snapshotCid: CIDS[1], projectId: PROJECTS[0] }] })
    expect(await ask('evidence', { epochId: '1' })).toMatchObject({
      items: [{ slotId: 1, snapshotCid: CIDS[2], projectId: PROJECTS[1], signature: expect.stringMatching(/^[0-9a-f]{130}$/) }],
    })
    expect(await ask('activeSlots', { epochId: '1' })).toEqual({ activeSlots: 4 })
    expect(await ask('eligible', { epochId: '1' })).toMatchObject({ items: [{ slotId: 1, votes: 3, won: 3 }, {}, {}, { won: 0 }] })
    expect(await ask('slot', { slotId: '4' })).toMatchObject({ nodeVersion: 'v1', lastSnapshot: expect.any(String) })
    await world.stop()
  })
})

interface ProofAnswer {
  readonly batchCid: Cid
  readonly rootHash: string
  readonly isAnchored: boolean
  readonly submission: InclusionProof
  readonly result: InclusionProof
}

describe('S16, G8: inclusion', () => {
  test('of every vote is proved under the roots of its batch file and of the chain', async () => {
    const world = await voted()
    await sealed(world)
    const { ask } = asking(world)
    const { items } = (await ask('submissions', { epochId: '1' })) as Listed
    expect(items).toHaveLength(10)
    for (const { submissionId, projectId } of items) {
      const proof = (await ask('proof', { submissionId })) as ProofAnswer
      const anchored = await world.chain.batch(EPOCH_1, proof.batchCid)
      expect(anchored?.projectIds).toContain(projectId)
      expect([proof.rootHash, proof.isAnchored]).toEqual([anchored?.rootHash, true])
      const limits = { bytesMax: 1_000_000, timeoutMs: 1_000 }
      const bytes = await world.clock.runUntil(world.ipfs.node('anybody').get(proof.batchCid, limits), { limitMs: 5_000 })
      const batch = decodeBatch(bytes)
      expect(batch?.submissions.map((each) => each.submissionId)).toContain(submissionId)
      expect(proof.submission.text).toBe(submissionId)
      expect(checkInclusion(proof.submission, batch?.submissionsRoot ?? '')).toBe(true)
      expect(proof.result.text).toBe(batch?.snapshotCids[batch.projectIds.indexOf(projectId as ProjectId)])
      expect(checkInclusion(proof.result, anchored?.rootHash ?? '')).toBe(true)
      expect(await ask('proofShort', { submissionId, epoch: '1' })).toEqual(proof)
      expect(await ask('projectProof', { epochId: '1', projectId })).toMatchObject({ rootHash: proof.rootHash, result: proof.result })
    }
    await world.stop()
  })

  test('S16: is proved one at a time, and one that fails holds up no other', async () => {
    const world = await voted()
    await sealed(world)
    const { items } = (await asking(world).ask('submissions', { epochId: '1' })) as Listed
    const routes = sequencerRoutes({ sequencer: world.sequencer, store: world.store, chain: world.chain })
    const route = routes[Object.keys(SEQUENCER_API).indexOf('proof')]
    const breaths: number[] = []
    const prove = async (who: number, submissionId: unknown) =>
      route?.answer(
        { submissionId },
        {
          breathe: async () => void (breaths.at(-1) !== who && breaths.push(who)),
          spend: () => undefined,
          header: () => undefined,
          caller: 'a test',
        },
      )
    const ids = [items[0]?.['submissionId'], uuid(), items.at(-1)?.['submissionId']]
    const ends = await Promise.allSettled(ids.map((id, who) => prove(who, id)))
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(breaths).toEqual([0, 1, 2])
    await world.stop()
  })

  test('is proved in a tree of the batch alone as well, and under no root but that of the file', async () => {
    const world = await voted()
    await sealed(world)
    const { ask, codeOf } = asking(world)
    const { items } = (await ask('submissions', { epochId: '1' })) as Listed
    const submissionId = items.at(-1)?.['submissionId']
    const key = planFileKey(EPOCH_1, 2)
    const parsed = parseCompactBatch(world.store.get(key) ?? new Uint8Array())
    const batch = parsed.ok ? parsed.batch : expect.fail(parsed.defect)
    const rewrite = (submissionsRoot: string) => world.store.commit([{ key, value: encodeCompactBatch({ ...batch, submissionsRoot }) }])
    const root = publishedRoot(batch.submissions.map((each) => each.submissionId))
    await rewrite(root)
    const { submission } = (await ask('proof', { submissionId })) as ProofAnswer
    expect(submission).toMatchObject({ text: submissionId, index: 2, root })
    expect(checkInclusion(submission, root)).toBe(true)
    await rewrite(publishedRoot(['other']))
    expect(await codeOf('proof', { submissionId })).toBe('NOT_BATCHED')
    await world.stop()
  })

  test('S3: of a vote whose id others use too is proved under the id that it has in the batch, which is said', async () => {
    const world = await open()
    await world.release()
    const submissionId = uuid()
    // Whoever copies an id comes first in the order of projects.
    for (const [slotId, project] of [
      [1, 1],
      [2, 0],
    ] as const) {
      const submission = await world.submission({ slotId: slotId as SlotId, projectId: PROJECTS[project] as ProjectId })
      expect((await world.deliver(submission, { submissionId })).code).toBe('accepted')
    }
    await sealed(world)
    const { ask, codeOf } = asking(world)
    // Neither vote is told in the place of the other.
    for (const route of ['submission', 'proof'] as const) {
      expect(await codeOf(route, { submissionId })).toBe('SUBMISSION_AMBIGUOUS')
      expect(await codeOf(route, { submissionId, slot: '2', project: PROJECTS[1] })).toBe('SUBMISSION_NOT_KEPT')
    }
    for (const [slot, project] of [
      ['1', PROJECTS[1]],
      ['2', PROJECTS[0]],
    ]) {
      expect(await ask('submission', { submissionId, slot })).toMatchObject({ submissionId, slotId: Number(slot), projectId: project })
      const proof = (await ask('proof', { submissionId, slot, project })) as ProofAnswer
      expect(proof).toMatchObject({ slotId: Number(slot), projectId: project, isRenamed: true })
      expect(proof.submission.text).not.toBe(submissionId)
      const batch = decodeBatch(await world.ipfs.node('sequencer').get(proof.batchCid, { bytesMax: 1_000_000, timeoutMs: 1_000 }))
      expect(checkInclusion(proof.submission, batch?.submissionsRoot ?? '')).toBe(true)
    }
    await world.stop()
  })

  test('of what is in no batch is not proved, and why is said', async () => {
    const world = await open({ minVotes: 2 })
    await world.release()
    const submissionId = uuid()
    await world.deliver(await world.submission({ slotId: 1 as SlotId }), { submissionId })
    const { ask, codeOf } = asking(world)
    expect(await codeOf('proof', { submissionId })).toBe('NOT_BATCHED')
    await sealed(world)
    await expect(ask('proof', { submissionId })).rejects.toMatchObject({
      code: 'NOT_BATCHED',
      facts: { state: 'omitted, below_min_votes' },
    })
    expect(await codeOf('projectProof', { epochId: '1', projectId: 'pairs:none:TEST' })).toBe('NOT_BATCHED')
    await world.stop()
  })

  test('takes a breath at least every 250 votes, with every file and every thousand leaves', async () => {
    const world = await open({ rules: sameRules(rulesWith({ projectsPerSlotMax: 600, availability: 'none' })) })
    await world.release()
    const projects = Array.from({ length: 600 }, (_, index) => `pairs:${String(index).padStart(4, '0')}:TEST` as ProjectId)
    for (const slotId of [1, 2]) {
      const answered: unknown[] = []
      world.push(
        await Promise.all(projects.map((projectId) => world.submission({ slotId: slotId as SlotId, projectId }))),
        answered as never,
      )
      await world.until(() => answered.length === 600)
    }
    await world.mine(10)
    await world.until(() => world.records.length > 0)
    const { ask, state } = asking(world)
    const last = (await ask('submissions', { epochId: '1', limit: '500' })) as Listed
    state.breaths = 0
    await ask('proof', { submissionId: last.items.at(-1)?.['submissionId'] })
    // All votes, for another may bear the id too; the files of five batches, in two turns each, for they are small; 500 leaves.
    expect(state.breaths).toBe(Math.ceil(1_200 / 250) + 2 * 5 + 1)
    state.breaths = 0
    await ask('activeSlots', { epochId: '1' })
    expect(state.breaths).toBe(Math.ceil(1_200 / 250))
    await world.stop()
  }, 60_000)
})

test('the document has every route with what it takes', () => {
  const { paths } = JSON.parse(sequencerPages()['/openapi.json']?.body ?? '{}') as { paths: Record<string, Record<string, unknown>> }
  for (const { path, method } of Object.values(SEQUENCER_API)) expect(paths[path]).toHaveProperty(method.toLowerCase())
  expect(paths['/batchCount']?.['post']).toMatchObject({
    requestBody: { content: { 'application/json': { schema: { required: ['epochID', 'dataMarketAddress'] } } } },
  })
  expect(paths['/v1/epochs/{epochId}/submissions']?.['get']).toMatchObject({
    parameters: [{ name: 'epochId', in: 'path' }, { in: 'query' }, {}],
  })
  expect(sequencerPages()['/swagger']?.body).toContain('/v1/submissions/{submissionId}/proof')
})
