import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { contentHashOf } from '#wire/content-hash.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { attest, guardedAttestation } from './attest.ts'
import type { Check } from './recheck.ts'
import {
  batchOf,
  CID_A,
  CID_B,
  EPOCH_1,
  honest,
  honestVotes,
  judged,
  NEVER,
  openWorld,
  P1,
  P2,
  SEQUENCER,
  storeWithCursor,
  VALIDATORS,
  type World,
} from './validator.test-world.ts'

describe('an honest batch', () => {
  test('V4: is attested with the root of the sequencer, and a copy is kept', async () => {
    const world = await openWorld()
    const running = await world.start()
    const batchCid = await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({
      state: 'attested',
      reason: '',
      root: publishedRoot([CID_A]),
      isDivergent: false,
      isLate: false,
      failureCount: 0,
    })
    expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 1 })
    expect(await world.ipfs.node('validator 0').has(batchCid)).toBe(true)
    expect(running.validator.evidence(EPOCH_1, batchCid)).toBeUndefined()
    await running.stop()
  })

  test('is final when a majority of three validators agrees', async () => {
    const world = await openWorld()
    const all = [await world.start({ who: 0 }), await world.start({ who: 1 }), await world.start({ who: 2 })]
    const batchCid = await world.anchor(honest(world))
    for (const running of all) await judged(world, running)
    expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ isFinalized: true, attestationCount: 3 })
    for (const running of all) await running.stop()
  })

  test.each(['continues the tree of the epoch', 'starts a tree of its own'])('may hold a tree of submission ids that %s', async (how) => {
    const world = await openWorld()
    const running = await world.start()
    const first = honest(world)
    await world.anchor(first)
    const earlierIds = how.startsWith('continues') ? first.submissions.map(({ submissionId }) => submissionId) : []
    await world.anchor(batchOf([world.submission(1, CID_B, P2)], [[P2, CID_B]], earlierIds))
    expect(await judged(world, running, 2)).toMatchObject({ state: 'attested', failureCount: 0 })
    await running.stop()
  })

  test('that was on chain before the validator started is attested as well', async () => {
    const world = await openWorld()
    await world.anchor(honest(world))
    const running = await world.start()
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isLate: false })
    await running.stop()
  })
})

/** One thing wrong each: what must be found, and what must come of it. */
const TAMPERED: [Check, 'divergent' | 'withheld' | 'attested', (world: World) => Promise<unknown>][] = [
  ['form', 'withheld', (world) => world.anchor(honest(world), { bytes: new TextEncoder().encode('{"submissionIDs":[]}') })],
  [
    'submission_ids_unique',
    'withheld',
    (world) => {
      const batch = honest(world)
      const submissions = batch.submissions.map((one) => ({ ...one, submissionId: 'same' }))
      return world.anchor({ ...batch, submissions, submissionsRoot: publishedRoot(submissions.map(() => 'same')) })
    },
  ],
  [
    'projects_unique',
    'withheld',
    (world) => {
      const batch = honest(world)
      return world.anchor({ ...batch, projectIds: [P1, P1], snapshotCids: [CID_A, CID_A] }, { projectIds: [P1, P2] })
    },
  ],
  ['projects_on_chain', 'withheld', (world) => world.anchor(honest(world), { projectIds: [P2] })],
  ['cids_on_chain', 'withheld', (world) => world.anchor(honest(world), { snapshotCids: [CID_B], rootHash: publishedRoot([CID_A]) })],
  ['submissions_root', 'withheld', (world) => world.anchor({ ...honest(world), submissionsRoot: publishedRoot(['another']) })],
  ['cids_root', 'divergent', (world) => world.anchor(honest(world), { rootHash: publishedRoot(['another']) })],
  ['tally', 'divergent', (world) => world.anchor({ ...honest(world), snapshotCids: [CID_B] })],
  [
    'submission_project',
    'attested',
    (world) => world.anchor(batchOf([...honestVotes(world), world.submission(1, CID_A, P2)], [[P1, CID_A]])),
  ],
  [
    'submission_epoch',
    'attested',
    (world) => world.anchor(batchOf([...honestVotes(world), world.submission(1, CID_A, P1, { epochId: 2 as EpochId })], [[P1, CID_A]])),
  ],
  [
    'submission_namespace',
    'divergent',
    (world) =>
      world.anchor(batchOf([world.submission(1, CID_A, 'pairs:0x01:OTHER' as ProjectId)], [['pairs:0x01:OTHER' as ProjectId, CID_A]])),
  ],
  [
    'submission_header',
    'divergent',
    async (world) => world.anchor(batchOf([world.submission(1, CID_A, P1, { header: (await world.chain.head()).hash })], [[P1, CID_A]])),
  ],
  [
    'submission_deadline',
    'divergent',
    (world) => world.anchor(batchOf([world.submission(1, CID_A, P1, { deadlineBlock: 0 as BlockNumber })], [[P1, CID_A]])),
  ],
  ['submission_slot', 'divergent', (world) => world.anchor(batchOf([world.submission(9, CID_A)], [[P1, CID_A]]))],
  ['submission_signature', 'divergent', (world) => world.anchor(batchOf([world.submission(1, CID_A, P1, { signedBy: 2 })], [[P1, CID_A]]))],
  ['submission_once', 'attested', (world) => world.anchor(batchOf([...honestVotes(world), world.submission(3, CID_B)], [[P1, CID_A]]))],
]

