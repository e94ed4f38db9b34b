import { expect, test } from 'vitest'
import type { ComputeSet } from './compute.ts'
import { graphProblems } from './compute-graph.ts'

const preload = (taskType: string) => ({ taskType, preload: async () => null })
const snapshot = (projectType: string, ...preloads: string[]) => ({ projectType, dataSources: [], preloads, compute: async () => null })
const aggregate = (projectType: string, ...baseProjectTypes: string[]) =>
  ({ projectType, aggregateOn: 'MultiProject', baseProjectTypes, aggregate: async () => null }) as const
const problemsOf = (set: Partial<ComputeSet>) =>
  graphProblems({ preloads: [], snapshots: [], aggregates: [], ...set }).map(({ problem }) => problem)

test('what builds on what is there before it has no problem', () => {
  const aggregates = [aggregate('day', 'pair'), aggregate('week', 'day', 'pair')]
  expect(problemsOf({ preloads: [preload('blocks')], snapshots: [snapshot('pair', 'blocks')], aggregates })).toEqual([])
})

test('what is unknown, in a circle, too early, idle or on nothing is told, all of it at once', () => {
  const aggregates = [
    aggregate('week', 'day'),
    aggregate('day', 'pair'),
    aggregate('hen', 'egg'),
    aggregate('egg', 'hen'),
    aggregate('self', 'self'),
    aggregate('alone'),
    aggregate('month', 'weak', 'nowhere'),
  ]
  expect(problemsOf({ preloads: [preload('blocks'), preload('gas')], snapshots: [snapshot('pair', 'block')], aggregates })).toEqual([
    'pair needs preload block, which does not exist; did you mean blocks',
    'blocks is a preload that nothing needs',
    'gas is a preload that nothing needs',
    'week builds on day, which comes later',
    'hen builds on itself: hen on egg on hen',
    'self builds on itself: self on self',
    'alone builds on nothing',
    'month builds on weak, which does not exist; did you mean week',
    'month builds on nowhere, which does not exist',
  ])
})
