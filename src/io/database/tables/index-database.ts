import { WeftError } from '#domain/errors.ts'
import type { BlockRef } from '#domain/chain-step.ts'
import type { Hash, BlockNumber } from '#domain/ids.ts'
import { type IndexDatabase, KNOWN_BLOCKS_MAX, SLOTS_MAX, type WantedBatch, type WantedSnapshot } from '#io/database/port.ts'
import { applySteps } from './chain.ts'
import { forgetBefore, putBatch, putSnapshots } from './content.ts'
import * as read from './read.ts'
import type { Engine, Row, Sql } from './sql.ts'
import * as votes from './votes.ts'

/** Of another form are the tables of another version. */
const FORM = '2'

const blockOf = (row: Row): BlockRef =>
  ({
    number: row['number'],
    contractNumber: row['contract_number'],
    hash: row['hash'],
    parentHash: row['parent_hash'],
    timestamp: row['timestamp'],
  }) as unknown as BlockRef

/** Says whose the tables are: of which market, in which form. Throws `DATABASE_OF_ANOTHER`. */
export async function claim(sql: Sql, { database, market, indexId }: { database: string; market: string; indexId: string }): Promise<void> {
  const wanted = { form: FORM, market }
  await sql.insert('meta', ['name', 'value'], [...Object.entries(wanted), ['index_id', indexId]], '(name) DO NOTHING')
  const found = new Map((await sql.rows('SELECT name, value FROM meta')).map((row) => [row['name'], row['value']]))
  for (const [name, expected] of Object.entries(wanted))
    if (found.get(name) !== expected) throw new WeftError('DATABASE_OF_ANOTHER', { database, expected, got: String(found.get(name)) })
}

/** The index on any engine. */
export function createIndexDatabase(engine: Engine): IndexDatabase {
  const { read: reading, look: looking, write: writing } = engine
  return {
    lead: engine.lead,
    close: engine.close,
    apply: (steps, windows) => writing((sql) => applySteps(sql, steps, windows)),
    putBatch: (batchNo, content) => writing((sql) => putBatch(sql, batchNo, content)),
    putSnapshots: (snapshots) => writing((sql) => putSnapshots(sql, snapshots)),
    forgetBefore: (oldest, limit) => writing((sql) => forgetBefore(sql, oldest, limit)),
    knownBlocks: () =>
      reading(async (sql) => {
        const rows = await sql.rows('SELECT * FROM blocks ORDER BY number DESC LIMIT ?', [KNOWN_BLOCKS_MAX])
        const blocks = rows.map(blockOf)
        const hole = blocks.findIndex((block, index) => index > 0 && block.number !== (blocks[index - 1] as BlockRef).number - 1)
        return (hole === -1 ? blocks : blocks.slice(0, hole)).toReversed()
      }),
    landmark: (atMost) =>
      reading(async (sql) => {
        const [row] = await sql.rows('SELECT number, hash FROM blocks WHERE number <= ? ORDER BY number DESC LIMIT 1', [atMost])
        return row && { number: row['number'] as BlockNumber, hash: row['hash'] as Hash }
      }),
    wantedBatches: (nowMs, limit) =>
      reading(async (sql) => {
        const rows = await sql.rows(
          `SELECT batch_no, epoch_id, batch_cid, submitted_block, attempts FROM batches WHERE next_try_ms <= ? ORDER BY next_try_ms, batch_no LIMIT ?`,
          [nowMs, limit],
        )
        return rows.map(
          (row) =>
            ({
              batchNo: row['batch_no'],
              epochId: row['epoch_id'],
              batchCid: row['batch_cid'],
              submittedBlock: row['submitted_block'],
              attempts: row['attempts'],
            }) as unknown as WantedBatch,
        )
      }),
    wantedSnapshots: (nowMs, limit) =>
      reading(async (sql) => {
        const rows = await sql.rows(
          'SELECT cid, epoch_id, attempts FROM contents WHERE next_try_ms <= ? ORDER BY next_try_ms, content_no LIMIT ?',
          [nowMs, limit],
        )
        return rows.map(
          (row) => ({ snapshotCid: row['cid'], epochId: row['epoch_id'], attempts: row['attempts'] }) as unknown as WantedSnapshot,
        )
      }),
    bounds: () => looking(read.bounds),
    summary: async () => ({ ...(await reading(read.summary)), bytes: await engine.size() }),
    projects: (query) => reading((sql) => read.projects(sql, query)),
    project: (projectId) => reading((sql) => read.project(sql, projectId)),
    points: (query) => looking((sql) => read.points(sql, query)),
    epochPoints: (query) => looking((sql) => read.epochPoints(sql, query)),
    epochs: (query) => looking((sql) => read.epochs(sql, query)),
    epoch: (epochId) => reading((sql) => read.epoch(sql, epochId)),
    batches: (query) => reading((sql) => read.batches(sql, query)),
    batch: (batchCid, epochId) => reading((sql) => read.batch(sql, batchCid, epochId)),
    outvoted: (query) => reading((sql) => votes.outvoted(sql, query)),
    slotEpochs: (query) => reading((sql) => votes.slotEpochs(sql, query)),
    slots: (slotIds) => reading((sql) => votes.slots(sql, slotIds.slice(0, SLOTS_MAX))),
    validators: (batches) => reading((sql) => votes.validators(sql, batches)),
    changes: (query) => looking((sql) => read.changes(sql, query)),
  }
}