describe('V1: a batch with something wrong', () => {
  test.each(TAMPERED)('V1: %s: %s', async (check, end, tamper) => {
    const world = await openWorld()
    const running = await world.start()
    await tamper(world)
    const record = await judged(world, running)
    const evidence = running.validator.evidence(EPOCH_1, record.batchCid)
    expect(evidence?.failures.map((failure) => failure.check)).toContain(check)
    expect({ state: record.state, isDivergent: record.isDivergent }).toEqual({
      state: end === 'withheld' ? 'withheld' : 'attested',
      isDivergent: end === 'divergent',
    })
    const onChain = await world.chain.batch(EPOCH_1, record.batchCid)
    expect([await world.chain.hasAttested(EPOCH_1, record.batchCid, VALIDATORS[0]), onChain?.attestationCount]).toEqual([
      end !== 'withheld',
      end === 'attested' ? 1 : 0,
    ])
    expect(await world.ipfs.node('anybody').get(record.evidenceCid as Cid, { bytesMax: 1e6, timeoutMs: 1 })).toEqual(
      new TextEncoder().encode(JSON.stringify(evidence)),
    )
    await running.stop()
  })

  test('evidence says what was expected and what was found', async () => {
    const world = await openWorld()
    const running = await world.start()
    const batchCid = await world.anchor({ ...honest(world), snapshotCids: [CID_B] })
    await judged(world, running)
    expect(running.validator.evidence(EPOCH_1, batchCid)).toEqual({
      batchCid,
      epochId: EPOCH_1,
      level: 'tally',
      ownCids: [CID_A],
      ownRoot: publishedRoot([CID_A]),
      failures: [{ check: 'tally', projectId: P1, slotId: 0, expected: CID_A, got: CID_B }],
    })
    await running.stop()
  })

  test('V1: a stuffed vote is seen through: the forged one does not count', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor(
      batchOf([world.submission(1, CID_A), world.submission(2, CID_B), world.submission(3, CID_B, P1, { signedBy: 2 })], [[P1, CID_B]]),
    )
    // One valid vote each: the tie goes to the smaller CID.
    expect(await judged(world, running)).toMatchObject({ isDivergent: CID_A < CID_B, failureCount: CID_A < CID_B ? 2 : 1 })
    await running.stop()
  })

  test('V1: a project that an earlier batch of the epoch already held', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor(honest(world))
    await world.anchor(honest(world), { projectIds: [P2] })
    const record = await judged(world, running, 2)
    expect(running.validator.evidence(EPOCH_1, record.batchCid)?.failures.map(({ check }) => check)).toEqual([
      'projects_unique',
      'projects_on_chain',
    ])
    await running.stop()
  })

  test('the integrity level looks at the file alone', async () => {
    const world = await openWorld()
    const running = await world.start({ level: 'integrity' })
    await world.anchor({ ...honest(world), snapshotCids: [CID_B] })
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: false, failureCount: 0 })
    await running.stop()
  })
})

