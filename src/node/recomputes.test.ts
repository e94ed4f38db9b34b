import { expect, test } from 'vitest'
import { bulk, type ComputeSet } from '#domain/compute.ts'
import type { ProjectId } from '#domain/ids.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { planFrom, sameTerms } from '#roles/snapshotter/plan.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createRecomputer } from './recomputes.ts'

const EPOCH = { epochId: 1, begin: 10, end: 19 }
const ids = (...texts: string[]) => texts as ProjectId[]

const computes: ComputeSet = {
  preloads: [{ taskType: 'time', preload: async ({ epoch, source }) => source.timestamp(epoch.end) }],
  snapshots: [
    {
      projectType: 'pair',
      dataSources: ['0xa'],
      preloads: ['time'],
      compute: async ({ epoch, preloaded }) => ({ end: BigInt(epoch.end), time: BigInt(Number(preloaded.get('time'))) }),
    },
    bulk({ projectType: 'wallet', dataSources: ['0xb'], preloads: [], all: async () => new Map() }),
    { projectType: 'broken', dataSources: [], preloads: [], compute: () => Promise.reject(new Error('no')) },
  ],
  aggregates: [{ projectType: 'day', aggregateOn: 'SingleProject', baseProjectTypes: ['pair'], aggregate: async () => null }],
}

function scene(blocks: number, set = computes) {
  const clock = createVirtualClock()
  const source = createFakeSourceChain({ blocks })
  const plan = planFrom({ sets: [], computes: set }, 'N')
  const terms = sameTerms({
    rules: { windowUnit: 'blocks', deadlineBufferMaxBlocks: 1, anchoring: 'projects', namespace: 'N', voting: 'open' },
    plan,
  })
  const recomputer = createRecomputer({ source, terms, clock, random: createSeededRandom(1), report: () => undefined })
  return { clock, source, recomputer }
}

test('base projects are computed as snapshotters compute them; what cannot be says why', async () => {
  const { source, recomputer } = scene(100)
  const { timestamp } = (await source.block(19 as never)) ?? { timestamp: 0 }
  const asked = ids('pair:0xa:N', 'day:0xa:N', 'broken:N', 'wallet:0xb:N', 'of:others:N')
  const snapshotCid = await snapshotCidOf(canonicalJson({ end: 19n, time: BigInt(timestamp) }))
  expect([...(await recomputer.recompute(EPOCH, asked, new AbortController().signal))]).toEqual([
    ['pair:0xa:N', { ok: true, snapshotCid }],
    ['day:0xa:N', { ok: false, reason: 'aggregate' }],
    ['broken:N', { ok: false, reason: 'compute_failed' }],
    ['wallet:0xb:N', { ok: false, reason: 'nothing_happened' }],
    ['of:others:N', { ok: false, reason: 'not_planned' }],
  ])
})

test('projects of data sources that joined are computed as well; of those that cannot be found nothing is said', async () => {
  const joining = (found: () => Promise<readonly string[]>): ComputeSet => ({
    preloads: [],
    snapshots: [
      { projectType: 'new', dataSources: ['0xa'], joining: found, preloads: [], compute: async ({ dataSource = '' }) => dataSource },
    ],
    aggregates: [],
  })
  const asked = ids('new:0xa:N', 'new:0xb:N')
  const recomputed = async (found: () => Promise<readonly string[]>) => {
    const { recomputer } = scene(100, joining(found))
    return [...(await recomputer.recompute(EPOCH, asked, new AbortController().signal)).values()]
  }
  const of = async (text: string) => ({ ok: true, snapshotCid: await snapshotCidOf(canonicalJson(text)) })
  expect(await recomputed(async () => ['0xB'])).toEqual([await of('0xa'), await of('0xB')])
  expect(await recomputed(async () => [])).toEqual([await of('0xa'), { ok: false, reason: 'not_planned' }])
  expect(await recomputed(() => Promise.reject(new Error('no')))).toEqual([await of('0xa'), { ok: false, reason: 'source_late' }])
})

test('V12: nothing is said of data sources that joined on a fork of the source that is gone', async () => {
  const { recomputer, source } = scene(100, {
    preloads: [],
    snapshots: [
      {
        projectType: 'new',
        dataSources: ['0xa'],
        async joining({ epoch, source: reader }) {
          await reader.timestamp(epoch.begin)
          source.reorg(95)
          return ['0xb']
        },
        preloads: [],
        compute: async ({ dataSource = '' }) => dataSource,
      },
    ],
    aggregates: [],
  })
  const recomputed = await recomputer.recompute(EPOCH, ids('new:0xb:N', 'new:0xc:N'), new AbortController().signal)
  expect([...recomputed.values()]).toEqual(Array(2).fill({ ok: false, reason: 'source_late' }))
})

test('of a source that has not come past the epoch nothing is asked: its newest block may change', async () => {
  const { clock, source, recomputer } = scene(20)
  let isDone = false
  const recomputing = recomputer.recompute(EPOCH, ids('pair:0xa:N'), new AbortController().signal).finally(() => {
    isDone = true
  })
  await clock.advance(5_000)
  expect(isDone).toBe(false)
  source.mine()
  const found = await clock.runUntil(recomputing, { limitMs: 5_000 })
  expect(found.get('pair:0xa:N' as ProjectId)).toMatchObject({ ok: true })
})
