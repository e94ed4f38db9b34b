import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type JsonValue, type Series, seriesInWindow, withSeries } from '#domain/compute.ts'
import type { BlockNumber, Cid, EpochId, ProjectId } from '#domain/ids.ts'
import { createHistoryCache } from './history-cache.ts'
import type { Earlier } from './history.ts'
import { createSeries } from './series.ts'

const PROJECT = 'base:TEST' as ProjectId
/** The last is made of a member that another one is, too. */
const FIELDS = ['volume', 'inner.count', { name: 'twice the volume', member: 'volume', of: twice }] as const

function twice(volume: JsonValue): JsonValue {
  return typeof volume === 'number' ? 2 * volume : volume
}

/** What an epoch has, and the block from which on that is decided; before it our own stands for it, or nothing. */
interface Epoch {
  readonly decidedIn: number
  readonly final: JsonValue | undefined
  readonly own: JsonValue | undefined
  /** Finalized, and nobody serves it. */
  readonly isUnserved: boolean
}

/** Epochs 1 to n, each released in the block of its number, read as `createHistory` reads them: decisions go to the cache. */
function createWorld(epochs: readonly Epoch[], cache = createHistoryCache()) {
  const reads: number[] = []
  const snapshotAsOf =
    (present: number) =>
    async (projectId: string, epochId: number): Promise<Earlier | undefined> => {
      reads.push(epochId)
      const epoch = epochs[epochId - 1] as Epoch
      const isDecided = epoch.decidedIn <= present
      const key = `${epochId} ${projectId}`
      const finalCid = epoch.final === undefined ? undefined : (`final ${epochId}` as Cid)
      if (isDecided) cache.setDecision(key, finalCid, present as BlockNumber)
      const isOwn = !isDecided || (epoch.isUnserved && epoch.own !== undefined)
      const snapshot = isOwn ? epoch.own : epoch.final
      if (snapshot === undefined) return undefined
      const snapshotCid = isOwn ? (`own ${epochId}` as Cid) : (finalCid as Cid)
      return { snapshot, source: { projectId: projectId as ProjectId, epochId: epochId as EpochId, snapshotCid, isOwn } }
    }
  return {
    cache,
    reads,
    /** As the aggregates of the epoch see the epochs before it. */
    at(present: number) {
      const read = snapshotAsOf(present)
      const series = createSeries({ releaseBlock: present as BlockNumber, cache, onRead: () => undefined })
      const [firstEpochId, snapshot] = [
        async () => 1,
        async (projectId: string, epochId: number) => (await read(projectId, epochId))?.snapshot,
      ]
      return {
        remembering: { firstEpochId, series: (range: Parameters<typeof series>[0]) => series(range, read) },
        fromScratch: withSeries({ firstEpochId, snapshot }),
      }
    },
  }
}

const snapshotOf = (volume: JsonValue): JsonValue => ({ volume, inner: { count: 7n }, other: 'x' })
const plain = (volume: JsonValue, decidedIn: number): Epoch => ({
  decidedIn,
  final: snapshotOf(volume),
  own: snapshotOf(volume),
  isUnserved: false,
})
const flat = ({ columns, isWhole }: Series) => ({ columns: columns.map((column) => column.flat()), isWhole })
const windowOf = (epochId: number, windowEpochs: number) => ({ projectId: PROJECT, epochId, windowEpochs, fields: FIELDS })

