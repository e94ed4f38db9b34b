import { describe, expect, test } from 'vitest'
import { float, object } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid, SlotId } from '#domain/ids.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { PATIENCE } from './patience.ts'
import {
  BASE_A,
  createComputes,
  createLoneCompute,
  createWorld,
  idsOf,
  LONE,
  OPTIONS,
  reasons,
  SUM_A,
  WINDOW_BLOCKS,
} from './snapshotter.test-world.ts'

/** Each way in which a project of an epoch may end, with its reason (G9), and what is counted and told of it. */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }
const unreachable = () => Promise.reject(new WeftError('LINK_FAILED', { address: 'test', detail: 'refused' }))

describe('G3: upload_failed', () => {
  test('N2: when IPFS cannot be had: asked as long as there is patience, then nothing of it is signed, nor what is built on it', async () => {
    const world = createWorld()
    let asked = 0
    const bytes = canonicalJson(1n)
    const add = (given: Uint8Array) => {
      if (given.length !== bytes.length) return world.ipfs.add(given)
      asked += 1
      return unreachable()
    }
    const computes = createComputes({ base: async (source, epochId) => (source === '0xAA' && epochId > 0 ? 1n : { epoch: 1n }) })
    const snapshotter = await world.start(computes, OPTIONS, { ipfs: { ...world.ipfs, add } })
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(asked).toBe(PATIENCE.attemptsMax)
    expect(reasons(world.summaries[0])).toMatchObject({ 'base:0xaa': 'upload_failed', 'sum:0xaa': 'base_missing' })
    expect(idsOf(world.collector.taken)).toEqual(['base:0xbb:TEST', 'sum:0xbb:TEST'])
    const record = snapshotter.projects(epochId).find(({ projectId }) => projectId === BASE_A)
    expect(record).toMatchObject({ state: 'missed', detail: expect.stringContaining('refused') })
    expect(record?.snapshotCid).toBeUndefined()
  })

  test('not when it can be had at the last time', async () => {
    const world = createWorld()
    let failures = PATIENCE.attemptsMax - 1
    const add = (bytes: Uint8Array) => (bytes.length === 1 && failures-- > 0 ? unreachable() : world.ipfs.add(bytes))
    await world.start(
      createLoneCompute(async (epochId) => (epochId === 0 ? 'zero' : 1n)),
      ONE_SLOT,
      { ipfs: { ...world.ipfs, add } },
    )
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]).toMatchObject({ submitted: 1 })
  })

  test('N2: when IPFS says that it stored something else: neither CID is signed', async () => {
    const world = createWorld()
    const lie = await snapshotCidOf(canonicalJson('another'))
    const add = async (bytes: Uint8Array): Promise<Cid> => {
      await world.ipfs.add(bytes)
      return bytes.length === 1 ? lie : snapshotCidOf(bytes)
    }
    const snapshotter = await world.start(
      createLoneCompute(async (epochId) => (epochId === 0 ? 'zero' : 1n)),
      ONE_SLOT,
      {
        ipfs: { ...world.ipfs, add },
      },
    )
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    const own = await snapshotCidOf(canonicalJson(1n))
    expect(snapshotter.projects(epochId)).toMatchObject([
      { reason: 'upload_failed', detail: `IPFS stored it as ${lie}, computed was ${own}` },
    ])
    expect(world.collector.taken).toEqual([])
    expect(snapshotter.stats()).toMatchObject({ snapshotsComputed: 0, projectsMissed: 1, epochsDone: 1 })
  })

  test('N7: not when the window closed while it was asked', async () => {
    const world = createWorld()
    const add = (bytes: Uint8Array) =>
      bytes.length === 1
        ? new Promise<Cid>((_, reject) => world.clock.sleep(5_000).then(() => unreachable().catch(reject)))
        : world.ipfs.add(bytes)
    const snapshotter = await world.start(
      createLoneCompute(async (epochId) => (epochId === 0 ? 'zero' : 1n)),
      ONE_SLOT,
      {
        ipfs: { ...world.ipfs, add },
      },
    )
    await world.release()
    await world.until(() => snapshotter.stats().epochsOpen === 1)
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]?.missed).toMatchObject([{ reason: 'window_closed', detail: '' }])
  })
})

