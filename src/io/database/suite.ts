import { afterEach, describe, expect, test } from 'vitest'
import type { BlockRef, ChainStep } from '#domain/chain-step.ts'
import { type BlockNumber, byCodeUnit, type Cid, type ProjectId } from '#domain/ids.ts'
import { cid, content, createChain, epoch, MARKET, numberOf, project, slot, type Told, validator } from './chain.test-world.ts'
import { type Change, type IndexDatabase, KNOWN_BLOCKS_MAX } from './port.ts'

export interface DatabaseStage {
  /** A place that holds nothing yet. */
  fresh(): Promise<string>
  /** Opens what is there; several may be open. */
  open(place: string, market?: string): Promise<IndexDatabase>
  /** What is closed is gone. */
  readonly isLost?: true
}

/** What every index database keeps. */
export function databaseSuite(name: string, stage: DatabaseStage): void {
  describe(`index database: ${name}`, () => {
    const opened: IndexDatabase[] = []
    const open = async (place: string, market?: string) => {
      const database = await stage.open(place, market)
      opened.push(database)
      return database
    }
    const fresh = async () => {
      const database = await open(await stage.fresh())
      expect(await database.lead()).toBe(true)
      return database
    }
    afterEach(async () => {
      for (const database of opened.splice(0)) await database.close()
    })

    /** One epoch with one batch of projects A and B, read, attested and final. */
    async function settled(database: IndexDatabase, chain = createChain()) {
      await database.apply([
        chain.block(['EpochReleased', 1], ['DayStartedEvent', 1]),
        chain.block(['SnapshotBatchSubmitted', 1, 'batch1']),
      ])
      await database.putBatch(await numberOf(database, 'batch1'), content({ A: 'a1', B: 'b1' }))
      await database.putSnapshots([{ snapshotCid: cid('a1'), state: 'here', text: '{"value":1}' }])
      await database.apply([
        chain.block(['BatchSubmissionsCompleted', 1]),
        chain.block(['SnapshotBatchAttestationSubmitted', 1, 'batch1', '1']),
        chain.block(['SnapshotBatchAttestationSubmitted', 1, 'batch1', '2'], ['SnapshotBatchFinalized', 1, 'batch1']),
        chain.block(['SnapshotBatchAttestationSubmitted', 1, 'batch1', '3'], ['DelayedAttestationSubmitted', 1, 'batch1', '3']),
      ])
      return chain
    }
    const values = (projectName: string, more: object = {}) =>
      ({ projectId: project(projectName), order: 'ascending', limit: 10, ...more }) as const

    test('an epoch, its batch, its points and its votes are told as the chain and the file say', async () => {
      const database = await fresh()
      await settled(database)
      expect(await database.epoch(epoch(1))).toEqual({
        epochId: 1,
        begin: 10,
        end: 19,
        day: 1,
        releasedBlock: 100,
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
      for (const { batchNo, batchCid } of await database.wantedBatches(0, 100))
        await database.putBatch(batchNo, content(FILES[batchCid] ?? {}))
    }

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

    test('old epochs are let go of with all that is theirs', async () => {
      const database = await fresh()
      const chain = await settled(database)
      await database.apply([chain.block(['EpochReleased', 2], ['SnapshotBatchSubmitted', 2, 'batch2'])])
      await database.putBatch(await numberOf(database, 'batch2'), content({ A: 'a2', B: 'b1' }))
      expect(await database.forgetBefore(epoch(2), 10)).toBe(1)
      expect(await database.forgetBefore(epoch(2), 10)).toBe(0)
      expect(await database.bounds()).toMatchObject({ oldestEpochId: 2, newestEpochId: 2, indexed: { block: chain.head?.number } })
      expect([await database.epoch(epoch(1)), await database.batch(cid('batch1'))]).toEqual([undefined, undefined])
      expect((await database.wantedSnapshots(0, 10)).map(({ snapshotCid }) => snapshotCid)).toEqual([cid('b1'), cid('a2')])
      expect(await database.project(project('A'))).toMatchObject({ firstEpochId: 2 })
      expect((await database.epochPoints({ epochId: epoch(2), limit: 10 })).map(({ projectId }) => projectId)).toEqual([
        project('A'),
        project('B'),
      ])
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

    const several = stage.isLost === true ? [] : [stage]
    test.each(several)('A4: of several that have it open one leads, and another does when that is gone', async () => {
      const place = await stage.fresh()
      const [first, second] = [await open(place), await open(place)]
      expect([await first.lead(), await second.lead(), await first.lead()]).toEqual([true, false, true])
      const chain = await settled(first)
      await expect(second.apply([chain.block()])).rejects.toMatchObject({ code: 'DATABASE_NOT_LED' })
      expect(await second.points(values('A'))).toHaveLength(1)
      await first.close()
      expect(await second.lead()).toBe(true)
      chain.rollback((await second.knownBlocks()).at(-1) as BlockRef)
      await second.apply([chain.block(['EpochReleased', 2])])
      expect((await second.bounds()).newestEpochId).toBe(2)
    })

    test.each(several)('a database of another market is refused', async () => {
      const place = await stage.fresh()
      await open(place)
      await expect(stage.open(place, 'another')).rejects.toMatchObject({
        code: 'DATABASE_OF_ANOTHER',
        facts: { expected: 'another', got: MARKET },
      })
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
  })
}
