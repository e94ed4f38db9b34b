import { expect, test } from 'vitest'
import type { SlotId } from '#domain/ids.ts'
import type { Voting } from '#domain/market-rules.ts'
import { sameTerms } from './plan.ts'
import { BASE_A, BASE_B, createComputes, createWorld, OPTIONS, SUM_A, SUM_B, signer, termsWith } from './snapshotter.test-world.ts'

/** Where slots take turns on the data sources 0xaa and 0xbb. */
const voting = (projectTypes: readonly string[]): Voting => ({ projectTypes, dataSources: ['0xaa', '0xbb'], turns: { epochsInADay: 2 } })

/** By hand: which of the two is slot 1's in epochs 1, 2 and 3, of which the third begins the second day. */
const firstIsA = (BigInt(signer.address) + 1n) % 2n === 0n
const sourceOf = (epochId: number, slotId: number): string => {
  const moved = epochId + slotId - 1 + (epochId > 2 ? 2 : 1)
  return (moved % 2 === 0) === firstIsA ? '0xaa' : '0xbb'
}
const voted = (taken: ReturnType<typeof createWorld>['collector']['taken'], epochId: number) =>
  taken
    .filter(({ request }) => request.epochId === epochId)
    .map(({ request }) => `${request.slotId} ${request.projectId}`)
    .sort()

test('N21: where slots take turns each votes on the data source whose turn it is, and nothing else is computed', async () => {
  const world = createWorld()
  const computed: string[] = []
  const base = async (dataSource: string | undefined, epochId: number) => {
    computed.push(`${epochId} ${dataSource?.toLowerCase()}`)
    return BigInt(epochId)
  }
  const { snapshots, preloads } = createComputes({ base })
  const terms = sameTerms(termsWith({ snapshots, preloads, aggregates: [] }, { rules: { voting: voting(['base']) } }))
  const snapshotter = await world.start(undefined, { ...OPTIONS, slotIds: [1] as SlotId[] }, { terms })
  for (const epochId of [1, 2, 3]) {
    await world.release()
    await world.until(() => world.summaries.length === epochId)
    const source = sourceOf(epochId, 1)
    expect(voted(world.collector.taken, epochId)).toEqual([`1 base:${source}:TEST`])
    expect(computed.filter((each) => each.startsWith(`${epochId} `))).toEqual([`${epochId} ${source}`])
    expect(snapshotter.projects(epochId as never).map(({ state }) => state)).toEqual(['submitted'])
  }
})

test('N21: what aggregates build on is computed in each epoch, and handed over by the slot whose turn it is', async () => {
  const world = createWorld()
  const terms = sameTerms(termsWith(createComputes(), { rules: { voting: voting(['base', 'sum']) } }))
  const snapshotter = await world.start(undefined, { ...OPTIONS, slotIds: [1] as SlotId[] }, { terms })
  const epochId = await world.release()
  await world.until(() => world.summaries.length === 1)
  expect(voted(world.collector.taken, 1)).toEqual(['base', 'sum'].map((type) => `1 ${type}:${sourceOf(1, 1)}:TEST`))
  const states = snapshotter.projects(epochId).map(({ projectId, state }) => [projectId, state])
  expect(states).toEqual(expect.arrayContaining([BASE_A, BASE_B, SUM_A, SUM_B].map((projectId) => [projectId, 'submitted'])))
})
