import { describe, expect, test } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import { ROUNDS_MAX } from '#domain/rounds.ts'
import type { AnchorChain, ProtocolSender } from '#io/chain/port.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { isDagCborCid, snapshotCidOf } from '#wire/cid.ts'
import { publishedRoot } from '#wire/merkle.ts'
import {
  batchOf,
  CID_A,
  CID_B,
  EPOCH_1,
  honest,
  honestVotes,
  idsOf,
  judged,
  openWorld,
  P1,
  P2,
  type Running,
  VALIDATORS,
  type World,
} from './validator.test-world.ts'
import type { ValidatorDeps } from './validator.ts'

const WINDOWS = { snapshotWindowBlocks: 5, batchWindowBlocks: 20, attestationWindowBlocks: 30 }
type Who = 0 | 1 | 2

/** A batch that tells the chain another CID than its votes give, refuted by these validators, and the block in which they did. */
async function refuted(who: readonly Who[], windows = WINDOWS) {
  const world = await openWorld(windows)
  const running: Running[] = []
  for (const each of who) running.push(await world.start({ who: each }))
  await world.anchor(honest(world), { snapshotCids: [CID_B] })
  for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: true })
  return { world, running, number: (await world.chain.head()).number }
}

type Refuted = Awaited<ReturnType<typeof refuted>>
const mineUpTo = async ({ world }: Refuted, number: number) => world.mine(number - (await world.chain.head()).number)
const stoodIn = ({ running }: Refuted): number => running.flatMap(({ events }) => events).filter((event) => event === 'stood_in').length
const stop = ({ running }: Refuted) => Promise.all(running.map((each) => each.stop()))

describe('V15: of a round that the sequencer does not answer', () => {
  test.each<[string, Who[]]>([
    ['all are there', [0, 1, 2]],
    ['the first is away', [1, 2]],
    ['the second is away', [0, 2]],
    ['the third is away', [0, 1]],
  ])('one validator sends what the votes give, and it becomes final like any other batch: %s', async (_, who) => {
    const scene = await refuted(who)
    const { world } = scene
    await mineUpTo(scene, scene.number + 8)
    expect([await world.chain.batchCids(EPOCH_1), stoodIn(scene)]).toEqual([[expect.any(String)], 0])
    await mineUpTo(scene, scene.number + 21)
    expect(await world.chain.snapshotStatus(P1, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CID_A })
    expect([(await world.chain.batchCids(EPOCH_1)).length, stoodIn(scene)]).toEqual([2, 1])
    await stop(scene)
  })

  test('nobody stands in when the sequencer has answered', async () => {
    const scene = await refuted([0, 1, 2])
    await mineUpTo(scene, scene.number + 3)
    await scene.world.anchor(honest(scene.world))
    await mineUpTo(scene, scene.number + 25)
    expect([(await scene.world.chain.batchCids(EPOCH_1)).length, stoodIn(scene)]).toEqual([2, 0])
    await stop(scene)
  })

  test('one that stood in and was cut off sends nothing twice', async () => {
    const scene = await refuted([0, 1, 2])
    await mineUpTo(scene, scene.number + 12)
    const again: Running[] = []
    for (const [who, { store }] of scene.running.entries()) again.push(await scene.world.start({ who: who as Who, store: store.crash() }))
    await stop(scene)
    await mineUpTo(scene, scene.number + 25)
    expect((await scene.world.chain.batchCids(EPOCH_1)).length).toBe(2)
    await Promise.all(again.map((each) => each.stop()))
  })
})

/** Sends another CID than the votes give, as a validator that is first, serves the file at once or from a block on, and waits until the others have spoken against it. */
async function lie(scene: Refuted, nth: number, servedFrom = 0): Promise<void> {
  const { world, running } = scene
  const batch = batchOf(honestVotes(world), [[P1, CID_B]])
  const { projectIds, snapshotCids } = batch
  const file = encodeBatch(batch)
  const call = { kind: 'submitSubmissionBatch', epochId: EPOCH_1, batchCid: await snapshotCidOf(file), projectIds, snapshotCids } as const
  await world.send(VALIDATORS[2], `lie ${nth}`, { ...call, rootHash: publishedRoot(snapshotCids) })
  await mineUpTo(scene, servedFrom)
  await world.ipfs.node('hostile').add(file)
  for (const each of running) expect(await judged(world, each, 1 + nth)).toMatchObject({ state: 'attested', isDivergent: true })
}

