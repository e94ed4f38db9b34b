import { expect, test } from 'vitest'
import type { AggregateCompute, ComputeSet, SnapshotCompute } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { planProjects } from './plan.ts'
import { createSourceReader } from './source-reader.ts'

const snapshot = (projectType: string, dataSources: readonly string[], preloads: readonly string[] = []): SnapshotCompute => ({
  projectType,
  dataSources,
  preloads,
  compute: async () => null,
})
const aggregate = (projectType: string, aggregateOn: AggregateCompute['aggregateOn'], ...baseProjectTypes: string[]): AggregateCompute => ({
  projectType,
  aggregateOn,
  baseProjectTypes,
  aggregate: async () => null,
})
const plan = (computes: Partial<ComputeSet>) => planProjects({ preloads: [], snapshots: [], aggregates: [], ...computes }, 'NS')

test('the plan holds every project after those that it builds on', () => {
  const planned = plan({
    snapshots: [snapshot('price', []), snapshot('pair', ['0xB', '0xA'])],
    aggregates: [
      aggregate('day', 'SingleProject', 'pair'),
      aggregate('week', 'SingleProject', 'day'),
      aggregate('top', 'MultiProject', 'pair', 'price'),
    ],
  })
  expect(planned.map(({ projectId }) => projectId).slice(0, 7)).toEqual([
    'price:NS',
    'pair:0xb:NS',
    'pair:0xa:NS',
    'day:0xa:NS',
    'day:0xb:NS',
    'week:0xa:NS',
    'week:0xb:NS',
  ])
  expect(planned[7]).toMatchObject({ kind: 'aggregate', baseIds: ['pair:0xa:NS', 'pair:0xb:NS', 'price:NS'] })
  expect(planned).toHaveLength(8)
})

test('an aggregate over some data sources builds on their projects alone, and is another one than that over all', () => {
  const computes = { snapshots: [snapshot('pair', ['0xB', '0xA', '0xC'])] }
  const some = { ...aggregate('top', 'MultiProject', 'day', 'pair'), dataSources: ['0xC', '0xb'] }
  const day = aggregate('day', 'SingleProject', 'pair')
  const planned = plan({ ...computes, aggregates: [day, some, { ...day, projectType: 'week', dataSources: ['0xA'] }] })
  expect(planned[6]).toMatchObject({ baseIds: ['day:0xb:NS', 'day:0xc:NS', 'pair:0xb:NS', 'pair:0xc:NS'] })
  expect(planned.slice(7).map(({ projectId }) => projectId)).toEqual(['week:0xa:NS'])
  const { dataSources: _some, ...all } = some
  expect(plan({ ...computes, aggregates: [day, all] })[6]?.projectId).not.toBe(planned[6]?.projectId)
  expect(() => plan({ ...computes, aggregates: [{ ...day, dataSources: ['0xA', '0xD'] }] })).toThrow(
    'day is over 0xd, of which no base project is',
  )
})

test('everything that does not fit together is named at once', () => {
  const failure = (() => {
    try {
      return plan({
        preloads: [{ taskType: 'blocks', preload: async () => null }],
        snapshots: [snapshot('pair', ['0xA', '0xa'], ['blocks', 'eth', 'gas']), snapshot('a b', [])],
        aggregates: [aggregate('week', 'SingleProject', 'day'), aggregate('day', 'MultiProject', 'pair')],
      })
    } catch (each) {
      return each as WeftError<'SETTINGS_INVALID'>
    }
  })()
  expect(failure).toMatchObject({ code: 'SETTINGS_INVALID' })
  expect((failure as WeftError<'SETTINGS_INVALID'>).facts.problems).toEqual([
    'pair needs preload eth, which does not exist',
    'pair needs preload gas, which does not exist',
    'week builds on day, which comes later',
    'project pair:0xa:NS comes twice',
    expect.stringContaining('a b:NS'),
  ])
})

test('N3: computes of one epoch ask the source once, and never beyond the epoch', async () => {
  const clock = createVirtualClock()
  let reads = 0
  const chain = createFakeSourceChain({
    blocks: 100,
    read() {
      reads += 1
      if (reads === 1) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method: 'read' })
      return [7n]
    },
  })
  const source = createSourceReader(
    { epoch: { epochId: 1, begin: 10, end: 19 }, chain, signal: new AbortController().signal },
    { clock, random: createSeededRandom(1), report: () => undefined },
  )
  const call = { address: '0xAA'.padEnd(42, '0'), function: 'function f(uint256) view returns (uint256)', args: [1n], blockNumber: 19 }
  const answers = clock.runUntil(Promise.all([source.read(call), source.read({ ...call, address: call.address.toLowerCase() })]), {
    limitMs: 10_000,
  })
  expect(await answers).toEqual([[7n], [7n]])
  expect(reads).toBe(2)
  await source.read({ ...call, blockNumber: 18 })
  expect(reads).toBe(3)
  await expect(source.read({ ...call, blockNumber: 20 })).rejects.toMatchObject({ code: 'ID_MALFORMED' })
  await expect(
    source.events({ address: call.address as Address, events: [], fromBlock: 10, toBlock: 20 as BlockNumber }),
  ).rejects.toMatchObject({ code: 'ID_MALFORMED' })
})