describe('a batch that cannot be fetched', () => {
  test('V6: is tried as long as the attestation window is open, its last block included, then missed, with its reason', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor(honest(world), { isHidden: true })
    const last = world.release.number + (await world.chain.market()).attestationWindowBlocks
    await world.mine(last - (await world.chain.head()).number)
    await world.clock.advance(60_000)
    expect([running.validator.stats().headBlock, running.records]).toEqual([last, []])
    await world.mine()
    await world.clock.advance(60_000)
    expect(running.records).toMatchObject([{ state: 'missed', reason: 'not_fetched' }])
    await running.stop()
  })

  test('is attested when it comes after all', async () => {
    const world = await openWorld()
    const running = await world.start()
    const batch = honest(world)
    await world.anchor(batch, { isHidden: true })
    await world.clock.advance(30_000)
    await world.ipfs.node('sequencer').add(encodeBatch(batch))
    await world.clock.advance(30_000)
    expect(await judged(world, running)).toMatchObject({ state: 'attested' })
    await running.stop()
  })

  test('V3: found after the window, it is attested all the same, marked late', async () => {
    const world = await openWorld()
    const batchCid = await world.anchor(honest(world))
    world.chain.mine(31)
    const running = await world.start({ store: await storeWithCursor() })
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isLate: true })
    expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 0 })
    await running.stop()
  })
})

describe('V2: never two roots for one batch', () => {
  test('V2: an old disk, restored, finds its word on chain and adds nothing', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor(honest(world))
    await judged(world, running)
    await running.stop()
    const again = await world.start()
    expect(await judged(world, again)).toMatchObject({ state: 'attested', reason: 'attested_before', root: undefined })
    expect(world.chain.transactionCount(VALIDATORS[0])).toBe(1)
    await again.stop()
  })

  test('V2: after a crash between guard and sending the guarded root is sent, whatever would be found now', async () => {
    const world = await openWorld()
    const store = createFakeStore()
    const batch = honest(world)
    const batchCid = await snapshotCidOf(encodeBatch(batch))
    const guarded = publishedRoot(['what was found then'])
    await store.commit([{ key: `guard/${String(EPOCH_1).padStart(16, '0')} ${batchCid}`, value: new TextEncoder().encode(guarded) }])
    const running = await world.start({ store })
    await world.anchor(batch)
    expect(await judged(world, running)).toMatchObject({ state: 'attested', root: guarded, isDivergent: true })
    await running.stop()
  })

  test('V2: the guard is durable before anything is sent', async () => {
    const world = await openWorld()
    const batchCid = await world.anchor(honest(world))
    const store = createFakeStore()
    const root = publishedRoot([CID_A])
    const seen: (Hash | undefined)[] = []
    const sender = {
      address: VALIDATORS[0],
      send: async () => {
        seen.push(guardedAttestation({ epochId: EPOCH_1, batchCid }, store.crash())?.root)
        return { kind: 'refused', reason: 'E01' } as const
      },
    }
    expect(
      await attest({ epochId: EPOCH_1, batchCid, root }, { store, chain: world.chain, sender, view: { head: undefined } }, NEVER),
    ).toEqual({
      kind: 'refused',
      code: 'E01',
    })
    expect(seen).toEqual([root])
  })

  test('V2: a second root is refused with ATTESTATION_CONFLICT and never sent', async () => {
    const world = await openWorld()
    const batchCid = await world.anchor(honest(world))
    const store = createFakeStore()
    const sent: ProtocolCall[] = []
    const sender = {
      address: VALIDATORS[0],
      send: async (_: string, call: ProtocolCall) => {
        sent.push(call)
        return { kind: 'refused', reason: 'E40' } as const
      },
    }
    const deps = { store, chain: world.chain, sender, view: { head: undefined } }
    await attest({ epochId: EPOCH_1, batchCid, root: publishedRoot([CID_A]) }, deps, NEVER)
    await expect(attest({ epochId: EPOCH_1, batchCid, root: publishedRoot([CID_B]) }, deps, NEVER)).rejects.toMatchObject({
      code: 'ATTESTATION_CONFLICT',
      facts: { attestedRoot: publishedRoot([CID_A]), newRoot: publishedRoot([CID_B]) },
    })
    expect(sent).toHaveLength(1)
  })

  test('V3: a restart on the same disk sends nothing again and still knows the earlier batches', async () => {
    const world = await openWorld()
    const running = await world.start()
    const first = honest(world)
    await world.anchor(first)
    await judged(world, running)
    const disk = running.store.crash()
    await running.stop()
    const again = await world.start({ store: disk })
    await world.anchor(
      batchOf(
        [world.submission(1, CID_B, P2)],
        [[P2, CID_B]],
        first.submissions.map(({ submissionId }) => submissionId),
      ),
    )
    expect(await judged(world, again)).toMatchObject({ state: 'attested', failureCount: 0 })
    expect(world.chain.transactionCount(VALIDATORS[0])).toBe(2)
    await again.stop()
  })
})

