import { expect, test } from 'vitest'
import { createFakeStore } from '#io/store/fake.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { Recomputer } from './recompute.ts'
import {
  batchOf,
  CID_A,
  CID_B,
  EPOCH_1,
  honest,
  judged,
  openWorld,
  P2,
  type Running,
  VALIDATORS,
  type World,
} from './validator.test-world.ts'

/** Two processes with one key, each with a folder of its own, started by mistake. */

const twin = (world: World, change: Parameters<World['start']>[0] = {}): Promise<Running> =>
  world.start({
    ...change,
    spoil: (deps) => ({
      sender: world.chain.sender({ address: VALIDATORS[0], journal: deps.store, onShared: () => deps.report('account_shared', {}) }),
      ...change.spoil?.(deps),
    }),
  })

const rootsOnChain = (world: World) =>
  world.chain
    .transactions()
    .filter(
      ({ call, from, receipt }) =>
        call.kind === 'submitBatchAttestation' && from === VALIDATORS[0] && receipt?.reverted === undefined && receipt,
    )
    .map(({ call }) => 'rootHash' in call && call.rootHash)

test('V2, G6: which agree attest each batch once, and the one that comes later says that somebody else has spoken', async () => {
  const world = await openWorld()
  const first = await twin(world)
  const batchCid = await world.anchor(honest(world))
  expect(await judged(world, first)).toMatchObject({ state: 'attested', reason: '' })
  const second = await twin(world)
  expect(await judged(world, second)).toMatchObject({ state: 'attested', reason: 'attested_before', root: undefined })
  expect([second.events.includes('attested_elsewhere'), first.events.includes('attested_elsewhere')]).toEqual([true, false])
  expect([rootsOnChain(world), await world.chain.hasAttested(EPOCH_1, batchCid, VALIDATORS[0])]).toEqual([[publishedRoot([CID_A])], true])
  // What comes while both run is attested as well, once.
  const next = batchOf([world.submission(1, CID_B, P2), world.submission(2, CID_B, P2)], [[P2, CID_B]])
  await world.anchor(next)
  await Promise.all([judged(world, first, 2, 400), judged(world, second, 2, 400)])
  expect(rootsOnChain(world)).toHaveLength(2)
  expect([first.failure(), second.failure()]).toEqual([undefined, undefined])
  await Promise.all([first.stop(), second.stop()])
})

test('V2, G6: which disagree speak for one root, and the other is told and goes on', async () => {
  const world = await openWorld()
  const recomputer: Recomputer = { recompute: async (_, ids) => new Map(ids.map((id) => [id, { ok: true, snapshotCid: CID_B }])) }
  const [plain, divergent] = [
    await twin(world),
    await twin(world, { store: createFakeStore(), level: 'recompute', recomputeShareBp: 10_000, spoil: () => ({ recomputer }) }),
  ]
  await world.anchor(honest(world))
  const records = await Promise.all([judged(world, plain, 1, 400), judged(world, divergent, 1, 400)])
  expect(rootsOnChain(world)).toHaveLength(1)
  expect(records.map(({ state }) => state)).toEqual(['attested', 'attested'])
  expect(records.filter(({ reason }) => reason === 'attested_before')).toHaveLength(1)
  expect([...plain.events, ...divergent.events].some((event) => event === 'account_shared' || event === 'attested_elsewhere')).toBe(true)
  expect([plain.failure(), divergent.failure()]).toEqual([undefined, undefined])
  await Promise.all([plain.stop(), divergent.stop()])
})
