import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, ContractNumber } from '#domain/ids.ts'
import type { AnchoredByRoots, BlockRef, MarketState, SnapshotStatus } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { JSON_BYTES_MAX } from '#wire/canonical-json.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { createHistoryCache, type HistoryCache } from './history-cache.ts'
import { createHistory } from './history.ts'
import { createLoneCompute, termsWith } from './snapshotter.test-world.ts'

const PROJECT = 'base:0xaa:TEST' as ProjectId
const OTHER = 'base:0xbb:TEST' as ProjectId
/** Epoch 8 is released here, and epoch 9, whose aggregates ask for it, there. */
const EARLIER = 10
const PRESENT = 20
const BATCHES_UNTIL = EARLIER + 40
const ATTESTATIONS_UNTIL = EARLIER + 60
/** No round can be under way any more. */
const SETTLED = EARLIER + 4 * 60 + 1
const market = { snapshotWindowBlocks: 5, batchWindowBlocks: 40, attestationWindowBlocks: 60 } as MarketState

const absent: SnapshotStatus = { status: 'absent', snapshotCid: '' }
const pending: SnapshotStatus = { status: 'pending', snapshotCid: 'final' }
const finalized: SnapshotStatus = { status: 'finalized', snapshotCid: 'final' }
const OWN = 'own' as Cid

interface Scene {
  head: number
  /** What the contract says of the project from the block on. */
  statuses: readonly (readonly [number, SnapshotStatus])[]
  /** Batches by their roots, where the market asks for them, from the block on. */
  roots: readonly (readonly [number, readonly AnchoredByRoots[]])[]
  /** The block in which epochs end. */
  endedIn: number
  firstEpochId: readonly (readonly [number, number])[]
  releaseOf: (epochId: number) => number
  /** The CID of our own snapshot of any epoch. */
  own: Cid | undefined
  unplanned: readonly number[]
  /** What IPFS has. */
  bytes: Readonly<Record<string, string>>
  /** What it says otherwise, and after how long. */
  missing: WeftError
  /** Done to the scene after each answer. */
  onAnswer: (method: string) => void
  failures: number
  /** Method and block of each question to the chain. */
  readonly asked: string[]
  readonly gets: { readonly cid: string; readonly limits: Parameters<Ipfs['get']>[1] }[]
  readonly waits: { readonly epochId: EpochId; readonly atBlock: number }[]
  readonly standIns: string[]
  /** Epochs for which our own was asked to be recomputed, and why it could not be. */
  readonly recomputes: EpochId[]
  readonly whyNot: string | undefined
  wake: () => void
}

/** The answer as of the block. */
const asOf = <Value>(timeline: readonly (readonly [number, Value])[], block: number): Value | undefined =>
  timeline.findLast(([from]) => from <= block)?.[1]

const batchCidsAsOf = ({ roots, statuses }: Scene, block: number): readonly Cid[] =>
  asOf(roots, block)?.map(({ batchCid }) => batchCid) ?? (asOf(statuses, block) === undefined ? [] : ['batch' as Cid])