test('V15: a hostile validator that is first in each round costs half a batch window and a vote of the others each time; in the rest of the last one they answer', async () => {
  const scene = await refuted([0, 1])
  const { world } = scene
  let number = scene.number
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const start = number
    await mineUpTo(scene, start + WINDOWS.batchWindowBlocks / 2)
    await lie(scene, round)
    number = (await world.chain.head()).number
    expect(number - start).toBeLessThanOrEqual(WINDOWS.batchWindowBlocks / 2 + 1 + 3)
    expect(stoodIn(scene)).toBe(0)
  }
  await mineUpTo(scene, number + 8)
  expect(await world.chain.snapshotStatus(P1, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CID_A })
  await stop(scene)
})

test('V15: in the last round, which no refutation begins anew, whose turn it was already answers after one all the same', async () => {
  const windows = { ...WINDOWS, batchWindowBlocks: 40, attestationWindowBlocks: 60 }
  const scene = await refuted([0, 1], windows)
  const { world } = scene
  let start = scene.number
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    await mineUpTo(scene, start + windows.batchWindowBlocks / 2)
    // By then all have had their turn, in which there was nothing to answer.
    await lie(scene, round, round === ROUNDS_MAX ? start + windows.batchWindowBlocks / 2 + 8 : 0)
    if (round < ROUNDS_MAX) start = (await world.chain.head()).number
  }
  expect(stoodIn(scene)).toBe(0)
  await mineUpTo(scene, start + windows.batchWindowBlocks)
  expect(await world.chain.snapshotStatus(P1, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CID_A })
  await stop(scene)
})

/** Two batches of an epoch that tell the chain other CIDs than their votes give; nobody serves the second. Continues `earlier`, if any. */
async function secondHidden(earlier: readonly string[]) {
  const world = await openWorld({ ...WINDOWS, attestationWindowBlocks: 50 })
  const running: Running[] = []
  for (const who of [0, 1, 2] as const) running.push(await world.start({ who }))
  const votes = (project: typeof P1) => [1, 2].map((slot) => world.submission(slot, CID_A, project))
  const first = batchOf(votes(P1), [[P1, CID_A]], earlier)
  const second = batchOf(votes(P2), [[P2, CID_A]], [...earlier, ...idsOf(first)])
  // Both are on chain before the first is refuted, so that they are of one round.
  for (const batch of [first, second]) await world.anchor(batch, { snapshotCids: [CID_B], isHidden: true })
  await serve(world, first)
  for (const each of running) await judged(world, each)
  return { world, running, number: (await world.chain.head()).number, serve: () => serve(world, second) }
}

const serve = (world: World, batch: Batch) => world.ipfs.node('sequencer').add(encodeBatch(batch))
const finalCid = async ({ world }: Refuted, project: typeof P1) => (await world.chain.snapshotStatus(project, EPOCH_1)).snapshotCid

describe('V15: of batches of one epoch', () => {
  test('that are refuted one after the other each is answered, though both are of the same round', async () => {
    const scene = await secondHidden(['an id of a batch that is gone'])
    await mineUpTo(scene, scene.number + 24)
    expect([await finalCid(scene, P1), stoodIn(scene)]).toEqual([CID_A, 1])
    await scene.serve()
    await mineUpTo(scene, scene.number + 70)
    expect([await finalCid(scene, P2), stoodIn(scene)]).toEqual([CID_A, 2])
    await stop(scene)
  })

  test('one that nobody serves leaves no correction that is of neither tree: it waits, and goes out when the file is there', async () => {
    const scene = await secondHidden([])
    await mineUpTo(scene, scene.number + 12)
    await scene.world.clock.advance(6_000)
    await mineUpTo(scene, scene.number + 14)
    expect([(await scene.world.chain.batchCids(EPOCH_1)).length, stoodIn(scene)]).toEqual([2, 0])
    expect(scene.running.flatMap(({ events }) => events)).toContain('stand_in_waits')
    await scene.serve()
    await mineUpTo(scene, scene.number + 70)
    expect([await finalCid(scene, P1), await finalCid(scene, P2)]).toEqual([CID_A, CID_A])
    await stop(scene)
  })
})

