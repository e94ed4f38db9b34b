import { expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { cid, content, createChain, epoch, numberOf, project, type Told } from '../chain.test-world.ts'
import { type Opener, values } from '../stage.test-world.ts'

/** Files and snapshots: what comes late, odd, large or not at all. */

export function contentSuite({ fresh }: Opener): void {
  test('A3: texts of others that name nothing, or what a table would choke on, are left out and stall nothing', async () => {
    const database = await fresh()
    const chain = createChain()
    const odd = ['', 'a\u0000b', '\ud800', 'x'.repeat(10_000)]
    const events = odd.slice(1).map((name): Told => ['SnapshotBatchSubmitted', 1, name])
    await database.apply([chain.block(['EpochReleased', 1], ['SnapshotBatchSubmitted', 1, 'batch1'], ...events)])
    const entries = odd.map((name, index) => ({ projectId: project(`p${index}`), snapshotCid: `a${name}` as Cid }))
    const roots = { submissionsRoot: 'a\u0000b', cidsRoot: '\ud800' }
    await database.putBatch(await numberOf(database, 'batch1'), content({}, { entries: [...entries, ...entries], ...roots }))
    expect(await database.batch(cid('batch1'))).not.toHaveProperty('submissionsRoot')
    expect((await database.epochPoints({ epochId: epoch(1), limit: 100 })).map(({ projectId }) => projectId)).toEqual([project('p0')])
  })

  test('what cannot be had is tried again when its time has come, and a failure keeps what was known', async () => {
    const database = await fresh()
    const chain = createChain()
    await database.apply([chain.block(['EpochReleased', 1], ['SnapshotBatchSubmitted', 1, 'batch1'])])
    const [wanted] = await database.wantedBatches(0, 10)
    expect(wanted).toMatchObject({ epochId: 1, batchCid: cid('batch1'), submittedBlock: 100, attempts: 0 })
    const batchNo = wanted?.batchNo as number
    const listed = content({ A: 'a' }, { file: 'unavailable', nextTryMs: 5_000, slots: [], outvoted: [] })
    await database.putBatch(batchNo, listed)
    expect([await database.wantedBatches(4_999, 10), await database.wantedBatches(5_000, 10)]).toMatchObject([[], [{ attempts: 1 }]])
    expect(await database.batch(cid('batch1'))).toMatchObject({ file: 'unavailable', projects: 1 })
    expect(await database.wantedSnapshots(0, 10)).toEqual([{ snapshotCid: cid('a'), epochId: 1, attempts: 0 }])
    await database.putSnapshots([{ snapshotCid: cid('a'), state: 'unavailable', nextTryMs: 7_000 }])
    expect(await database.wantedSnapshots(6_999, 10)).toEqual([])
    expect(await database.summary()).toMatchObject({ unavailable: 1, unreadBatches: 1, points: 1 })
    expect(await database.points(values('A'))).toMatchObject([{ content: 'unavailable' }])
    await database.putSnapshots([{ snapshotCid: cid('a'), state: 'not_json' }])
    expect([await database.wantedSnapshots(10 ** 12, 10), (await database.points(values('A')))[0]?.content]).toEqual([[], 'not_json'])
    await database.putBatch(batchNo, { ...listed, entries: [], file: 'malformed', nextTryMs: undefined })
    expect(await database.points(values('A'))).toHaveLength(1)
    expect(await database.wantedBatches(10 ** 12, 10)).toEqual([])
  })

  test('a text comes back byte for byte, whatever its size', async () => {
    const database = await fresh()
    const chain = createChain()
    const numbers = Array.from({ length: 3_000 }, (_, index) => (index * 7_919) % 997)
    const texts = ['', '"\\u0000 é 😀"', JSON.stringify('a'.repeat(100_000)), JSON.stringify(numbers)]
    await database.apply([chain.block(['EpochReleased', 1], ['SnapshotBatchSubmitted', 1, 'batch1'])])
    await database.putBatch(
      await numberOf(database, 'batch1'),
      content(Object.fromEntries(texts.map((_, index) => [`p${index}`, `t${index}`]))),
    )
    await database.putSnapshots(texts.map((text, index) => ({ snapshotCid: cid(`t${index}`), state: 'here', text })))
    expect((await database.epochPoints({ epochId: epoch(1), limit: 10, text: true })).map(({ text }) => text)).toEqual(texts)
  })
}
