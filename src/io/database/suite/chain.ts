import { expect, test } from 'vitest'
import type { BlockRef, ChainStep } from '#domain/chain-step.ts'
import type { BlockNumber } from '#domain/ids.ts'
import { cid, content, createChain, epoch, numberOf, project, slot, type Told, validator } from '../chain.test-world.ts'
import { type Change, type IndexDatabase, KNOWN_BLOCKS_MAX } from '../port.ts'
import { type Opener, settled, values } from '../stage.test-world.ts'

/** What the chain says, and takes back, as an index database keeps it. */

/** Everything that can be read, without the numbers that rows have here. */
async function told(database: IndexDatabase): Promise<string> {
  const epochs = await database.epochs({ limit: 100 })
  const found = {
    epochs,
    batches: await Promise.all(epochs.map(({ epochId }) => database.batches({ epochId, limit: 100 }))),
    points: await Promise.all(epochs.map(({ epochId }) => database.epochPoints({ epochId, limit: 100 }))),
    outvoted: await Promise.all(epochs.map(({ epochId }) => database.outvoted({ epochId, limit: 100 }))),
    projects: await database.projects({ limit: 100 }),
    slots: await database.slots([slot(1), slot(2), slot(3)]),
    validators: await database.validators(100),
    known: await database.knownBlocks(),
  }
  return JSON.stringify(found, (key, value) => (key === 'batchNo' ? undefined : value))
}

/** Each block once more, as it was before a reorganisation. */
const UNDONE: readonly (readonly Told[])[] = [
  [
    ['EpochReleased', 1],
    ['DayStartedEvent', 1],
  ],
  [['SnapshotBatchSubmitted', 1, 'batch1']],
  [
    ['SnapshotBatchSubmitted', 1, 'batch2'],
    ['BatchSubmissionsCompleted', 1],
  ],
  [
    ['SnapshotBatchAttestationSubmitted', 1, 'batch1', '1'],
    ['SnapshotBatchFinalized', 1, 'batch1'],
  ],
  [
    ['EpochReleased', 2],
    ['TriggerBatchResubmission', 1, 'batch2'],
  ],
  [
    ['SnapshotBatchSubmitted', 1, 'batch3'],
    ['SnapshotBatchSubmitted', 2, 'batch1'],
  ],
  [
    ['SnapshotBatchSubmitted', 1, 'batch2'],
    ['SnapshotBatchFinalized', 1, 'batch3'],
  ],
  [
    ['SnapshotBatchFinalized', 2, 'batch1'],
    ['DayStartedEvent', 2],
    ['EpochReleased', 3],
    ['BatchSubmissionsCompleted', 2],
  ],
  [
    ['SnapshotBatchFinalized', 1, 'batch2'],
    ['DelayedAttestationSubmitted', 1, 'batch2', '1'],
  ],
]
const FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [cid('batch1')]: { A: 'a', B: 'b' },
  [cid('batch2')]: { C: 'c' },
  [cid('batch3')]: { C: 'c3', D: 'd' },
}
async function readFiles(database: IndexDatabase): Promise<void> {
  for (const { batchNo, batchCid } of await database.wantedBatches(0, 100)) await database.putBatch(batchNo, content(FILES[batchCid] ?? {}))
}