describe('N18: a window that is remembered', () => {
  const value = fc.oneof(fc.double(), fc.bigInt(), fc.constantFrom<JsonValue>(null, true, 'text', 't'.repeat(65), [1n], { b: 1n, a: 0.5 }))
  const epoch = fc.record({
    decidedIn: fc.nat(400),
    final: fc.option(value.map(snapshotOf), { nil: undefined }),
    own: fc.option(value.map(snapshotOf), { nil: undefined }),
    isUnserved: fc.boolean(),
  })
  interface Step {
    readonly present: number
    readonly windowEpochs: number
    readonly isUndone: boolean
  }
  async function expectSame(epochs: readonly Epoch[], steps: readonly Step[], bytesMax: number): Promise<void> {
    const world = createWorld(epochs, createHistoryCache(bytesMax, bytesMax))
    for (const { present, windowEpochs, isUndone } of steps) {
      if (isUndone) world.cache.clear()
      const { remembering, fromScratch } = world.at(present)
      const remembered = await seriesInWindow(remembering, windowOf(present, windowEpochs))
      expect(flat(remembered)).toEqual(flat(await seriesInWindow(fromScratch, windowOf(present, windowEpochs))))
    }
  }

  test('gives what reading every snapshot anew gives, bit by bit, whatever is decided when, undone or let go', async () => {
    const step = fc.record({ present: fc.integer({ min: 2, max: 300 }), windowEpochs: fc.nat(320), isUndone: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(epoch, { minLength: 300, maxLength: 300 }),
        fc.array(step, { minLength: 2, maxLength: 6 }),
        fc.constantFrom(2 ** 12, 2 ** 17, 2 ** 27),
        expectSame,
      ),
      { numRuns: 60 },
    )
  })

  test('gives the same where it is long, and lists are handed out as they are kept', async () => {
    const step = fc.record({
      present: fc.integer({ min: 2_400, max: 2_500 }),
      windowEpochs: fc.nat(2_500),
      isUndone: fc.constant<boolean>(false),
    })
    const long = fc.record({ seed: fc.double({ noNaN: true }), others: fc.array(fc.tuple(fc.nat(2_200), epoch), { maxLength: 3 }) })
    await fc.assert(
      fc.asyncProperty(long, fc.array(step, { minLength: 3, maxLength: 4 }), async ({ seed, others }, steps) => {
        const epochs = Array.from({ length: 2_500 }, (_, index) => plain(seed / (index + 1), index + 10))
        for (const [index, other] of others) epochs[index] = other
        await expectSame(epochs, steps, 2 ** 27)
      }),
      {
        numRuns: 10,
        examples: [
          [
            { seed: 1.1, others: [[500, { decidedIn: 1, final: undefined, own: undefined, isUnserved: false }]] },
            [2_400, 2_401, 2_402].map((present) => ({ present, windowEpochs: 2_399, isUndone: false })),
          ],
        ],
      },
    )
  })

  test('is read once: then an epoch costs the newest 128 and what is undecided, however long the window is', async () => {
    const epochs = Array.from({ length: 5_001 }, (_, index) => plain(index + 0.25, index === 99 ? 10_000 : index + 10))
    const { at, reads } = createWorld(epochs)
    await seriesInWindow(at(5_000).remembering, windowOf(5_000, 4_999))
    expect(reads).toHaveLength(4_999)
    reads.length = 0
    await seriesInWindow(at(5_001).remembering, windowOf(5_001, 4_999))
    expect(reads).toEqual([100, ...Array.from({ length: 128 }, (_, index) => 5_001 - 128 + index)])
  })

  test('is not known to an epoch that was released before it was decided', async () => {
    const { at, reads } = createWorld([plain(1, 150), ...Array.from({ length: 299 }, (_, index) => plain(2, index))])
    await seriesInWindow(at(300).remembering, windowOf(300, 299))
    reads.length = 0
    await seriesInWindow(at(140).remembering, windowOf(140, 139))
    expect(reads.filter((epochId) => epochId < 12)).toContain(1)
  })

  test('is forgotten with a reorganisation', async () => {
    const { at, cache, reads } = createWorld(Array.from({ length: 300 }, () => plain(2, 1)))
    await seriesInWindow(at(300).remembering, windowOf(300, 299))
    cache.clear()
    reads.length = 0
    await seriesInWindow(at(300).remembering, windowOf(300, 299))
    expect(reads).toHaveLength(299)
  })

  test('has what is made of a member, where another list of fields has the member', async () => {
    const { at } = createWorld(Array.from({ length: 300 }, () => plain(2, 1)))
    const field = { name: 'twice the volume', member: 'volume', of: twice }
    for (const [fields, value] of [
      [['volume'], 2],
      [[field], 4],
    ] as const) {
      const { columns } = await seriesInWindow(at(300).remembering, { ...windowOf(300, 299), fields })
      expect(new Set(columns[0]?.flat())).toEqual(new Set([value]))
    }
  })

  test('fails where a snapshot lacks a field, each time', async () => {
    const { at } = createWorld([
      { decidedIn: 1, final: { volume: 1 }, own: undefined, isUnserved: false },
      ...[1, 2].map(() => plain(1, 1)),
    ])
    for (const _ of [1, 2])
      await expect(seriesInWindow(at(3).remembering, windowOf(3, 2))).rejects.toThrow('the snapshot has no inner.count')
  })
})
