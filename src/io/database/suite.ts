import { afterEach, describe, expect, test } from 'vitest'
import { content, createChain, cid, epoch, numberOf, project, slot, validator } from './chain.test-world.ts'
import { CHANGES_MAX, type IndexDatabase } from './port.ts'

export const MARKET = '31337/0xprotocol/0xmarket'

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
      const batchNo = await numberOf(database, 'batch1')
      const lost = (position: number, of: string) => ({ batchNo, batchCid: cid('batch1'), position, slotId: 3, projectId: project(of) })
      expect(await database.outvoted({ epochId: epoch(1), limit: 10 })).toEqual([lost(2, 'A'), lost(5, 'B')])
      expect(await database.outvoted({ epochId: epoch(1), after: { batchNo, position: 2 }, limit: 10 })).toEqual([lost(5, 'B')])
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
  })
}