test('V15: a file of another content than its CID says is none: nothing is made of it, and the correction goes out when the right one is there', async () => {
  const world = await openWorld(WINDOWS)
  let isFed = false
  const votes = encodeBatch(batchOf([world.submission(1, CID_A)], [[P1, CID_A]]))
  const fed = ({ ipfs }: Pick<ValidatorDeps, 'ipfs'>) => ({
    ipfs: { ...ipfs, get: async (...asked: Parameters<typeof ipfs.get>) => (isFed ? votes : ipfs.get(...asked)) },
  })
  const running: Running[] = []
  for (const who of [0, 1, 2] as const) running.push(await world.start({ who, spoil: fed }))
  await world.anchor(honest(world), { snapshotCids: [CID_B] })
  for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: true })
  const scene = { world, running, number: (await world.chain.head()).number }
  isFed = true
  await mineUpTo(scene, scene.number + 14)
  expect([(await world.chain.batchCids(EPOCH_1)).length, stoodIn(scene)]).toEqual([1, 0])
  expect(running.flatMap(({ events }) => events)).toContain('stand_in_waits')
  isFed = false
  await mineUpTo(scene, scene.number + 22)
  expect(await world.chain.snapshotStatus(P1, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CID_A })
  await stop(scene)
})

test('V15: what a validator sends has the form that the market asks for', async () => {
  const world = await openWorld(WINDOWS)
  const running: Running[] = []
  for (const who of [0, 1, 2] as const) running.push(await world.start({ who, rules: { batchForm: 'dag-cbor' } }))
  await world.anchor(honest(world), { snapshotCids: [CID_B] })
  for (const each of running) expect(await judged(world, each)).toMatchObject({ isDivergent: true })
  await world.mine(21)
  const [, corrected] = await world.chain.batchCids(EPOCH_1)
  expect([corrected !== undefined && isDagCborCid(corrected), await world.chain.snapshotStatus(P1, EPOCH_1)]).toEqual([
    true,
    { status: 'finalized', snapshotCid: CID_A },
  ])
  for (const each of running) await each.stop()
})

test('V15: an endpoint that is behind does not keep a validator from standing in', async () => {
  const world = await openWorld(WINDOWS)
  /** Asked as of no block it answers as of its own, where the epoch has no batch yet. */
  const behind = (chain: AnchorChain): AnchorChain => ({
    ...chain,
    batchCids: async (epochId, at) => (at === undefined ? [] : chain.batchCids(epochId, at)),
  })
  const running: Running[] = []
  for (const who of [0, 1, 2] as const) running.push(await world.start({ who, spoil: ({ chain }) => ({ chain: behind(chain) }) }))
  await world.anchor(honest(world), { snapshotCids: [CID_B] })
  for (const each of running) await judged(world, each)
  await world.mine(21)
  expect(await world.chain.snapshotStatus(P1, EPOCH_1)).toEqual({ status: 'finalized', snapshotCid: CID_A })
  for (const each of running) await each.stop()
})

test('V15, G11: a call that does not settle holds up no other epoch', async () => {
  const world = await openWorld({ ...WINDOWS, attestationWindowBlocks: 50 })
  /** Of the first epoch no correction ever comes to its end. */
  const neverSettles = (sender: Pick<ProtocolSender, 'address' | 'send'>): Pick<ProtocolSender, 'address' | 'send'> => ({
    address: sender.address,
    send: (intentId, call, signal) =>
      intentId.startsWith('correct/1/')
        ? new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new WeftError('STOPPED', { what: 'sender' }))))
        : sender.send(intentId, call, signal),
  })
  const running: Running[] = []
  for (const who of [0, 1, 2] as const) running.push(await world.start({ who, spoil: ({ sender }) => ({ sender: neverSettles(sender) }) }))
  await world.anchor(honest(world), { snapshotCids: [CID_B] })
  const epochId = await world.releaseNext()
  await world.mine(6)
  await world.anchor(honest(world), { epochId, snapshotCids: [CID_B] })
  for (const each of running) await judged(world, each, 2)
  await world.mine(30)
  expect(await world.chain.snapshotStatus(P1, epochId)).toEqual({ status: 'finalized', snapshotCid: CID_A })
  for (const each of running) await each.stop()
})
