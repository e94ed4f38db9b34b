import { expect, test } from 'vitest'
import type { ComputeSet } from '#domain/compute.ts'
import { graphDot, graphMermaid, graphOf, graphText } from './market-graph.ts'

const snapshot = (projectType: string, dataSources: string[], preloads: string[]) =>
  ({ projectType, dataSources, preloads, compute: async () => null }) as const
const computes: ComputeSet = {
  preloads: [{ taskType: 'blocks', preload: async () => null }],
  snapshots: [snapshot('pair', ['0xa', '0xb'], ['blocks']), snapshot('price', [], [])],
  aggregates: [
    { projectType: 'day', aggregateOn: 'SingleProject', baseProjectTypes: ['pair'], aggregate: async () => null },
    { projectType: 'top', aggregateOn: 'MultiProject', baseProjectTypes: ['pair', 'day'], aggregate: async () => null },
  ],
}
const nodes = graphOf({ computes }, 'N')

test('the picture has everything once, below the last thing that it needs, with what else it needs', () => {
  expect(graphText(nodes).split('\n')).toEqual([
    'blocks  preload',
    '└─ pair  snapshot ×2',
    '   └─ day  SingleProject ×2',
    '      └─ top  MultiProject ×1, with pair',
    'price  snapshot ×1',
  ])
})

test('other programs draw every edge', () => {
  expect(graphMermaid(nodes)).toContain('  n1 --> n4\n  n3 --> n4')
  expect(graphDot(nodes)).toContain('  n0 [label="blocks\\npreload"]')
  expect(graphDot(nodes)).toMatch(/^digraph market \{.*n0 -> n1.*\}$/s)
})
