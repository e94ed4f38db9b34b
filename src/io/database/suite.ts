import { describe, expect, test } from 'vitest'
import type { BlockRef } from '#domain/chain-step.ts'
import { cid, content, epoch, MARKET, numberOf, project } from './chain.test-world.ts'
import { type DatabaseStage, openerOf, settled, values } from './stage.test-world.ts'
import { chainSuite } from './suite/chain.ts'
import { contentSuite } from './suite/content.ts'
import { readsSuite } from './suite/reads.ts'

/** What every index database keeps. */
export function databaseSuite(name: string, stage: DatabaseStage): void {
  describe(`index database: ${name}`, () => {
    const opener = openerOf(stage)
    const { open, fresh } = opener
    chainSuite(opener)
    contentSuite(opener)
    readsSuite(opener)

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
  })
}
