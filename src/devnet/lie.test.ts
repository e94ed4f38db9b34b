import { expect, test } from 'vitest'
import { boolean, bulk, type ComputeSet, float, int, type JsonValue, object } from '#domain/compute.ts'
import { falsify } from './lie.ts'

const epoch = { epochId: 7, begin: 1, end: 2 }
const honest: ComputeSet = {
  preloads: [{ taskType: 'price', preload: async () => 1 }],
  snapshots: [
    {
      projectType: 'base',
      dataSources: ['0xAA'],
      preloads: ['price'],
      compute: async ({ dataSource }) => ({
        pair: dataSource ?? '',
        count: 3n,
        price: 200,
        none: null,
        isOpen: true,
        list: [100, { deep: 50 }],
      }),
    },
  ],
  aggregates: [
    {
      projectType: 'sum',
      aggregateOn: 'SingleProject',
      baseProjectTypes: ['base'],
      schema: object({ epochId: int(), complete: boolean(), total: float() }),
      aggregate: async () => ({ epochId: 7n, complete: true, total: 9.5 }),
    },
  ],
}

test('a liar has the same projects, and every float of a base snapshot is off by one percent, wherever it stands', async () => {
  const lie = falsify(honest)
  expect(lie.preloads).toBe(honest.preloads)
  expect(lie.snapshots).toMatchObject([{ projectType: 'base', dataSources: ['0xAA'], preloads: ['price'] }])
  const input = { epoch, dataSource: '0xAA', preloaded: new Map() } as unknown as Parameters<ComputeSet['snapshots'][number]['compute']>[0]
  expect(await lie.snapshots[0]?.compute(input)).toEqual({
    pair: '0xAA',
    count: 3n,
    price: 202,
    none: null,
    isOpen: true,
    list: [101, { deep: 50.5 }],
  })
})

test('what a liar aggregates is made up of the present epoch alone, and differs from what is honest', async () => {
  const [lie] = falsify(honest).aggregates
  const input = { epoch } as unknown as Parameters<NonNullable<typeof lie>['aggregate']>[0]
  expect(lie).toMatchObject({ projectType: 'sum', aggregateOn: 'SingleProject', baseProjectTypes: ['base'] })
  // What it says has another form, and its node would not sign that.
  expect(lie).not.toHaveProperty('schema')
  expect((await lie?.aggregate(input)) as JsonValue).toEqual({ epochId: 7n, complete: true, madeUp: true })
})

test('a liar falsifies what comes in bulk too', async () => {
  const wallet = bulk({ projectType: 'wallet', dataSources: ['0xAA'], preloads: [], all: async () => new Map([['0xaa', { price: 100 }]]) })
  const [lie] = falsify({ preloads: [], snapshots: [wallet], aggregates: [] }).snapshots
  const input = { epoch } as unknown as Parameters<NonNullable<NonNullable<typeof lie>['all']>>[0]
  expect(await lie?.all?.(input)).toEqual(new Map([['0xaa', { price: 101 }]]))
})