export function chainSuite({ fresh }: Opener): void {
  test('an epoch, its batch, its points and its votes are told as the chain and the file say', async () => {
    const database = await fresh()
    await settled(database)
    expect(await database.epoch(epoch(1))).toEqual({
      epochId: 1,
      begin: 10,
      end: 19,
      day: 1,
      releasedBlock: 100,
      releasedContractNumber: 100,
      releasedAt: 1000,
      endedBlock: 102,
      endedAt: 1020,
      finalizedAt: 1040,
      status: 'finalized',
      batches: 1,
      projects: 2,
      finalizedProjects: 2,
      submissions: 6,
      slots: 3,
      outvotedSlots: 1,
      unreadBatches: 0,
    })
    expect(await database.batches({ epochId: epoch(1), limit: 10 })).toEqual([
      {
        batchNo: expect.any(Number),
        batchCid: cid('batch1'),
        epochId: 1,
        index: 0,
        status: 'finalized',
        anchoring: 'projects',
        submittedBlock: 101,
        submittedAt: 1010,
        finalizedBlock: 104,
        finalizedAt: 1040,
        attestations: [
          { validator: validator('1'), block: 103, at: 1030, isLate: false },
          { validator: validator('2'), block: 104, at: 1040, isLate: false },
          { validator: validator('3'), block: 105, at: 1050, isLate: true },
        ],
        file: 'read',
        projects: 2,
        submissions: 6,
        bytes: 1_000,
        submissionsRoot: '0xsubmissions',
        cidsRoot: '0xcids',
      },
    ])
    const point = {
      projectId: project('A'),
      epochId: 1,
      status: 'finalized',
      begin: 10,
      end: 19,
      releasedAt: 1000,
      snapshotCid: cid('a1'),
      batchCid: cid('batch1'),
      finalizedBlock: 104,
      finalizedAt: 1040,
      votes: { winning: 2, total: 3 },
      content: 'here',
    }
    expect(await database.points(values('A'))).toEqual([point])
    expect(await database.points(values('A', { text: true }))).toEqual([{ ...point, text: '{"value":1}' }])
    expect(
      (await database.epochPoints({ epochId: epoch(1), limit: 10, text: true })).map((each) => [each.projectId, each.content, each.text]),
    ).toEqual([
      [project('A'), 'here', '{"value":1}'],
      [project('B'), 'waiting', undefined],
    ])
    const lost = (position: number, of: string) => ({ index: 0, batchCid: cid('batch1'), position, slotId: 3, projectId: project(of) })
    expect(await database.outvoted({ epochId: epoch(1), limit: 10 })).toEqual([lost(2, 'A'), lost(5, 'B')])
    expect(await database.outvoted({ epochId: epoch(1), after: { index: 0, position: 2 }, limit: 10 })).toEqual([lost(5, 'B')])
    expect(await database.validators(100)).toEqual(
      ['1', '2', '3'].map((digit, index) => ({
        validator: validator(digit),
        attested: 1,
        late: index === 2 ? 1 : 0,
        batches: 1,
        lastAt: 1030 + index * 10,
      })),
    )
  })

  test('A1: a rollback undoes exactly what the blocks above it did, whichever they are', async () => {
    const database = await fresh()
    const chain = createChain()
    const states: { readonly text: string; readonly head: BlockRef }[] = []
    for (const events of UNDONE) {
      await database.apply([chain.block(...events)])
      await readFiles(database)
      states.push({ text: await told(database), head: chain.head as BlockRef })
    }
    for (const [index, { text, head }] of states.entries()) {
      await database.apply([chain.rollback(head)])
      expect(await told(database), `back to ${index}`).toBe(text)
      for (const events of UNDONE.slice(index + 1)) {
        await database.apply([chain.block(...events)])
        await readFiles(database)
      }
      expect(await told(database), `from ${index} on again`).toBe(states.at(-1)?.text)
    }
  })

  test('A1: what is read of a batch that a reorganisation took away meanwhile goes nowhere, and nothing takes its number', async () => {
    const database = await fresh()
    const chain = createChain()
    await database.apply([chain.block(['EpochReleased', 1])])
    const head = chain.head as BlockRef
    await database.apply([chain.block(['SnapshotBatchSubmitted', 1, 'batch1'])])
    const gone = await numberOf(database, 'batch1')
    await database.apply([chain.rollback(head), chain.block(['SnapshotBatchSubmitted', 1, 'batch2'])])
    await database.putBatch(gone, content({ A: 'a' }))
    expect(await database.epochPoints({ epochId: epoch(1), limit: 10 })).toEqual([])
    expect(await numberOf(database, 'batch2')).toBeGreaterThan(gone)
  })

  test('a CID anchored in two epochs is a batch of each', async () => {
    const database = await fresh()
    const chain = await settled(database)
    await database.apply([chain.block(['EpochReleased', 2]), chain.block(['SnapshotBatchSubmitted', 2, 'batch1'])])
    await database.putBatch(await numberOf(database, 'batch1', 2), content({ A: 'a1' }))
    expect((await database.batch(cid('batch1')))?.epochId).toBe(2)
    expect(await database.batch(cid('batch1'), epoch(1))).toMatchObject({ status: 'finalized' })
    expect((await database.points(values('A'))).map((point) => [point.epochId, point.status])).toEqual([
      [1, 'finalized'],
      [2, 'pending'],
    ])
  })

  test('of a batch sent again in its epoch the later counts', async () => {
    const database = await fresh()
    const chain = createChain()
    const batch = content({ A: 'a' })
    await database.apply([chain.block(['EpochReleased', 1]), chain.block(['SnapshotBatchSubmitted', 1, 'batch1'])])
    await database.putBatch(await numberOf(database, 'batch1'), batch)
    await database.apply([chain.block(['TriggerBatchResubmission', 1, 'batch1']), chain.block(['SnapshotBatchSubmitted', 1, 'batch1'])])
    await database.putBatch(await numberOf(database, 'batch1'), batch)
    expect(await database.batch(cid('batch1'))).toMatchObject({ index: 1, status: 'pending' })
    await database.apply([chain.block(['SnapshotBatchFinalized', 1, 'batch1'], ['BatchSubmissionsCompleted', 1])])
    expect(await database.batch(cid('batch1'))).toMatchObject({ index: 1, status: 'finalized' })
    expect(await database.epoch(epoch(1))).toMatchObject({ status: 'finalized', batches: 1, submissions: 3, finalizedProjects: 1 })
    expect(await database.slotEpochs({ slotId: slot(3), limit: 10 })).toEqual([
      { epochId: 1, at: 1000, votes: 1, winning: 0, outvoted: [project('A')] },
    ])
  })

  test('a refuted batch is disputed until another has its projects', async () => {
    const database = await fresh()
    const chain = createChain()
    const status = async () => [
      (await database.points(values('A'))).map((point) => [point.status, point.snapshotCid]),
      (await database.epoch(epoch(1)))?.status,
    ]
    await database.apply([
      chain.block(['EpochReleased', 1]),
      chain.block(['SnapshotBatchSubmitted', 1, 'wrong'], ['BatchSubmissionsCompleted', 1]),
    ])
    await database.putBatch(await numberOf(database, 'wrong'), content({ A: 'bad' }))
    expect(await status()).toEqual([[['pending', cid('bad')]], 'pending'])
    await database.apply([chain.block(['TriggerBatchResubmission', 1, 'wrong'])])
    expect(await status()).toEqual([[['disputed', cid('bad')]], 'disputed'])
    await database.apply([chain.block(['SnapshotBatchSubmitted', 1, 'right'])])
    await database.putBatch(await numberOf(database, 'right'), content({ A: 'good' }))
    expect(await status()).toEqual([[['pending', cid('good')]], 'pending'])
    await database.apply([chain.block(['SnapshotBatchFinalized', 1, 'right'])])
    expect(await status()).toEqual([[['finalized', cid('good')]], 'finalized'])
  })

  test('A2: changes tell of everything that becomes known, in order, a reorganisation among them', async () => {
    const database = await fresh()
    const chain = await settled(database)
    const seen = await database.changes({ after: 0, limit: 100 })
    const points = (changes: readonly Change[]) =>
      changes.flatMap((change) => (change.kind === 'epoch' ? [] : [`${change.kind} ${change.projectId.split(':')[1]}`]))
    expect(points(seen)).toEqual(['point A', 'point B', 'point A', 'point B'])
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map(({ seq }) => seq).toSorted((left, right) => left - right))
    expect(seen.at(-1)?.seq).toBe((await database.bounds()).lastChange)
    const { lastChange: newest } = await database.bounds()
    await database.putSnapshots([{ snapshotCid: cid('b1'), state: 'here', text: '2' }])
    expect(await database.changes({ after: newest, limit: 100 })).toMatchObject([{ kind: 'point', projectId: project('B') }])
    const last = (await database.bounds()).lastChange
    const [first] = await database.knownBlocks()
    await database.apply([chain.rollback(first as BlockRef)])
    expect(points(await database.changes({ after: last, limit: 100 }))).toEqual(['undone A', 'undone B'])
  })

  test('A2: an epoch that is over by its window alone is told once, and so is one that a reorganisation opens again', async () => {
    const database = await fresh()
    const chain = createChain()
    const told = async (...steps: readonly ChainStep[]) => {
      const { lastChange } = await database.bounds()
      await database.apply(steps, { batchWindowBlocks: 2 })
      return (await database.changes({ after: lastChange, limit: 9 })).map(({ kind, epochId }) => [kind, epochId])
    }
    await database.apply([chain.block(['EpochReleased', 1]), chain.block(['EpochReleased', 2], ['BatchSubmissionsCompleted', 2])])
    expect(await told(chain.block())).toEqual([])
    const lastOpen = chain.head as BlockRef
    expect(await told(chain.block())).toEqual([['epoch', 1]])
    expect(await told(chain.block())).toEqual([])
    expect(await told(chain.rollback(lastOpen))).toEqual([['epoch', 1]])
    expect(await told(chain.block(), chain.block(), chain.block(['EpochReleased', 3]))).toEqual([
      ['epoch', 3],
      ['epoch', 1],
    ])
    expect(await told(chain.block(['BatchSubmissionsCompleted', 3]), chain.block(), chain.block())).toEqual([['epoch', 3]])
  })

  test('blocks that told something are remembered, of the others the newest', async () => {
    const database = await fresh()
    const chain = createChain()
    await database.apply([chain.block(['EpochReleased', 1])])
    await database.apply(Array.from({ length: KNOWN_BLOCKS_MAX + 50 }, () => chain.block()))
    const known = await database.knownBlocks()
    expect([known.length, known.at(-1)]).toEqual([KNOWN_BLOCKS_MAX, chain.head])
    expect(await database.landmark(140 as BlockNumber)).toEqual({ number: 100, hash: '0xblock100' })
  })

  test('what fails half-way leaves nothing', async () => {
    const database = await fresh()
    const chain = createChain()
    const step = chain.block(['EpochReleased', 1])
    await expect(database.apply([step, step])).rejects.toThrow()
    await database.lead()
    expect((await database.summary()).epochs).toBe(0)
    await database.apply([step])
    expect((await database.summary()).epochs).toBe(1)
  })
}