/** A history of epoch 9 on a chain that says what the scene says, and only when woken looks again. */
function createScene(
  change: Partial<Scene> = {},
  options: { readonly cache?: HistoryCache; readonly signal?: AbortSignal; readonly present?: number; readonly releaseBlock?: number } = {},
) {
  const clock = createVirtualClock()
  const releaseBlock = (options.releaseBlock ?? PRESENT) as BlockNumber
  const scene: Scene = {
    head: releaseBlock,
    statuses: [],
    roots: [],
    endedIn: Number.POSITIVE_INFINITY,
    firstEpochId: [],
    releaseOf: () => EARLIER,
    own: OWN,
    unplanned: [],
    bytes: { final: '7', own: '5' },
    missing: new WeftError('IPFS_NOT_FOUND', { cid: 'final', waitedMs: 0 }),
    onAnswer: () => undefined,
    failures: 0,
    asked: [],
    gets: [],
    waits: [],
    standIns: [],
    recomputes: [],
    whyNot: undefined,
    wake: () => undefined,
    ...change,
  }
  const answer = async <Value>(method: string, value: (block: number) => Value, at?: BlockNumber): Promise<Value> => {
    scene.asked.push(`${method} ${at ?? 'head'}`)
    if (scene.failures > 0) {
      scene.failures -= 1
      throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method })
    }
    const told = value(at ?? scene.head)
    scene.onAnswer(method)
    return told
  }
  const history = createHistory(
    (options.present ?? 9) as EpochId,
    { number: releaseBlock, contractNumber: releaseBlock as number as ContractNumber },
    options.signal ?? new AbortController().signal,
    {
      chain: {
        epochInfo: (epochId) =>
          answer('epochInfo', () => ({ contractNumber: scene.releaseOf(epochId) as ContractNumber, timestamp: 0, end: 0 as BlockNumber })),
        isEpochEnded: (_, at) => answer('isEpochEnded', (block) => block >= scene.endedIn, at),
        batchCids: (_, at) => answer('batchCids', (block) => batchCidsAsOf(scene, block), at),
        batch: (_, batchCid, at) => answer('batch', (block) => asOf(scene.roots, block)?.find((each) => each.batchCid === batchCid), at),
        snapshotStatus: (_, __, at) => answer('snapshotStatus', (block) => asOf(scene.statuses, block) ?? absent, at),
        projectFirstEpochId: (_, at) => answer('projectFirstEpochId', (block) => (asOf(scene.firstEpochId, block) ?? 0) as EpochId, at),
      },
      terms: {
        termsAt: async () => termsWith(createLoneCompute(), { rules: { anchoring: scene.roots.length > 0 ? 'roots' : 'projects' } }),
      },
      ipfs: {
        async get(cid: Cid, limits: Parameters<Ipfs['get']>[1]) {
          scene.gets.push({ cid, limits })
          const text = scene.bytes[cid]
          scene.onAnswer(`get ${cid}`)
          if (text !== undefined) return new TextEncoder().encode(text)
          if (scene.missing.code === 'IPFS_NOT_FOUND') await clock.sleep(limits.timeoutMs, limits.signal as AbortSignal)
          throw scene.missing
        },
      } as unknown as Ipfs,
      market,
      records: {
        own: () => scene.own,
        isUnplanned: (epochId) => scene.unplanned.includes(epochId),
        async saveStandIn(epochId, projectId, cid) {
          scene.standIns.push(`${epochId} ${projectId} ${cid}`)
        },
      },
      cache: options.cache ?? createHistoryCache(),
      clock,
      random: createSeededRandom(1),
      recompute: { ask: (epochId) => void scene.recomputes.push(epochId), whyNot: () => scene.whyNot },
      report: () => undefined,
      head: () => ({ number: scene.head, contractNumber: scene.head, hash: `0x${scene.head}` as Hash }) as BlockRef,
      news: (epochId, atBlock) => {
        scene.waits.push({ epochId, atBlock })
        return new Promise((resolve) => {
          scene.wake = resolve
        })
      },
    },
  )
  /** The value, or `waiting` when it does not come within a minute. */
  const now = async <Value>(work: Promise<Value>, forMs = 60_000): Promise<Value | 'waiting'> => {
    let outcome: { readonly value: Value } | { readonly failure: unknown } | undefined
    work.then(
      (value) => {
        outcome = { value }
      },
      (failure: unknown) => {
        outcome = { failure }
      },
    )
    await clock.advance(forMs)
    if (outcome === undefined) return 'waiting'
    if ('failure' in outcome) throw outcome.failure
    return outcome.value
  }
  /** The data of epoch 8, and whether it is our own. */
  const read = async (projectId: string = PROJECT, forMs?: number) => {
    const earlier = await now(history.snapshot(projectId, 8), forMs)
    return typeof earlier === 'object' ? `${earlier.source.isOwn ? 'own' : 'final'} ${earlier.snapshot}` : earlier
  }
  return { scene, history, now, read, clock }
}

