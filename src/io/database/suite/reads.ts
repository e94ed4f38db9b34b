import { expect, test } from 'vitest'
import { type BlockNumber, byCodeUnit, type ProjectId } from '#domain/ids.ts'
import { cid, content, createChain, epoch, numberOf, project, slot, type Told } from '../chain.test-world.ts'
import { type Opener, values } from '../stage.test-world.ts'

/** What is asked of it. */

export function readsSuite({ fresh }: Opener): void {
  test('an index that knows nothing says so', async () => {
    const database = await fresh()
    const bounds = { indexId: 'index', firstChange: 0, lastChange: 0 }
    expect(await database.bounds()).toEqual(bounds)
    expect(await database.summary()).toMatchObject({ ...bounds, epochs: 0, projects: 0, points: 0 })
    expect(await database.knownBlocks()).toEqual([])
    expect(await database.landmark(1_000 as BlockNumber)).toBeUndefined()
    expect([await database.project(project('A')), await database.epoch(epoch(1)), await database.batch('x')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test('points come by range, newest first, and final only', async () => {
    const database = await fresh()
    const chain = createChain()
    for (let id = 1; id <= 5; id += 1) {
      await database.apply([chain.block(['EpochReleased', id], ['SnapshotBatchSubmitted', id, `batch${id}`])])
      await database.putBatch(await numberOf(database, `batch${id}`), content({ A: `a${id}` }))
      if (id <= 3) await database.apply([chain.block(['SnapshotBatchFinalized', id, `batch${id}`])])
    }
    const ids = async (more: object) => (await database.points(values('A', more))).map(({ epochId }) => epochId)
    expect(await ids({})).toEqual([1, 2, 3, 4, 5])
    expect(await ids({ from: 2, to: 4 })).toEqual([2, 3, 4])
    expect(await ids({ from: 2, limit: 2 })).toEqual([2, 3])
    expect(await ids({ order: 'newest_first', limit: 2 })).toEqual([5, 4])
    expect(await ids({ order: 'newest_first', limit: 1, isFinalized: true })).toEqual([3])
    expect(await ids({ from: 6 })).toEqual([])
    expect(await database.project(project('A'))).toMatchObject({ firstEpochId: 1, lastEpochId: 5, lastFinalizedEpochId: 3 })
    expect((await database.epochs({ before: 4, limit: 2 })).map(({ epochId }) => epochId)).toEqual([3, 2])
  })

  test('projects are found by a part of their id, by type and by source, in any case', async () => {
    const database = await fresh()
    const chain = createChain()
    const ids = [
      'Pair:total:0xAb:ns',
      'Pair:total:0xcd:ns',
      'stats:ns',
      'pair:other:0xab:ns',
      'a_b:x:ns',
      'a%b:x:ns',
      "o'b:x:ns",
    ] as ProjectId[]
    await database.apply([chain.block(['EpochReleased', 1], ['SnapshotBatchSubmitted', 1, 'batch1'])])
    const entries = ids.map((projectId, index) => ({ projectId, snapshotCid: cid(String(index)) }))
    await database.putBatch(await numberOf(database, 'batch1'), content({}, { entries }))
    const found = async (query: object) => (await database.projects({ limit: 100, ...query })).map(({ projectId }) => projectId)
    expect(await found({})).toEqual(ids.toSorted(byCodeUnit))
    expect(await found({ search: '0xAB' })).toEqual(['Pair:total:0xAb:ns', 'pair:other:0xab:ns'])
    expect(await found({ search: 'a_b' })).toEqual(['a_b:x:ns'])
    expect(await found({ search: 'a%b' })).toEqual(['a%b:x:ns'])
    expect(await found({ search: "'" })).toEqual(["o'b:x:ns"])
    expect(await found({ search: '\\' })).toEqual([])
    expect(await found({ search: 'a\u0000' })).toEqual([])
    expect(await found({ search: '\u0000' })).toEqual([])
    expect(await found({ type: '\ud800', source: "'; DROP TABLE points; --" })).toEqual([])
    expect(await found({ type: 'PAIR:TOTAL', source: '0XCD' })).toEqual(['Pair:total:0xcd:ns'])
    expect(await found({ after: 'a%b:x:ns', limit: 2 })).toEqual(['a_b:x:ns', "o'b:x:ns"])
    const stats = { projectId: 'stats:ns', projectType: 'stats', namespace: 'ns', firstEpochId: 1, lastEpochId: 1 }
    expect(await database.project('stats:ns' as ProjectId)).toEqual(stats)
  })

  test('a slot has its streak, and what became of its votes of late', async () => {
    const database = await fresh()
    const chain = createChain()
    const ids = Array.from({ length: 131 }, (_, index) => index + 1)
    // What a sequencer never finished is held against no slot.
    const unfinished = 131
    const released = ids.flatMap((id): Told[] => [
      ['EpochReleased', id],
      ['SnapshotBatchSubmitted', id, `batch${id}`],
      ...(id === unfinished ? [] : [['BatchSubmissionsCompleted', id] as const]),
    ])
    await database.apply([chain.block(...released)])
    for (const { batchNo, epochId } of await database.wantedBatches(0, 200)) {
      const steady = { slotId: slot(1), votes: 2, winning: epochId === unfinished ? 0 : 2 }
      const late = { slotId: slot(2), votes: 2, winning: epochId === 90 ? 1 : 2 }
      const slots = epochId === 80 ? [steady] : [steady, late]
      await database.putBatch(batchNo, content({ A: `a${epochId}` }, { slots, outvoted: [] }))
    }
    expect(await database.slots([slot(1), slot(2), slot(9)])).toEqual([
      { slotId: 1, lastEpochId: 131, recent: { epochs: 100, voted: 100, votes: 200, winning: 200 }, streak: 100 },
      { slotId: 2, lastEpochId: 131, recent: { epochs: 100, voted: 99, votes: 198, winning: 197 }, streak: 40 },
      { slotId: 9, recent: { epochs: 100, voted: 0, votes: 0, winning: 0 }, streak: 0 },
    ])
    expect((await database.slotEpochs({ slotId: slot(2), before: 82, limit: 3 })).map(({ epochId }) => epochId)).toEqual([81, 79, 78])
  })

  test('an epoch of which a batch file is not read counts for no slot, though the chain lists its projects', async () => {
    const database = await fresh()
    const chain = createChain()
    const released = [1, 2, 3].flatMap((id): Told[] => [
      ['EpochReleased', id],
      ['SnapshotBatchSubmitted', id, `batch${id}`],
      ['BatchSubmissionsCompleted', id],
    ])
    await database.apply([chain.block(...released)])
    const put = async (id: number, more: object) =>
      database.putBatch(await numberOf(database, `batch${id}`), content({ A: `a${id}` }, more))
    const read = { slots: [{ slotId: slot(1), votes: 2, winning: 2 }], outvoted: [] }
    for (const id of [1, 3]) await put(id, read)
    const fared = async () => (await database.slots([slot(1)])).map(({ recent, streak }) => [recent.epochs, recent.voted, streak])
    expect(await fared()).toEqual([[2, 2, 2]])
    await put(2, { file: 'unavailable', nextTryMs: 5_000, slots: [], outvoted: [] })
    expect(await fared()).toEqual([[2, 2, 2]])
    await put(2, { slots: [], outvoted: [] })
    expect(await fared()).toEqual([[3, 2, 1]])
    // What another batch stands for counts nowhere, read or not.
    await database.apply([chain.block(['SnapshotBatchSubmitted', 1, 'other'], ['TriggerBatchResubmission', 1, 'other'])])
    expect(await fared()).toEqual([[3, 2, 1]])
  })
}
