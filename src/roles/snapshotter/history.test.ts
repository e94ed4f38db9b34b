import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, MarketState, SnapshotStatus } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { JSON_BYTES_MAX } from '#wire/canonical-json.ts'
import { createHistory, createHistoryCache, type HistoryCache } from './history.ts'

const PROJECT = 'base:0xaa:TEST' as ProjectId
const RELEASE = 10
const BATCHES_UNTIL = RELEASE + 40
const ATTESTATIONS_UNTIL = RELEASE + 60
const market = { snapshotWindowBlocks: 5, batchWindowBlocks: 40, attestationWindowBlocks: 60 } as MarketState

interface Scene {
  head: number
  status: SnapshotStatus
  isEnded: boolean
  releaseBlock: number
  firstEpochId: number
  /** Done to the scene after each answer of the chain. */
  onAnswer: (method: string) => void
  failures: number
  bytes: string
  readonly asked: string[]
  readonly gets: Parameters<Ipfs['get']>[1][]
  readonly waits: { readonly epochId: EpochId; readonly atBlock: number }[]
  wake: () => void
}

/** A history of epoch 9 on a chain that says what the scene says, and only when woken looks again. */
function createScene(change: Partial<Scene> = {}, options: { readonly cache?: HistoryCache; readonly signal?: AbortSignal } = {}) {
  const clock = createVirtualClock()
  const scene: Scene = {
    head: 20,
    status: { status: 'absent', snapshotCid: '' },
    isEnded: false,
    releaseBlock: RELEASE,
    firstEpochId: 0,
    onAnswer: () => undefined,
    failures: 0,
    bytes: '7',
    asked: [],
    gets: [],
    waits: [],
    wake: () => undefined,
    ...change,
  }
  const answer = async <Value>(method: string, value: () => Value): Promise<Value> => {
    scene.asked.push(method)
    if (scene.failures > 0) {
      scene.failures -= 1
      throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method })
    }
    const told = value()
    scene.onAnswer(method)
    return told
  }
  const chain = {
    epochInfo: () => answer('epochInfo', () => ({ releaseBlock: scene.releaseBlock as BlockNumber, timestamp: 0, end: 0 as BlockNumber })),
    isEpochEnded: () => answer('isEpochEnded', () => scene.isEnded),
    snapshotStatus: () => answer('snapshotStatus', () => scene.status),
    projectFirstEpochId: () => answer('projectFirstEpochId', () => scene.firstEpochId as EpochId),
  } as unknown as AnchorChain
  const ipfs = {
    async get(cid: Cid, limits: Parameters<Ipfs['get']>[1]) {
      scene.gets.push(limits)
      await answer(`get ${cid}`, () => undefined)
      return new TextEncoder().encode(scene.bytes)
    },
  } as unknown as Ipfs
  const cache = options.cache ?? createHistoryCache()
  const history = createHistory(9 as EpochId, options.signal ?? new AbortController().signal, {
    chain,
    ipfs,
    market,
    cache,
    clock,
    random: createSeededRandom(1),
    report: () => undefined,
    head: () => ({ number: scene.head, hash: `0x${scene.head}` as Hash }) as BlockRef,
    news: (epochId, atBlock) => {
      scene.waits.push({ epochId, atBlock })
      return new Promise((resolve) => {
        scene.wake = resolve
      })
    },
  })
  /** The value, or `waiting` when only news could bring it. */
  const now = async <Value>(work: Promise<Value>): Promise<Value | 'waiting'> => {
    let outcome: { readonly value: Value } | { readonly failure: unknown } | undefined
    work.then(
      (value) => {
        outcome = { value }
      },
      (failure: unknown) => {
        outcome = { failure }
      },
    )
    await clock.advance(60_000)
    if (outcome === undefined) return 'waiting'
    if ('failure' in outcome) throw outcome.failure
    return outcome.value
  }
  return { scene, history, cache, now, clock }
}
const finalized: SnapshotStatus = { status: 'finalized', snapshotCid: 'cid-1' }
const pending: SnapshotStatus = { status: 'pending', snapshotCid: 'cid-1' }