describe('window_closed', () => {
  test('N7: when a compute was still under way; what was handed over stays so', async () => {
    const world = createWorld()
    const base = (source: string | undefined) => (source === '0xBB' ? new Promise<never>(() => undefined) : Promise.resolve({ epoch: 1n }))
    const snapshotter = await world.start(createComputes({ base }), { ...OPTIONS, computeTimeoutMs: 1e9 })
    const epochId = await world.release()
    await world.until(() => snapshotter.projects(epochId).filter(({ state }) => state === 'submitted').length === 2)
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]).toMatchObject({ state: 'done', submitted: 2 })
    expect(reasons(world.summaries[0])).toMatchObject({ 'base:0xbb': 'window_closed', 'sum:0xbb': 'window_closed' })
    expect(snapshotter.stats()).toMatchObject({ epochsDone: 1, projectsMissed: 3, epochsOpen: 0 })
  })

  test('N3, N7: when the source chain never came so far: nothing is computed before its last block', async () => {
    const world = createWorld({ sourceBlocks: 3 })
    let computed = 0
    const snapshotter = await world.start(
      createLoneCompute(async (epochId) => {
        if (epochId > 0) computed += 1
        return 1n
      }),
      ONE_SLOT,
    )
    await world.release()
    await world.until(() => snapshotter.stats().epochsOpen === 1)
    await world.clock.advance(60_000)
    expect(computed).toBe(0)
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]?.missed).toMatchObject([{ projectId: LONE, reason: 'window_closed' }])
  })
})

describe('hand_over_failed', () => {
  test.each<[string, () => Promise<'Failure'>]>([
    ['refuses', async () => 'Failure'],
    ['hangs', () => new Promise(() => undefined)],
    ['breaks', () => Promise.reject(new Error('broken'))],
  ])(
    'N6: when the collector %s: nothing is recorded as handed over, it is tried until the window closes and no longer',
    async (_title, answer) => {
      const world = createWorld()
      let asked = 0
      const { answer: takes } = world.collector
      world.collector.answer = (submission) => {
        if (submission.request.epochId === 0) return takes(submission)
        asked += 1
        return answer()
      }
      const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
      const epochId = await world.release()
      await world.until(() => asked > 8)
      expect(world.store.scan('handed/')).toEqual([])
      expect(world.troubles.at(-1)).toMatchObject({ event: 'will_try_again', doing: 'hand_over', code: 'COLLECTOR_UNAVAILABLE' })
      world.chain.mine(WINDOW_BLOCKS + 1)
      await world.until(() => world.summaries.length === 1)
      expect(snapshotter.projects(epochId)).toMatchObject([
        { state: 'missed', reason: 'hand_over_failed', detail: 'not taken for slot 1', snapshotCid: expect.any(String) },
      ])
      const before = asked
      await world.clock.advance(60_000)
      expect(asked).toBe(before)
      // The last attempt may have been interrupted by the closing window; that is no retry.
      expect(snapshotter.stats().handOverRetries).toBeLessThanOrEqual(asked)
      expect(world.troubles).toHaveLength(snapshotter.stats().handOverRetries)
    },
  )

  test('N4: names the slots that are open, and only those', async () => {
    const world = createWorld()
    const { answer: takes } = world.collector
    world.collector.answer = (submission) => (submission.request.slotId === 2 ? Promise.reject(new Error('broken')) : takes(submission))
    const snapshotter = await world.start(createLoneCompute())
    const epochId = await world.release()
    await world.until(() => snapshotter.stats().submissionsHandedOver === 1)
    world.chain.mine(WINDOW_BLOCKS + 1)
    await world.until(() => world.summaries.length === 1)
    expect(snapshotter.projects(epochId)).toMatchObject([{ reason: 'hand_over_failed', detail: 'not taken for slot 2' }])
  })

  test('N6: not when the collector takes it after it hung', async () => {
    const world = createWorld()
    let hangs = 2
    const { answer: takes } = world.collector
    world.collector.answer = (submission) =>
      submission.request.epochId > 0 && hangs-- > 0 ? new Promise(() => undefined) : takes(submission)
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]).toMatchObject({ submitted: 1 })
    // Two attempts of five seconds each, and two pauses.
    expect(world.summaries[0]?.tookMs).toBeGreaterThan(10_000)
    expect(snapshotter.stats()).toMatchObject({ handOverRetries: 2, submissionsHandedOver: 1 })
  })
})

