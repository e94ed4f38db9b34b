import { afterEach, expect } from 'vitest'
import { cid, content, createChain, numberOf, project } from './chain.test-world.ts'
import type { IndexDatabase } from './port.ts'

/** An engine, and what all suites of index databases begin with. */

export interface DatabaseStage {
  /** A place that holds nothing yet. */
  fresh(): Promise<string>
  /** Opens what is there; several may be open. */
  open(place: string, market?: string): Promise<IndexDatabase>
  /** What is closed is gone. */
  readonly isLost?: true
}

export interface Opener {
  open(place: string, market?: string): Promise<IndexDatabase>
  /** One that holds nothing, and leads. */
  fresh(): Promise<IndexDatabase>
}

/** What is opened is closed after each test. */
export function openerOf(stage: DatabaseStage): Opener {
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
  return { open, fresh }
}

/** One epoch with one batch of projects A and B, read, attested and final. */
export async function settled(database: IndexDatabase, chain = createChain()) {
  await database.apply([chain.block(['EpochReleased', 1], ['DayStartedEvent', 1]), chain.block(['SnapshotBatchSubmitted', 1, 'batch1'])])
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

export const values = (projectName: string, more: object = {}) =>
  ({ projectId: project(projectName), order: 'ascending', limit: 10, ...more }) as const