describe('N5: an earlier epoch', () => {
  test.each<[string, Partial<Scene>, unknown]>([
    ['that is finalized has its data', { status: finalized }, 7n],
    ['that is finalized has its data also after all windows', { status: finalized, head: 999 }, 7n],
    ['that does not exist has none', { releaseBlock: 0 }, undefined],
    ['that has no batch yet is waited for', {}, 'waiting'],
    ['that ended without the project has none', { isEnded: true }, undefined],
    ['whose last block for batches is the head may still get one', { head: BATCHES_UNTIL }, 'waiting'],
    ['that can get no batch any more has none', { head: BATCHES_UNTIL + 1 }, undefined],
    ['that is anchored and not attested is waited for', { status: pending }, 'waiting'],
    ['that is anchored and ended and not attested is waited for', { status: pending, isEnded: true }, 'waiting'],
    ['that is anchored is waited for when no more batches are taken', { status: pending, head: BATCHES_UNTIL + 1 }, 'waiting'],
    ['whose last block for attestations is the head is waited for', { status: pending, head: ATTESTATIONS_UNTIL }, 'waiting'],
    ['that can get no attestation any more has none', { status: pending, head: ATTESTATIONS_UNTIL + 1 }, undefined],
  ])('%s', async (_title, change, expected) => {
    const { history, now } = createScene(change)
    expect(await now(history.snapshot(PROJECT, 8))).toBe(expected)
  })

  test.each<[string, Partial<Scene>, number]>([
    ['without a batch, until no batch is taken any more', {}, BATCHES_UNTIL + 1],
    ['with a batch, until no attestation counts any more', { status: pending }, ATTESTATIONS_UNTIL + 1],
  ])('%s, is what is waited for', async (_title, change, atBlock) => {
    const { scene, history, now } = createScene(change)
    expect(await now(history.snapshot(PROJECT, 8))).toBe('waiting')
    expect(scene.waits).toEqual([{ epochId: 8, atBlock }])
  })

  test('is looked at again at each piece of news', async () => {
    const { scene, history, now } = createScene()
    const snapshot = history.snapshot(PROJECT, 8)
    expect(await now(snapshot)).toBe('waiting')
    scene.status = pending
    scene.wake()
    expect(await now(snapshot)).toBe('waiting')
    scene.status = finalized
    scene.wake()
    expect(await now(snapshot)).toBe(7n)
  })

  test('that is anchored and ended between two questions is not taken for empty', async () => {
    const { history, now, scene } = createScene({
      onAnswer() {
        if (scene.asked.length < 2) return
        scene.isEnded = true
        scene.status = finalized
      },
    })
    expect(await now(history.snapshot(PROJECT, 8))).toBe(7n)
  })

  test('whose news came while the chain was asked is asked again at once', async () => {
    const { history, now, scene } = createScene({
      onAnswer(method) {
        if (method !== 'snapshotStatus' || scene.head === 21) return
        scene.head = 21
        scene.status = finalized
      },
    })
    expect(await now(history.snapshot(PROJECT, 8))).toBe(7n)
    expect(scene.waits).toEqual([])
  })

  test('is never the present one or a later one', async () => {
    const { history, scene } = createScene({ status: finalized })
    await expect(history.snapshot(PROJECT, 9)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
    await expect(history.snapshot(PROJECT, 10)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
    expect(scene.asked).toEqual([])
  })

  test('is asked for as long as the endpoint and IPFS fail, within limits per attempt', async () => {
    const stop = new AbortController()
    const { history, scene, clock } = createScene({ status: finalized, failures: 20 }, { signal: stop.signal })
    const snapshot = history.snapshot(PROJECT, 8)
    await clock.advance(300_000)
    expect(await snapshot).toBe(7n)
    scene.failures = 20
    const other = history.snapshot('base:0xbb:TEST', 8)
    await clock.advance(300_000)
    expect(await other).toBe(7n)
    expect(scene.gets[0]).toMatchObject({ bytesMax: JSON_BYTES_MAX, timeoutMs: 10_000, signal: stop.signal })
  })

  test('that is no JSON fails those who ask', async () => {
    const { history, now } = createScene({ status: finalized, bytes: '{' })
    await expect(now(history.snapshot(PROJECT, 8))).rejects.toMatchObject({ code: 'JSON_MALFORMED' })
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

describe('what is decided', () => {
  test('is asked once, by however many at once, and once for all later epochs', async () => {
    const cache = createHistoryCache()
    const { history, now, scene } = createScene({ status: finalized }, { cache })
    expect(await now(Promise.all([history.snapshot(PROJECT, 8), history.snapshot(PROJECT, 8)]))).toEqual([7n, 7n])
    expect(scene.gets).toHaveLength(1)
    const later = createScene({ status: finalized }, { cache })
    expect(await later.now(later.history.snapshot(PROJECT, 8))).toBe(7n)
    expect(later.scene.asked).toEqual([])
  })

  test('is remembered also when it is nothing', async () => {
    const cache = createHistoryCache()
    const { history, now, scene } = createScene({ isEnded: true }, { cache })
    expect(await now(history.snapshot(PROJECT, 8))).toBeUndefined()
    scene.asked.length = 0
    expect(await now(history.snapshot(PROJECT, 8))).toBeUndefined()
    expect(scene.asked).toEqual([])
  })

  test('belongs to its project and epoch', async () => {
    const { history, now, scene } = createScene({ status: finalized })
    expect(await now(history.snapshot(PROJECT, 8))).toBe(7n)
    scene.bytes = '8'
    expect(await now(history.snapshot(PROJECT, 7))).toBe(8n)
    scene.bytes = '9'
    expect(await now(history.snapshot('base:0xbb:TEST', 8))).toBe(9n)
  })

  test('a failure is not remembered', async () => {
    const { history, now, scene } = createScene({ status: finalized, bytes: '{' })
    await expect(now(history.snapshot(PROJECT, 8))).rejects.toMatchObject({ code: 'JSON_MALFORMED' })
    scene.bytes = '7'
    expect(await now(history.snapshot(PROJECT, 8))).toBe(7n)
  })

  test.each<[string, Partial<Scene>, Partial<Scene>]>([
    ['data', { status: finalized }, { status: { status: 'finalized', snapshotCid: 'cid-2' }, bytes: '8' }],
    ['nothing', { isEnded: true }, { isEnded: false, status: { status: 'finalized', snapshotCid: 'cid-2' }, bytes: '8' }],
  ])('G2: on a chain that is rewritten meanwhile is decided anew: %s', async (_title, before, after) => {
    const cache = createHistoryCache()
    const { history, now, scene } = createScene(
      {
        ...before,
        onAnswer(method) {
          if (method !== (before.isEnded ? 'snapshotStatus' : 'get cid-1')) return
          scene.onAnswer = () => undefined
          Object.assign(scene, after)
          cache.clear()
        },
      },
      { cache },
    )
    expect(await now(history.snapshot(PROJECT, 8))).toBe(8n)
    expect(await now(history.snapshot(PROJECT, 8))).toBe(8n)
  })
})

describe("N5: a project's first epoch", () => {
  test.each<[string, Partial<Scene>, unknown]>([
    ['is what the chain says', { firstEpochId: 3 }, 3],
    ['is the one before, if that', { firstEpochId: 8 }, 8],
    ['is none while there is nothing, once the epoch before is decided', { isEnded: true }, undefined],
    ['is unknown until the epoch before is decided', {}, 'waiting'],
    ['is never the present one', { firstEpochId: 9, isEnded: true }, undefined],
    ['is never a later one', { firstEpochId: 12, isEnded: true }, undefined],
  ])('%s', async (_title, change, expected) => {
    const { history, now } = createScene(change)
    expect(await now(history.firstEpochId(PROJECT))).toBe(expected)
  })

  test('is asked again after the epoch before was decided', async () => {
    const { history, now, scene } = createScene()
    const first = history.firstEpochId(PROJECT)
    expect(await now(first)).toBe('waiting')
    expect(scene.waits[0]?.epochId).toBe(8)
    Object.assign(scene, { status: finalized, firstEpochId: 8 })
    scene.wake()
    expect(await now(first)).toBe(8)
  })
})

describe('the cache', () => {
  const sizeOf = (bytes: number) => bytes + 128
  const held = (cache: HistoryCache, keys: string) => [...keys].filter((key) => cache.get(key) !== undefined).join('')

  test('holds as much as it may, entries without data included', () => {
    const cache = createHistoryCache(3 * sizeOf(0))
    for (const key of 'abcd') cache.set(key, undefined, 0)
    expect(held(cache, 'abcd')).toBe('bcd')
  })

  test('counts an entry that is written again once', () => {
    const cache = createHistoryCache(2 * sizeOf(100))
    for (const key of 'aaaab') cache.set(key, key, 100)
    expect(held(cache, 'ab')).toBe('ab')
  })

  test('drops as many as it must, and no more', () => {
    const cache = createHistoryCache(3 * sizeOf(100))
    for (const key of 'abc') cache.set(key, key, 100)
    cache.set('d', 'd', 100 + 128 + 100)
    expect(held(cache, 'abcd')).toBe('cd')
    cache.set('e', 'e', 100)
    expect(held(cache, 'abcde')).toBe('de')
  })

  test('an entry larger than all is not kept', () => {
    const cache = createHistoryCache(sizeOf(100))
    cache.set('a', 'a', 101)
    expect(held(cache, 'a')).toBe('')
    cache.set('b', 'b', 100)
    expect(held(cache, 'b')).toBe('b')
  })

  test('is empty after it was cleared, and holds as much again', () => {
    const cache = createHistoryCache(2 * sizeOf(100))
    for (const key of 'ab') cache.set(key, key, 100)
    cache.clear()
    expect(held(cache, 'ab')).toBe('')
    for (const key of 'cd') cache.set(key, key, 100)
    expect(held(cache, 'cd')).toBe('cd')
  })
})