describe('N4: preload_failed, compute_failed, base_missing', () => {
  test('a preload that never ends fails those that need it after its time, and is named', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createComputes({ preload: () => new Promise(() => undefined) }), {
      ...OPTIONS,
      computeTimeoutMs: 500,
    })
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]?.tookMs).toBe(500)
    expect(snapshotter.projects(epochId).find(({ projectId }) => projectId === BASE_A)).toMatchObject({
      reason: 'preload_failed',
      detail: 'price: not done after 500 ms',
    })
    expect(snapshotter.projects(epochId).find(({ projectId }) => projectId === SUM_A)).toMatchObject({
      reason: 'base_missing',
      detail: BASE_A,
    })
  })

  test('a snapshot that no node would take is one that is too large', async () => {
    const world = createWorld()
    const text = 'x'.repeat(33_554_431)
    const snapshotter = await world.start(
      createLoneCompute(async (epochId) => (epochId === 0 ? 0n : text)),
      OPTIONS,
    )
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(snapshotter.projects(epochId)).toMatchObject([
      { reason: 'snapshot_too_large', detail: expect.stringContaining('it has 33554433 bytes') },
    ])
  })

  test('a compute that never ends fails after its time; an aggregate may wait longer', async () => {
    const world = createWorld()
    const computes = createLoneCompute((epochId) => (epochId === 0 ? Promise.resolve(0n) : Promise.resolve(1n)))
    const slow = {
      ...computes,
      aggregates: [
        {
          projectType: 'slow',
          aggregateOn: 'MultiProject' as const,
          baseProjectTypes: ['lone'],
          aggregate: async () => {
            await world.clock.sleep(2_000)
            return 1n
          },
        },
      ],
    }
    await world.start(slow, { ...ONE_SLOT, computeTimeoutMs: 500 })
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(world.summaries[0]).toMatchObject({ submitted: 2, missed: [] })
  })

  test('a module that throws at once fails as one that rejects, and its text is cut', async () => {
    const world = createWorld()
    const snapshotter = await world.start(
      createLoneCompute((epochId) => {
        if (epochId === 0) return Promise.resolve(0n)
        throw new Error('x'.repeat(10_000))
      }),
      ONE_SLOT,
    )
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    const detail = snapshotter.projects(epochId)[0]?.detail ?? ''
    expect(detail).toContain(`${'x'.repeat(500)}…`)
    expect(detail).not.toContain('x'.repeat(501))
  })
})

test('what is told of an epoch: how long it took from the release on, and each end on disk before', async () => {
  const world = createWorld()
  const { answer: takes } = world.collector
  world.collector.answer = async (submission) => {
    await world.clock.sleep(300)
    return takes(submission)
  }
  const told: string[] = []
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, {
    onEpoch: ({ tookMs }) => told.push(`${tookMs} ${world.moments.at(-1)?.when} ${world.moments.at(-1)?.keys.split('/', 1)}`),
  })
  await world.until(() => snapshotter.stats().simulated === 1)
  await world.release()
  await world.until(() => told.length === 1)
  expect(told).toEqual(['300 after epoch'])
})

test('options: deadline buffer and node version as they are set', async () => {
  const world = createWorld()
  await world.start(createLoneCompute(), { ...ONE_SLOT, deadlineBufferBlocks: 7, nodeVersion: 'v9' })
  await world.release()
  await world.until(() => world.summaries.length === 1)
  const { number } = await world.chain.head()
  expect(world.collector.taken[0]).toMatchObject({ nodeVersion: 'v9', request: { deadlineBlock: number + 7 } })
})

test('options: without them, those of deployed nodes', async () => {
  const world = createWorld()
  await world.start(createLoneCompute(), ONE_SLOT)
  await world.release()
  await world.until(() => world.summaries.length === 1)
  expect(world.collector.taken[0]).toMatchObject({ nodeVersion: 'v0.1.0' })
})

