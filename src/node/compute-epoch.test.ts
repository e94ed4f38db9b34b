import { expect, test } from 'vitest'
import type { ComputeSet, SourceReader } from '#domain/compute.ts'
import { computeEpoch } from './compute-epoch.ts'

const given = {
  namespace: 'N',
  epoch: { epochId: 7, begin: 70, end: 79 },
  source: { timestamp: async (block: number) => block } as unknown as SourceReader,
  history: { firstEpochId: async () => undefined, snapshot: async () => undefined },
  epochSeconds: 1,
}

/** A type whose data sources join, with a preload and an aggregate over each. */
const set = (joining: NonNullable<ComputeSet['snapshots'][number]['joining']>): ComputeSet => ({
  preloads: [{ taskType: 'time', preload: ({ epoch, source }) => source.timestamp(epoch.end) }],
  snapshots: [
    {
      projectType: 'new',
      dataSources: [],
      joining,
      preloads: ['time'],
      compute: async ({ dataSource, preloaded }) => `${dataSource} at ${preloaded.get('time')}`,
    },
    { projectType: 'old', dataSources: [], preloads: [], compute: async () => 1n },
  ],
  aggregates: [
    {
      projectType: 'day',
      aggregateOn: 'SingleProject',
      baseProjectTypes: ['new'],
      aggregate: async ({ base }) => base[0]?.snapshot ?? null,
    },
  ],
})
const found = async ({ epoch, source }: Pick<typeof given, 'epoch' | 'source'>) => [`0x${await source.timestamp(epoch.begin)}`]

test('projects of data sources that join are computed like the others, with what builds on them', async () => {
  const computed = await computeEpoch(set(found), given)
  const told = [...computed].map(([projectId, project]) => [projectId, 'json' in project ? project.json : project.reason])
  expect(Object.fromEntries(told)).toEqual({ 'old:N': '1', 'new:0x70:N': '"0x70 at 79"', 'day:0x70:N': '"0x70 at 79"' })
})

test('of some that are meant alone nobody joins', async () => {
  expect([...(await computeEpoch(set(found), { ...given, only: ['old:N'] })).keys()]).toEqual(['old:N'])
})

test('data sources that cannot be found are no epoch with fewer projects', async () => {
  const failing = computeEpoch(
    set(() => Promise.reject(new Error('the factory is silent'))),
    given,
  )
  await expect(failing).rejects.toMatchObject({
    code: 'COMPUTE_FAILED',
    facts: { projectId: 'new', epochId: 7, detail: 'the factory is silent' },
  })
})
