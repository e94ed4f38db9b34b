import { expect, test } from 'vitest'
import type { Cid, EpochId, SlotId } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { BASE_A, BASE_B, createComputes, createWorld, OPTIONS, SUM_A } from './snapshotter.test-world.ts'

test('N5: a snapshotter that has nothing yet has in its first epoch the aggregate that those have who were there all the time', async () => {
  const world = createWorld()
  const options = { ...OPTIONS, slotIds: [1] as SlotId[] }
  const first = await world.start(createComputes(), options)
  for (const count of [1, 2, 3]) {
    const epochId = await world.release()
    await world.until(() => world.summaries.length === count)
    const cidOf = (id: string) => first.projects(epochId).find(({ projectId }) => projectId === id)?.snapshotCid as Cid
    await world.finalize(epochId, { [BASE_A]: cidOf(BASE_A), [BASE_B]: cidOf(BASE_B) })
  }
  const before = first.projects(3 as EpochId).map(({ projectId, snapshotCid }) => [projectId, snapshotCid])
  await world.stop(first)

  world.store = createFakeStore()
  const joined = await world.start(createComputes(), options)
  const epochId = await world.release()
  await world.until(() => world.summaries.at(-1)?.epochId === epochId)
  // The third is still open when it comes.
  expect(joined.epochs().map((epoch) => epoch.epochId)).toEqual([3, 4])
  expect(joined.projects(3 as EpochId).map(({ projectId, snapshotCid }) => [projectId, snapshotCid])).toEqual(before)
  const sum = joined.projects(epochId).find(({ projectId }) => projectId === SUM_A)
  expect(sum).toMatchObject({ state: 'submitted', snapshotCid: await snapshotCidOf(canonicalJson({ epochs: [1n, 2n, 3n] })) })
  expect(sum?.builtOn?.sources.map(({ epochId, isOwn }) => [epochId, isOwn])).toEqual([3, 2, 1].map((id) => [id as EpochId, false]))
})