test('V3: a reorganisation that takes a batch away and brings it back leads to one attestation', async () => {
  const world = await openWorld()
  const running = await world.start()
  const batchCid = await world.anchor(honest(world))
  await world.clock.advance(20)
  world.chain.reorg(1)
  await world.mine(3)
  expect(await judged(world, running)).toMatchObject({ state: 'attested' })
  expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 1 })
  expect(world.chain.transactionCount(VALIDATORS[0])).toBe(1)
  await running.stop()
})

test('V3: an attestation that a reorganisation takes away is sent again', async () => {
  const world = await openWorld()
  const running = await world.start()
  const batchCid = await world.anchor(honest(world))
  const { number: before } = await world.chain.head()
  expect(await judged(world, running)).toMatchObject({ state: 'attested' })
  // The batch stays: only what came after it is gone.
  world.chain.reorg((await world.chain.head()).number - before, { isLosingTransactions: true })
  expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 0 })
  await world.mine(3)
  expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 1 })
  expect(world.chain.transactionCount(VALIDATORS[0])).toBe(1)
  await running.stop()
})

test('V3: a vote that an endpoint which is behind refuses for want of the batch is given when it has caught up', async () => {
  const world = await openWorld()
  const running = await world.start()
  const batch = honest(world)
  await world.anchor(batch, { isHidden: true })
  world.chain.setSenderLag({ blocks: 1, every: 1 })
  await world.ipfs.node('sequencer').add(encodeBatch(batch))
  await world.clock.advance(5_000)
  expect([running.records, world.chain.pendingCount()]).toEqual([[], 0])
  world.chain.setSenderLag()
  expect(await judged(world, running)).toMatchObject({ state: 'attested', reason: '' })
  await running.stop()
})

test('V3: one that is refused for want of a batch that is there ends with the window', async () => {
  const world = await openWorld()
  const sender = { address: VALIDATORS[0], send: async () => ({ kind: 'refused', reason: 'E26' }) as const }
  const running = await world.start({ spoil: () => ({ sender: sender as never }) })
  await world.anchor(honest(world))
  for (let block = 0; block < 40; block += 1) {
    await world.mine()
    await world.clock.advance(1_000)
  }
  expect(running.records).toMatchObject([{ state: 'withheld', reason: 'refused' }])
  await running.stop()
})

test('V3: an attestation that was mined while the batch was off the chain follows once the batch is back', async () => {
  const world = await openWorld()
  const running = await world.start()
  const batchCid = await world.anchor(honest(world))
  await world.clock.advance(20)
  expect(world.chain.pendingCount()).toBe(1)
  world.chain.reorg(1, { isLosingTransactions: true })
  await world.mine()
  expect(running.records).toMatchObject([{ state: 'missed', reason: 'not_on_chain' }])
  // Any call of the sequencer's account brings the batch back.
  await world.send(SEQUENCER, 'end', { kind: 'endBatchSubmissions', epochId: EPOCH_1 })
  expect(await judged(world, running, 2)).toMatchObject({ state: 'attested', reason: '' })
  expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 1 })
  await running.stop()
})