describe('the simulation', () => {
  test('is computed from the last but one source block, and from the first where there is only one', async () => {
    for (const [sourceBlocks, block] of [
      [10, 8],
      [1, 0],
    ] as const) {
      const world = createWorld({ sourceBlocks })
      const seen: unknown[] = []
      const computes = createLoneCompute()
      const module = computes.snapshots[0] as (typeof computes.snapshots)[number]
      const watched: typeof module = {
        ...module,
        async compute({ epoch }) {
          seen.push(epoch)
          return 0n
        },
      }
      const snapshotter = await world.start({ ...computes, snapshots: [watched] }, ONE_SLOT)
      await world.until(() => snapshotter.stats().simulated === 1)
      expect(seen).toEqual([{ epochId: 0, begin: block, end: block }])
      const [submission] = world.collector.simulated
      expect(submission?.request.snapshotCid).toBe(await snapshotCidOf(canonicalJson(0n)))
      expect(await world.ipfs.has(submission?.request.snapshotCid as Cid)).toBe(true)
    }
  })

  test.each([
    ['a compute that fails', createLoneCompute(() => Promise.reject(new Error('broken'))), 'COMPUTE_FAILED'],
    [
      'a compute that never ends',
      createLoneCompute((epochId) => (epochId === 0 ? new Promise(() => undefined) : Promise.resolve(1n))),
      'STOPPED',
    ],
  ])('N4: %s is told and changes nothing', async (_title, computes, code) => {
    const world = createWorld()
    const snapshotter = await world.start(computes, { ...ONE_SLOT, computeTimeoutMs: 1e9 })
    await world.until(() => world.troubles.length === 1)
    expect(world.troubles).toMatchObject([{ event: 'simulation_failed', code }])
    await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(snapshotter.stats()).toMatchObject({ simulated: 0, epochsDone: 1 })
  })

  test('N4: is made all the same when the source chain is out of reach for a moment', async () => {
    const world = createWorld()
    let calls = 0
    const head: typeof world.source.head = async () => {
      calls += 1
      if (calls <= 3) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'source', method: 'eth_getBlockByNumber' })
      return world.source.head()
    }
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { source: { ...world.source, head } })
    await world.until(() => snapshotter.stats().simulated === 1)
    expect(world.troubles.map(({ event }) => event)).not.toContain('simulation_failed')
  })

  test.each([
    new WeftError('SETTINGS_INVALID', { problems: ['no such node'] }),
    new WeftError('STATE_TRANSITION', { machine: 'test', from: 'a', to: 'b' }),
    new Error('a mistake of ours'),
  ])('N4: that nothing makes good ends the process: %s', async (failure) => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { ipfs: { ...world.ipfs, add: () => Promise.reject(failure) } })
    await expect(world.clock.runUntil(snapshotter.ended, { limitMs: 60_000 })).rejects.toBe(failure)
    expect(world.troubles).toEqual([])
  })

  test('N2: is not signed when IPFS says that it stored something else', async () => {
    const world = createWorld()
    const other = (await snapshotCidOf(canonicalJson(1n))) as Cid
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { ipfs: { ...world.ipfs, add: async () => other } })
    await world.until(() => world.troubles.length === 1)
    expect(world.troubles).toMatchObject([
      { event: 'simulation_failed', code: 'IPFS_CONTENT_WRONG', cid: await snapshotCidOf(canonicalJson(0n)), got: other },
    ])
    expect([world.collector.simulated, snapshotter.stats().simulated]).toEqual([[], 0])
    expect(world.moments.filter(({ effect }) => effect === 'sign')).toEqual([])
  })

  test('that came through, or failed, leaves no timer behind', async () => {
    for (const computes of [createLoneCompute(), createLoneCompute(() => Promise.reject(new Error('broken')))]) {
      const world = createWorld()
      const { sleep } = world.clock
      let running = 0
      world.clock.sleep = async (durationMs, signal) => {
        if (durationMs < 60_000) return sleep(durationMs, signal)
        running += 1
        try {
          await sleep(durationMs, signal)
        } finally {
          running -= 1
        }
      }
      const snapshotter = await world.start(computes, ONE_SLOT)
      expect(running).toBe(1)
      await world.until(() => snapshotter.stats().simulated === 1 || world.troubles.length === 1)
      await world.clock.advance(1_000)
      expect(running).toBe(0)
    }
  })

  test('leaves no timer behind, and is told of by nobody when it was stopped', async () => {
    const world = createWorld()
    world.collector.answer = () => new Promise(() => undefined)
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
    await world.clock.advance(1_000)
    await world.stop(snapshotter)
    expect(world.troubles).toEqual([])
    await snapshotter.ended
    await expect(world.clock.runUntil(new Promise(() => undefined), { limitMs: 0 })).rejects.toThrow('no timer is left')
  })

  test('a snapshot of another form than its compute declares is none, and the place is told', async () => {
    const world = createWorld()
    const lone = createLoneCompute(() => Promise.resolve({ price: 3n }))
    const declared = { ...lone, snapshots: lone.snapshots.map((each) => ({ ...each, schema: object({ price: float() }) })) }
    const snapshotter = await world.start(declared, ONE_SLOT)
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    expect(snapshotter.projects(epochId)[0]).toMatchObject({ reason: 'compute_failed' })
    expect(snapshotter.projects(epochId)[0]?.detail).toContain('price is an integer, a float is declared')
  })
})
