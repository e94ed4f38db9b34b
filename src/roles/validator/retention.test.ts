import { expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { letGoOfGuards } from './attest.ts'
import { guardKey, refusalsKey } from './keys.ts'
import { batchOf, CID_A, CID_B, honest, honestVotes, judged, openWorld, P1, type Running, type World } from './validator.test-world.ts'

/** Windows of 2, 6 and 8 blocks: an epoch of 5 blocks or more is long over after some 210 others. */
const SHORT = { snapshotWindowBlocks: 2, batchWindowBlocks: 6, attestationWindowBlocks: 8 }
/** Virtual time between two epochs: one look of the retention every sixteen. */
const EPOCH_MS = 1_000

/** Releases an epoch, and lets its one batch come to its end. Every third holds something wrong. */
async function live(world: World, running: Running): Promise<EpochId> {
  const epochId = await world.releaseNext()
  await world.mine(3)
  const isWrong = epochId % 3 === 0
  await world.anchor(isWrong ? batchOf(honestVotes(world), [[P1, CID_B]]) : honest(world), { epochId })
  await judged(world, running, running.records.length + 1)
  await world.clock.advance(EPOCH_MS)
  return epochId
}

/** Keys and bytes of its store, blocks and bytes of its IPFS node. */
function sizeOf(world: World, { store }: Running) {
  const entries = store.scan('')
  const { count, bytes } = world.ipfs.node('validator 0').size()
  const storeBytes = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
  return { keys: entries.length, storeBytes, count, bytes }
}

test('V8, G6: five hundred epochs, and nothing of it grows any more once the first are long over', async () => {
  const world = await openWorld(SHORT, { isForgetful: true })
  const running = await world.start({ epochsKept: 100, ipfsEpochsKept: 100 })
  let [early, late] = [0, 0]
  let bytesEarly = 0
  for (let epoch = 2; epoch <= 500; epoch += 1) {
    await live(world, running)
    if (epoch % 10 > 0) continue
    const { keys, count, storeBytes, bytes } = sizeOf(world, running)
    if (epoch <= 300) {
      early = Math.max(early, keys + count)
      bytesEarly = Math.max(bytesEarly, storeBytes + bytes)
    } else {
      late = Math.max(late, keys + count)
      // Looks and epochs are not in step, and numbers have a digit more.
      expect(storeBytes + bytes).toBeLessThanOrEqual(bytesEarly * 1.05)
    }
  }
  expect(late).toBeLessThanOrEqual(early * 1.05)
  const epochsOf = (prefix: string) => running.store.scan(prefix).map(({ key }) => Number(key.slice(prefix.length, prefix.length + 16)))
  for (const prefix of ['batch/', 'evidence/', 'guard/']) expect(Math.min(...epochsOf(prefix))).toBeGreaterThan(200)
  expect(running.failure()).toBeUndefined()
  await running.stop()
}, 60_000)

test('V2: the guard is there when its batch is announced again after a rollback, however few epochs are kept', async () => {
  const world = await openWorld(SHORT)
  const running = await world.start({ epochsKept: 1, ipfsEpochsKept: 1 })
  for (let epoch = 2; epoch <= 150; epoch += 1) await live(world, running)
  const guards = () => running.store.scan('guard/')
  const before = guards()
  expect(before).toHaveLength(149)
  world.chain.reorg(12)
  await world.mine(20)
  await world.clock.advance(60_000)
  expect(guards()).toEqual(before)
  expect(running.events).not.toContain('attestation_conflict')
  await running.stop()
})

test('V8: fewer epochs than before are kept as soon as it is so asked for', async () => {
  const world = await openWorld(SHORT, { isForgetful: true })
  const before = await world.start({ epochsKept: 1_000, ipfsEpochsKept: 1_000 })
  for (let epoch = 2; epoch <= 300; epoch += 1) await live(world, before)
  await before.stop()
  const kindsOf = ({ store }: Running) => ['batch/', 'evidence/', 'guard/'].map((prefix) => store.scan(prefix).length)
  expect(kindsOf(before)).toEqual([299, 100, 299])
  const after = await world.start({ store: before.store, epochsKept: 100, ipfsEpochsKept: 100 })
  await world.clock.advance(60_000)
  // All of which the chain can still decide something, and no more.
  const [records = 0, evidence = 0, guards = 0] = kindsOf(after)
  expect(records).toBeLessThan(260)
  expect([guards, evidence]).toEqual([records, Math.ceil(records / 3)])
  await after.stop()
})

test('V8: guards go oldest first, no more at once than asked for, and the rest after a crash', async () => {
  let store = createFakeStore()
  for (const epochId of [1, 2, 2, 3, 10])
    await store.commit([{ key: guardKey(epochId as EpochId, epochId === 2 ? CID_A : CID_B), value: new Uint8Array(1) }])
  expect(await letGoOfGuards(10 as EpochId, 2, store)).toBe(2)
  store = store.crash()
  expect(store.scan('guard/').map(({ key }) => Number(key.slice(6, 22)))).toEqual([3, 10])
  expect(await letGoOfGuards(10 as EpochId, 2, store)).toBe(1)
  expect(await letGoOfGuards(10 as EpochId, 2, store)).toBe(0)
  // What was refused goes with them.
  for (const epochId of [10, 11, 12])
    await store.commit([
      { key: guardKey(epochId as EpochId, CID_A), value: new Uint8Array(1) },
      { key: refusalsKey(epochId as EpochId, CID_A), value: new Uint8Array(1) },
    ])
  for (const count of [3, 2, 0]) expect(await letGoOfGuards(12 as EpochId, 3, store)).toBe(count)
})
