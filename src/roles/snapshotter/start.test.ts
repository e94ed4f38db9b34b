import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { EpochId, SlotId } from '#domain/ids.ts'
import { samePlan } from './plan.ts'
import { createLoneCompute, createWorld, OPTIONS, signer, type World } from './snapshotter.test-world.ts'
import { createSnapshotter, type SnapshotterDeps } from './snapshotter.ts'

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const outage = () => new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })

/** The role alone, which nobody has started. */
function bare(world: World, change: Partial<SnapshotterDeps> = {}) {
  const { clock, chain, source, ipfs, store } = world
  const collector = { submitSnapshot: async () => 'Success' as const, close: async () => undefined }
  const random = { fraction: () => 1 }
  const planOf = samePlan({ sets: [], computes: createLoneCompute() }, 'TEST')
  const deps = { clock, chain, source, ipfs, store, collector, random, planOf, signer, report: () => undefined, ...change }
  return createSnapshotter(ONE_SLOT, deps)
}

test.each([
  ['market', 'read_market'],
  ['slots', 'read_slots'],
  ['head', 'read_head'],
  ['currentEpoch', 'read_current_epoch'],
] as const)('G12: a start at which the chain does not answer `%s` waits until it does, and works then', async (method, doing) => {
  const world = createWorld()
  let outages = 3
  const failing = async () => {
    if (outages === 0) return world.chain[method]()
    outages -= 1
    throw outage()
  }
  const chain = { ...world.chain, [method]: failing }
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { chain })
  expect(world.troubles).toMatchObject(Array.from({ length: 3 }, () => ({ event: 'will_try_again', doing, code: 'CHAIN_UNREACHABLE' })))
  await world.release()
  await world.until(() => snapshotter.stats().submissionsHandedOver === 1)
})

test('a role that is told to stop while the chain does not answer ends, and that is no failure', async () => {
  const world = createWorld()
  const troubles: string[] = []
  const chain = { ...world.chain, slots: () => Promise.reject(outage()) }
  const role = bare(world, { chain, report: (event) => void troubles.push(event) })
  const stop = new AbortController()
  const running = role.run(stop.signal)
  await world.clock.advance(3_000)
  expect(troubles.length).toBeGreaterThan(2)
  stop.abort()
  expect(await running).toBeUndefined()
})

test('N8: a slot that is not ours ends the role, as settings that are wrong do', async () => {
  const world = createWorld()
  const other = { ...OPTIONS, slotIds: [3] as SlotId[] }
  await expect(world.start(createLoneCompute(), other)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  const computes = { ...createLoneCompute(), snapshots: [...createLoneCompute().snapshots, ...createLoneCompute().snapshots] }
  await expect(world.start(computes, ONE_SLOT)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
})

test('says so instead of running twice', async () => {
  const world = createWorld()
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
  await expect(snapshotter.run(new AbortController().signal)).rejects.toMatchObject({ code: 'STOPPED', facts: { what: 'snapshotter' } })
})

test('before it has read the chain it has no head, and nothing to tell but its records', async () => {
  const world = createWorld()
  const first = await world.start(createLoneCompute(), ONE_SLOT)
  await world.release()
  await world.until(() => world.summaries.length === 1)
  await world.stop(first)
  const role = bare(world)
  expect(role.stats()).toMatchObject({ headBlock: undefined, epochsOpen: 0, epochsDone: 0 })
  expect([role.epochs(), role.projects(1 as EpochId)]).toMatchObject([[{ state: 'done' }], [{ state: 'submitted' }]])
})