describe('the content of a batch', () => {
  /** The second sequencer of these markets, who has not anchored the batch before. */
  const OTHER_SEQUENCER = `0x${'5f'.repeat(20)}` as Address
  const votesOf = (world: World) =>
    world.chain.transactions().flatMap(({ from, call }) => (from === VALIDATORS[0] && call.kind === 'submitBatchAttestation' ? [call] : []))

  test('G6: is named by the vote, as it stands on chain', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested' })
    expect(votesOf(world)).toMatchObject([{ contentHash: contentHashOf([P1], [CID_A]) }])
    await running.stop()
  })

  test('G6: is named by a vote for another root too: it is said of what stands on chain', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor({ ...honest(world), snapshotCids: [CID_B] })
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: true })
    expect(votesOf(world)).toMatchObject([{ rootHash: publishedRoot([CID_A]), contentHash: contentHashOf([P1], [CID_B]) }])
    await running.stop()
  })

  test('is named to no contract that compares none', async () => {
    const world = await openWorld({}, { hasContents: false })
    const running = await world.start()
    const batchCid = await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested' })
    expect(votesOf(world).map(({ contentHash }) => contentHash)).toEqual([undefined])
    expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ attestationCount: 1 })
    await running.stop()
  })

  test('V2, G6: that is another after the vote does not get it, and no second one', async () => {
    const world = await openWorld({ sequencers: [SEQUENCER, OTHER_SEQUENCER] })
    const running = await world.start()
    const batchCid = await world.anchor(honest(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested' })
    const root = publishedRoot([CID_A])
    const { number } = await world.chain.head()
    world.chain.reorg(number - world.release.number, { isLosingTransactions: true })
    const [projectIds, snapshotCids] = [[P1], [CID_B]]
    const call = { kind: 'submitSubmissionBatch', epochId: EPOCH_1, batchCid, projectIds, snapshotCids, rootHash: root } as const
    await world.send(OTHER_SEQUENCER, 'another of that name', call)
    await world.mine(5)
    expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ snapshotCids: [CID_B], attestationCount: 0 })
    expect(votesOf(world)).toMatchObject([{ contentHash: contentHashOf([P1], [CID_A]) }])
    expect(running.events).toContain('attestation_refused')
    expect(running.failure()).toBeUndefined()
    await running.stop()
  })

  test('V3: that is another when the guarded vote is sent ends nothing: the vote goes out again when a reorganisation brings it back', async () => {
    const world = await openWorld({ sequencers: [SEQUENCER, OTHER_SEQUENCER] })
    const batch = honest(world)
    const batchCid = await world.anchor(batch)
    const store = await storeWithCursor()
    const sender = { address: VALIDATORS[0], send: () => Promise.reject(new Error('the power is gone')) }
    const root = publishedRoot([CID_A])
    const contentHash = contentHashOf([P1], [CID_A])
    await expect(
      attest({ epochId: EPOCH_1, batchCid, root, contentHash }, { store, chain: world.chain, sender, view: { head: undefined } }, NEVER),
    ).rejects.toThrow()
    const another = { epochId: EPOCH_1, batchCid, projectIds: [P1], snapshotCids: [CID_B], rootHash: root }
    const rollBack = async () => world.chain.reorg((await world.chain.head()).number - world.release.number, { isLosingTransactions: true })
    await rollBack()
    await world.send(OTHER_SEQUENCER, 'another of that name', { kind: 'submitSubmissionBatch', ...another })
    const running = await world.start({ store: store.crash() })
    expect(await judged(world, running)).toMatchObject({ state: 'missed', reason: 'not_on_chain' })
    await rollBack()
    await world.mine()
    await world.anchor(batch)
    await world.mine(10)
    expect(await world.chain.batch(EPOCH_1, batchCid)).toMatchObject({ snapshotCids: [CID_A], attestationCount: 1 })
    expect(running.records.at(-1)).toMatchObject({ state: 'attested', root })
    await running.stop()
  })

  test.each(['with', 'without'])('V2: a guard %s it is sent to its end as it was written', async (how) => {
    const world = await openWorld()
    const batch = honest(world)
    const batchCid = await world.anchor(batch)
    const store = await storeWithCursor()
    const root = publishedRoot([CID_A])
    const contentHash = how === 'with' ? contentHashOf([P1], [CID_A]) : undefined
    const sender = { address: VALIDATORS[0], send: () => Promise.reject(new Error('the power is gone')) }
    await expect(
      attest({ epochId: EPOCH_1, batchCid, root, contentHash }, { store, chain: world.chain, sender, view: { head: undefined } }, NEVER),
    ).rejects.toThrow()
    const running = await world.start({ store: store.crash() })
    expect(await judged(world, running)).toMatchObject({ state: 'attested', root })
    expect(votesOf(world).map((vote) => vote.contentHash)).toEqual([contentHash])
    await running.stop()
  })
})

test('V6: an anchor chain that does not answer is waited out', async () => {
  const world = await openWorld()
  const running = await world.start()
  await world.anchor(honest(world))
  await world.clock.advance(10)
  world.chain.setReachable(false)
  await world.clock.advance(3_000)
  world.chain.setReachable(true)
  await world.clock.advance(10_000)
  expect(await judged(world, running)).toMatchObject({ state: 'attested' })
  await running.stop()
})

test('a validator that the market does not name says so once, stays, and says when it is named', async () => {
  const { clock, chain, start } = await openWorld()
  const { events, stop } = await start()
  const about = () => events.filter((event) => event.endsWith('appointed'))
  await clock.advance(40_000)
  expect(about()).toEqual([])
  chain.changeMarket({ validators: VALIDATORS.slice(1) })
  chain.mine()
  await clock.advance(40_000)
  expect(about()).toEqual(['not_appointed'])
  chain.changeMarket({ validators: VALIDATORS })
  chain.mine()
  await clock.advance(40_000)
  expect(about()).toEqual(['not_appointed', 'appointed'])
  await stop()
})
