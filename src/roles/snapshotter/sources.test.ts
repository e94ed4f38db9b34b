import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { Earlier, EpochHistory } from './history.ts'
import { useHistory } from './sources.ts'

const PROJECT = 'base:TEST' as ProjectId

/** A history in which some epochs are our own, some are nothing, and some never come. */
function historyOf(change: { readonly own?: readonly number[]; readonly none?: readonly number[]; readonly never?: readonly number[] }) {
  const { own = [], none = [], never = [] } = change
  const history: EpochHistory = {
    releaseBlock: 20 as BlockNumber,
    firstEpochId: async () => 1 as EpochId,
    async snapshot(projectId, epochId): Promise<Earlier | undefined> {
      if (never.includes(epochId)) return new Promise(() => undefined)
      if (none.includes(epochId)) return undefined
      const snapshotCid = `cid-${epochId}` as Cid
      return {
        snapshot: BigInt(epochId),
        source: { projectId: projectId as ProjectId, epochId: epochId as EpochId, snapshotCid, isOwn: own.includes(epochId) },
      }
    },
    // The first two are remembered, the others read.
    async series({ projectId, from, before }, read) {
      for (let epochId = from + 2; epochId < before; epochId += 1) await read(projectId, epochId)
      return { columns: [], isWhole: true, remembered: 2 }
    },
    waitsFor: (_, epochId) => (epochId === 7 ? 'not decided' : undefined),
  }
  return useHistory(history)
}
const read = async (used: ReturnType<typeof useHistory>, ...epochIds: readonly number[]) => {
  for (const epochId of epochIds) await used.history.snapshot(PROJECT, epochId)
}
const named = (used: ReturnType<typeof useHistory>) =>
  used.builtOn()?.sources.map(({ epochId, isOwn }) => (isOwn ? `own ${epochId}` : epochId))

describe('N5: what an aggregate was built on', () => {
  test('is what it was given: our own first, each newest first, with the block as of which it was asked', async () => {
    const used = historyOf({ own: [2, 4], none: [3] })
    expect(await used.history.snapshot(PROJECT, 1)).toBe(1n)
    expect(await used.history.snapshot(PROJECT, 3)).toBeUndefined()
    await read(used, 2, 4, 5)
    expect(named(used)).toEqual(['own 4', 'own 2', 5, 1])
    expect(used.builtOn()).toMatchObject({ asOf: 20, count: 4 })
    expect(used.builtOn()?.sources[0]).toEqual({ projectId: PROJECT, epochId: 4, snapshotCid: 'cid-4', isOwn: true })
  })

  test('is nothing where nothing was given', async () => {
    const used = historyOf({ none: [1] })
    await read(used, 1)
    expect(used.builtOn()).toBeUndefined()
  })

  test('is counted once, however often it is asked for', async () => {
    const used = historyOf({})
    await read(used, 1, 1)
    expect(used.builtOn()).toMatchObject({ count: 1, sources: [{ epochId: 1 }] })
  })

  test('counts what nobody had to read, once for a range', async () => {
    const used = historyOf({})
    const range = { projectId: PROJECT, from: 1, before: 6, fields: ['volume'] }
    for (const _ of [1, 2]) await used.history.series(range)
    expect(named(used)).toEqual([5, 4, 3])
    expect(used.builtOn()?.count).toBe(5)
  })

  test('is named up to 128, our own and the newest, and counted beyond', async () => {
    const used = historyOf({ own: [1, 2] })
    await read(used, ...Array.from({ length: 300 }, (_, index) => index + 1))
    expect(used.builtOn()?.count).toBe(300)
    expect(named(used)).toEqual(['own 2', 'own 1', ...Array.from({ length: 126 }, (_, index) => 300 - index)])
  })
})

describe('N14: what an aggregate waited for in vain', () => {
  test('is the epoch that never came and of which it is known why', async () => {
    const used = historyOf({ never: [6, 7] })
    expect(used.missing()).toBeUndefined()
    void used.history.snapshot(PROJECT, 6)
    expect(used.missing()).toBeUndefined()
    void used.history.snapshot(PROJECT, 7)
    expect(used.missing()).toBeInstanceOf(WeftError)
    expect(used.missing()).toMatchObject({ code: 'HISTORY_MISSING', facts: { projectId: PROJECT, epochId: 7, detail: 'not decided' } })
  })

  test('is nothing that came', async () => {
    const used = historyOf({})
    await read(used, 7)
    expect(used.missing()).toBeUndefined()
  })
})