describe('N5: of an earlier epoch is taken', () => {
  test.each<[string, Partial<Scene>, { readonly releaseBlock?: number }, unknown]>([
    ['what was finalized in the block of the release', { statuses: [[PRESENT, finalized]] }, {}, 'final 7'],
    ['what was finalized before, after all windows too', { statuses: [[15, finalized]] }, { releaseBlock: 999 }, 'final 7'],
    ['our own, what was finalized one block later', { statuses: [[PRESENT + 1, finalized]], head: 999 }, {}, 'own 5'],
    ['our own where nothing was anchored yet', {}, {}, 'own 5'],
    ['our own where what is anchored was not attested yet', { statuses: [[15, pending]] }, {}, 'own 5'],
    ['our own where it has ended since, and not by then', { endedIn: PRESENT + 1, head: 999 }, {}, 'own 5'],
    ['our own where the last block for batches is that of the release', {}, { releaseBlock: BATCHES_UNTIL }, 'own 5'],
    ['our own in the last block for attestations', { statuses: [[15, pending]] }, { releaseBlock: ATTESTATIONS_UNTIL }, 'own 5'],
    ['our own where it has ended and is not attested', { statuses: [[15, pending]], endedIn: 15 }, {}, 'own 5'],
    ['nothing where it had ended without the project', { endedIn: PRESENT }, {}, undefined],
    ['nothing where no batch could come any more', {}, { releaseBlock: BATCHES_UNTIL + 1 }, undefined],
    ['nothing where no attestation could', { statuses: [[15, pending]] }, { releaseBlock: ATTESTATIONS_UNTIL + 1 }, undefined],
    ['nothing where it is undecided and had no such project', { own: undefined, unplanned: [8] }, {}, undefined],
  ])('%s', async (_title, change, options, expected) => {
    const { read, scene } = createScene(change, options)
    expect(await read()).toBe(expected)
    expect(scene.waits).toEqual([])
  })

  test('what there is, though an endpoint that is behind knows of no release at first: an earlier epoch has one', async () => {
    let asked = 0
    const { read } = createScene({ releaseOf: () => (asked++ < 2 ? 0 : EARLIER) }, { releaseBlock: BATCHES_UNTIL })
    expect(await read()).toBe('own 5')
  })

  test('from no later epoch on, though an endpoint that is behind knows of no release of those before', async () => {
    let asked = 0
    const { history, now } = createScene({ releaseOf: () => (asked++ % 3 < 2 ? 0 : EARLIER) }, { releaseBlock: BATCHES_UNTIL })
    expect(await now(history.firstEpochId(PROJECT))).toBe(1)
  })

  test('one moment only: every question about what may change is about the block of the release', async () => {
    const { read, scene } = createScene({ statuses: [[15, pending]], head: 40 })
    await read()
    expect(scene.asked).toEqual(['epochInfo head', 'isEpochEnded 20', 'batchCids 20', 'snapshotStatus 20'])
  })

  test('what all projects of an epoch share once, and nothing of each where there is no batch', async () => {
    const { read, scene } = createScene()
    expect([await read(), await read(OTHER)]).toEqual(['own 5', 'own 5'])
    expect(scene.asked).toEqual(['epochInfo head', 'isEpochEnded 20', 'batchCids 20'])
  })

  test('what the head says, where that cannot be anything else: also of nodes that keep no old state', async () => {
    const { read, scene } = createScene({ statuses: [[15, finalized]], head: 999 }, { releaseBlock: SETTLED })
    expect(await read()).toBe('final 7')
    expect(scene.asked.filter((asked) => !asked.endsWith('head'))).toEqual([])
    const before = createScene({ statuses: [[15, finalized]], head: 999 }, { releaseBlock: SETTLED - 1 })
    await before.read()
    expect(before.scene.asked.filter((asked) => asked.endsWith('head'))).toEqual(['epochInfo head'])
  })

  test('the same by two nodes that ask at different times', async () => {
    const statuses = [[PRESENT + 2, finalized]] as const
    const early = createScene({ statuses })
    const late = createScene({ statuses, head: 60 })
    expect([await early.read(), await late.read()]).toEqual(['own 5', 'own 5'])
  })

  test('never the present one or a later one', async () => {
    const { history, scene } = createScene()
    await expect(history.snapshot(PROJECT, 9)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
    await expect(history.snapshot(PROJECT, 10)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
    expect(scene.asked).toEqual([])
  })

  test('whose word it is: project, epoch, CID', async () => {
    const { history, now } = createScene({ statuses: [[15, finalized]] })
    expect(await now(history.snapshot(PROJECT, 8))).toEqual({
      snapshot: 7n,
      source: { projectId: PROJECT, epochId: 8, snapshotCid: 'final', isOwn: false },
    })
  })
})

describe('N13: what is finalized and cannot be had', () => {
  const unserved: Partial<Scene> = { statuses: [[15, finalized]], bytes: { own: '5' } }

  test('is looked for two seconds, and then it is our own', async () => {
    const { read, scene } = createScene(unserved)
    expect(await read(PROJECT, 1_999)).toBe('waiting')
    const again = createScene(unserved)
    expect(await again.read(PROJECT, 2_000)).toBe('own 5')
    expect(scene.gets[0]?.limits).toMatchObject({ bytesMax: JSON_BYTES_MAX, timeoutMs: 2_000 })
  })

  test.each<[string, Partial<Scene>]>([
    ['is no snapshot', { bytes: { final: '{', own: '5' } }],
    ['has no CID that could be asked for', { missing: new WeftError('ID_MALFORMED', { what: 'CID', text: 'final' }) }],
    ['is too large', { missing: new WeftError('IPFS_CONTENT_TOO_LARGE', { cid: 'final', bytesMax: JSON_BYTES_MAX }) }],
    ['is kept from us by our own IPFS node', { missing: new WeftError('IPFS_CONTENT_WRONG', { cid: 'final', got: 'other' }) }],
  ])('because it %s is our own', async (_title, change) => {
    const { read } = createScene({ ...unserved, ...change })
    expect(await read()).toBe('own 5')
  })

  test('keeps our own for later epochs', async () => {
    const { read, scene } = createScene(unserved)
    await read()
    expect(scene.standIns).toEqual([`8 ${PROJECT} own`])
    const undecided = createScene()
    await undecided.read()
    expect(undecided.scene.standIns).toEqual([])
  })

  test('costs later epochs less and less time, and is taken when it is there after all', async () => {
    const cache = createHistoryCache()
    const asking: number[] = []
    for (let present = 9; present < 60; present += 1) {
      const { read, scene } = createScene(unserved, { cache, present })
      expect(await read()).toBe('own 5')
      // And once more by another aggregate of the same epoch.
      expect(await read()).toBe('own 5')
      if (scene.gets.some(({ cid }) => cid === 'final')) asking.push(present)
    }
    expect(asking).toEqual([9, 10, 12, 16, 24, 32, 40, 48, 56])
    const served = createScene({ statuses: [[15, finalized]] }, { cache, present: 64 })
    expect(await served.read()).toBe('final 7')
  })

  test('is looked for until the window closes by who has nothing else, and longer each time', async () => {
    const { read, scene, history } = createScene({ ...unserved, own: undefined })
    expect(await read()).toBe('waiting')
    expect(scene.gets.every(({ limits }) => limits.timeoutMs === 10_000)).toBe(true)
    expect(scene.gets.length).toBeGreaterThan(3)
    expect(history.waitsFor(PROJECT, 8)).toMatch(/finalized as final, which cannot be had/)
    scene.bytes = { final: '7' }
    expect(await read()).toBe('final 7')
  })

  test('is no snapshot at all for who has nothing else', async () => {
    const { read } = createScene({ ...unserved, own: undefined, bytes: { final: '{' } })
    await expect(read()).rejects.toMatchObject({ code: 'JSON_MALFORMED' })
  })
})

describe('N14: without a snapshot of our own, what is undecided', () => {
  const nothing: Partial<Scene> = { own: undefined }
  const later = (scene: Scene, change: Partial<Scene>) => {
    Object.assign(scene, change)
    scene.wake()
  }

  test.each<[string, Partial<Scene>, number]>([
    ['without a batch, until no batch is taken any more', {}, BATCHES_UNTIL + 1],
    ['with a batch, until no attestation counts any more', { statuses: [[15, pending]] }, ATTESTATIONS_UNTIL + 1],
  ])('is waited for: %s', async (_title, change, atBlock) => {
    const { scene, read, history } = createScene({ ...nothing, ...change })
    expect(await read()).toBe('waiting')
    expect(scene.waits).toEqual([{ epochId: 8, atBlock }])
    expect(history.waitsFor(PROJECT, 8)).toBe('not decided, and there is no snapshot of our own')
    expect(history.waitsFor(OTHER, 8)).toBeUndefined()
  })

  test('is looked at again at each piece of news, as of the head', async () => {
    const { scene, read } = createScene(nothing)
    expect(await read()).toBe('waiting')
    later(scene, { head: 21, statuses: [[21, pending]] })
    expect(await read()).toBe('waiting')
    later(scene, { head: 22, statuses: [[22, finalized]] })
    expect(await read()).toBe('final 7')
    expect(scene.asked).toContain('snapshotStatus 22')
  })

  test('is our own as soon as there is one', async () => {
    const { scene, read } = createScene(nothing)
    expect(await read()).toBe('waiting')
    later(scene, { own: OWN })
    expect(await read()).toBe('own 5')
  })

  test('is our own also when the network decides otherwise at the same time', async () => {
    const { scene, read } = createScene(nothing)
    expect(await read()).toBe('waiting')
    later(scene, { own: OWN, head: 22, statuses: [[22, finalized]] })
    expect(await read()).toBe('own 5')
  })

  test('is nothing as soon as nothing can come', async () => {
    const { scene, read } = createScene(nothing)
    expect(await read()).toBe('waiting')
    later(scene, { head: BATCHES_UNTIL + 1 })
    expect(await read()).toBeUndefined()
  })

  test('is asked for again at once when news came while the chain was asked', async () => {
    const { scene, read } = createScene({
      ...nothing,
      head: 30,
      onAnswer(method) {
        if (method !== 'isEpochEnded' || scene.asked.filter((asked) => asked.startsWith(method)).length < 2) return
        scene.head = 31
        scene.statuses = [[31, finalized]]
      },
    })
    expect(await read()).toBe('final 7')
    expect(scene.waits).toEqual([])
  })

  test('is asked for again at once when our own came meanwhile', async () => {
    const { scene, read } = createScene({
      ...nothing,
      head: 30,
      onAnswer(method) {
        if (method === 'isEpochEnded' && scene.asked.filter((asked) => asked.startsWith(method)).length === 2) scene.own = OWN
      },
    })
    expect(await read()).toBe('own 5')
    expect(scene.waits).toEqual([])
  })

  test('is waited for also where our own is on record and its bytes are gone', async () => {
    const { scene, read } = createScene({ bytes: { final: '7' } })
    expect(await read()).toBe('waiting')
    later(scene, { head: 22, statuses: [[22, finalized]] })
    expect(await read()).toBe('final 7')
  })

  test('is not waited for when the window closes', async () => {
    const stop = new AbortController()
    const { history, scene, now } = createScene({ failures: 2 }, { signal: stop.signal })
    const snapshot = history.snapshot(PROJECT, 8)
    stop.abort(new WeftError('STOPPED', { what: 'test' }))
    await expect(now(snapshot)).rejects.toMatchObject({ code: 'STOPPED' })
    expect(scene.asked.length).toBeLessThan(2)
  })
})

test('N5: the chain is asked for as long as the endpoint fails', async () => {
  const { read } = createScene({ statuses: [[15, finalized]], failures: 20 })
  expect(await read(PROJECT, 300_000)).toBe('final 7')
})

describe('what is decided', () => {
  const decided: Partial<Scene> = { statuses: [[15, finalized]] }

  test('is asked once, by however many at once, and once for all later epochs', async () => {
    const cache = createHistoryCache()
    const { history, now, scene } = createScene(decided, { cache })
    const both = await now(Promise.all([history.snapshot(PROJECT, 8), history.snapshot(PROJECT, 8)]))
    expect(both).toMatchObject([{ snapshot: 7n }, { snapshot: 7n }])
    expect(scene.gets).toHaveLength(1)
    const later = createScene(decided, { cache, releaseBlock: PRESENT + 5 })
    expect(await later.read()).toBe('final 7')
    expect(later.scene.asked).toEqual([])
  })

  test('N5: as of one block is not decided for an epoch that was released before it', async () => {
    const cache = createHistoryCache()
    const statuses = [[25, finalized]] as const
    expect(await createScene({ statuses }, { cache, releaseBlock: 30 }).read()).toBe('final 7')
    expect(await createScene({ statuses, head: 30 }, { cache, releaseBlock: 24 }).read()).toBe('own 5')
    expect(await createScene({ statuses, head: 30 }, { cache, releaseBlock: 25 }).read()).toBe('final 7')
  })

  test('N5: is asked for again while it is undecided', async () => {
    const cache = createHistoryCache()
    const statuses = [[25, finalized]] as const
    expect(await createScene({ statuses }, { cache }).read()).toBe('own 5')
    expect(await createScene({ statuses }, { cache, releaseBlock: 25 }).read()).toBe('final 7')
  })

  test('is remembered when it is nothing and no round can bring anything any more, and not before', async () => {
    const cache = createHistoryCache()
    const ended = { endedIn: 15 }
    for (const [releaseBlock, isAsked] of [
      [SETTLED - 1, true],
      [SETTLED, true],
      [SETTLED + 1, false],
    ] as const) {
      const { read, scene } = createScene(ended, { cache, releaseBlock })
      expect(await read()).toBeUndefined()
      expect(scene.asked.length > 0).toBe(isAsked)
    }
  })

  test('belongs to its project and epoch', async () => {
    const { history, read, now, scene } = createScene({ ...decided, bytes: { final: '7', 'final-2': '8', 'final-3': '9' } })
    expect(await read()).toBe('final 7')
    scene.statuses = [[15, { status: 'finalized', snapshotCid: 'final-2' }]]
    expect(await now(history.snapshot(PROJECT, 7))).toMatchObject({ snapshot: 8n })
    scene.statuses = [[15, { status: 'finalized', snapshotCid: 'final-3' }]]
    expect(await read(OTHER)).toBe('final 9')
    expect([await read(), scene.gets.length]).toEqual(['final 7', 3])
  })

  test('a failure is not remembered', async () => {
    const { read, scene } = createScene({ ...decided, own: undefined, bytes: { final: '{' } })
    await expect(read()).rejects.toMatchObject({ code: 'JSON_MALFORMED' })
    scene.bytes = { final: '7' }
    expect(await read()).toBe('final 7')
  })

  test.each<[string, Partial<Scene>]>([
    ['data', decided],
    ['nothing', { endedIn: 15 }],
  ])('G2: on a chain that is rewritten meanwhile is decided anew: %s', async (_title, before) => {
    const cache = createHistoryCache()
    const { read, scene } = createScene(
      {
        ...before,
        onAnswer(method) {
          if (method !== (before === decided ? 'get final' : 'batchCids')) return
          scene.onAnswer = () => undefined
          scene.statuses = [[15, { status: 'finalized', snapshotCid: 'other' }]]
          scene.bytes = { other: '8' }
          cache.clear()
        },
      },
      { cache },
    )
    expect(await read()).toBe('final 8')
    expect(await read()).toBe('final 8')
  })
})

describe("N5: a project's first epoch", () => {
  /** Released every ten blocks, the first in block 10: epoch 9 in block 90. */
  const releaseOf = (epochId: number) => epochId * 10
  test.each<[string, Partial<Scene>, unknown]>([
    ['is what the chain said when the epoch was released', { firstEpochId: [[90, 3]] }, 3],
    ['is the one before, if that', { firstEpochId: [[89, 8]] }, 8],
    ['is the first for which something could still come, while nothing was there', { firstEpochId: [[91, 8]], head: 99 }, 5],
    ['is the same for who has nothing of its own', { own: undefined }, 5],
    ['is none where all that could come had ended', { endedIn: 90 }, undefined],
    ['is none that had no such project, as we know', { unplanned: [5, 6] }, 7],
    ['is never the present one', { firstEpochId: [[90, 9]] }, undefined],
    ['is never a later one', { firstEpochId: [[90, 12]] }, undefined],
  ])('%s', async (_title, change, expected) => {
    const { history, now } = createScene({ releaseOf, ...change }, { releaseBlock: 90 })
    expect(await now(history.firstEpochId(PROJECT))).toBe(expected)
  })

  test('is looked for once for all projects of an epoch that has nothing on chain', async () => {
    const { history, now, scene } = createScene({ releaseOf }, { releaseBlock: 90 })
    await now(Promise.all([history.firstEpochId(PROJECT), history.firstEpochId(OTHER)]))
    expect(scene.asked.filter((asked) => asked.startsWith('isEpochEnded'))).toHaveLength(4)
  })

  test('is none in the very first epoch', async () => {
    const { history, now } = createScene({}, { present: 1 })
    expect(await now(history.firstEpochId(PROJECT))).toBeUndefined()
  })
})

describe('where batches are anchored by their roots', () => {
  const OTHERS = [OTHER, 'base:0xcc:TEST'] as ProjectId[]
  const fileOf = (projectIds: readonly ProjectId[], cids: readonly string[]) =>
    new TextDecoder().decode(encodeBatch({ submissions: [], submissionsRoot: '0x', projectIds, snapshotCids: cids as Cid[] }))
  const rootsOf = (batchCid: string, projectIds: readonly ProjectId[], cids: readonly string[], isFinalized: boolean): AnchoredByRoots => ({
    batchCid: batchCid as Cid,
    rootHash: publishedRoot(cids),
    projectsRootHash: publishedRoot(projectIds),
    isFinalized,
    attestationCount: 0,
  })
  const others = rootsOf('one', OTHERS, ['x', 'y'], true)
  const bytes = { final: '7', own: '5', one: fileOf(OTHERS, ['x', 'y']), two: fileOf([PROJECT], ['final']) }
  const two = (isFinalized: boolean) => rootsOf('two', [PROJECT], ['final'], isFinalized)

  test('N16: what is final is what the files say under the roots, as of the release', async () => {
    const scene = createScene({ roots: [[EARLIER + 2, [others, two(true)]]], bytes })
    expect((await scene.history.snapshot(PROJECT, 8))?.snapshot).toBe(7n)
    expect(scene.scene.asked.filter((each) => each.startsWith('batch ')).map((each) => each.split(' ')[1])).toEqual([
      `${PRESENT}`,
      `${PRESENT}`,
    ])
    // Another project of the epoch costs no file.
    const read = scene.scene.gets.length
    expect(await scene.history.snapshot('base:0xdd:TEST', 8)).toMatchObject({ snapshot: 5n })
    expect(scene.scene.gets.slice(read).map(({ cid }) => cid)).toEqual(['own'])
  })

  test('what was not final by then is our own', async () => {
    const scene = createScene({
      roots: [
        [EARLIER + 2, [others, two(false)]],
        [PRESENT + 1, [others, two(true)]],
      ],
      head: PRESENT + 5,
      bytes,
    })
    expect((await scene.history.snapshot(PROJECT, 8))?.snapshot).toBe(5n)
  })

  test('a file that gives other roots than the chain has says nothing; one that nobody serves leaves us our own', async () => {
    const lie = createScene({ roots: [[EARLIER + 2, [two(true)]]], bytes: { ...bytes, two: fileOf([PROJECT], ['other']) } })
    expect((await lie.history.snapshot(PROJECT, 8))?.snapshot).toBe(5n)
    const unserved = createScene({ roots: [[EARLIER + 2, [two(true)]]], bytes: { own: '5' } })
    expect(await unserved.read()).toEqual(await lie.read())
    expect(unserved.scene.gets[0]).toMatchObject({ cid: 'two', limits: { timeoutMs: 2_000 } })
  })

  describe('N16: of a file that nobody can read', () => {
    const unread = (batchCid: string, isFinalized: boolean) => rootsOf(batchCid, [PROJECT], ['final'], isFinalized)

    test.each([
      ['is open while its batch may become final', ATTESTATIONS_UNTIL, false, 'own 5'],
      ['is nothing when the windows are over and it is not', ATTESTATIONS_UNTIL + 1, false, undefined],
      ['is open for as long as it is final', ATTESTATIONS_UNTIL + 1, true, 'own 5'],
    ])('what it says %s', async (_, releaseBlock, isFinalized, expected) => {
      const { read } = createScene({ roots: [[EARLIER + 2, [unread('two', isFinalized)]]], bytes: { own: '5' } }, { releaseBlock })
      expect(await read()).toBe(expected)
    })

    test('because what the chain names is no CID: nothing, at once and for good', async () => {
      const missing = new WeftError('ID_MALFORMED', { what: 'CID', text: 'two' })
      const cache = createHistoryCache()
      const roots = [[EARLIER + 2, [unread('two', true)]]] as const
      const { read, scene } = createScene({ roots, missing, endedIn: EARLIER + 3, bytes: { own: '5' } }, { cache })
      expect([await read(), await read('base:0xdd:TEST')]).toEqual([undefined, undefined])
      expect(scene.gets).toHaveLength(1)
    })
  })

  test('the first epoch may be any', async () => {
    const scene = createScene({ roots: [[EARLIER + 2, [two(true)]]], bytes })
    expect(await scene.history.firstEpochId(PROJECT)).toBe(1)
  })
})
