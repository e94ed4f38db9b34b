import type { Row, Sql } from './sql.ts'

/** What is worked out from other tables, and told, whenever those change. */

/** Of batches `b`: whose votes and submissions count, which are those of one that a later one does not stand for. */
export const COUNTS = 'b.superseded_block IS NULL AND (b.refuted_block IS NULL OR b.finalized_block IS NOT NULL)'

/**
 * Of several batches that hold a project, the one with the highest speaks for it: the first that is final, else the last that nobody refuted, else
 * the last. `batch_no` never comes near the steps between.
 */
export const standing = (batch: string): string =>
  `CASE WHEN ${batch}.finalized_block IS NOT NULL THEN 3000000000000 - ${batch}.batch_no` +
  ` WHEN ${batch}.refuted_block IS NULL THEN 1000000000000 + ${batch}.batch_no ELSE ${batch}.batch_no END`

const ofBatches = `SELECT count(*) AS batches,
  coalesce(sum(CASE WHEN ${COUNTS} THEN b.submissions ELSE 0 END), 0) AS submissions,
  coalesce(sum(CASE WHEN b.projects IS NULL THEN 1 ELSE 0 END), 0) AS unread,
  coalesce(sum(CASE WHEN b.finalized_block IS NULL AND b.refuted_block IS NULL THEN 1 ELSE 0 END), 0) AS pending,
  coalesce(sum(CASE WHEN b.finalized_block IS NULL AND b.refuted_block IS NOT NULL THEN 1 ELSE 0 END), 0) AS disputed,
  max(b.finalized_at) AS finalized_at
  FROM batches b WHERE b.epoch_id = ? AND b.superseded_block IS NULL`

const ofProjects = `SELECT count(*) AS projects, coalesce(sum(CASE WHEN best = 2 THEN 1 ELSE 0 END), 0) AS finalized,
  coalesce(sum(CASE WHEN best = 0 THEN 1 ELSE 0 END), 0) AS disputed FROM (
    SELECT max(CASE WHEN b.finalized_block IS NOT NULL THEN 2 WHEN b.refuted_block IS NULL THEN 1 ELSE 0 END) AS best
    FROM points p JOIN batches b ON b.batch_no = p.batch_no WHERE p.epoch_id = ? GROUP BY p.project_no) AS bests`

const ofSlots = `SELECT count(*) AS slots, coalesce(sum(CASE WHEN lost > 0 THEN 1 ELSE 0 END), 0) AS outvoted FROM (
    SELECT sum(v.votes - v.winning) AS lost FROM slot_votes v JOIN batches b ON b.batch_no = v.batch_no
    WHERE v.epoch_id = ? AND ${COUNTS} GROUP BY v.slot_id) AS losses`

/** Counts an epoch's batches, projects and slots anew, and tells that it has changed. Epochs that are gone are left alone. */
export async function refreshEpochs(sql: Sql, epochIds: Iterable<number>): Promise<void> {
  const changed: [string, number][] = []
  for (const epochId of new Set(epochIds)) {
    const one = async (query: string) => (await sql.rows(query, [epochId]))[0] as Row
    const [batches, projects, slots] = [await one(ofBatches), await one(ofProjects), await one(ofSlots)]
    const updated = await sql.rows(
      `UPDATE epochs SET batches = ?, submissions = ?, unread_batches = ?, pending_batches = ?, disputed_batches = ?, finalized_at = ?,
         projects = ?, finalized_projects = ?, disputed_projects = ?, slots = ?, outvoted_slots = ? WHERE epoch_id = ? RETURNING epoch_id`,
      [
        ...['batches', 'submissions', 'unread', 'pending', 'disputed', 'finalized_at'].map((name) => batches[name] as number),
        ...['projects', 'finalized', 'disputed'].map((name) => projects[name] as number),
        ...['slots', 'outvoted'].map((name) => slots[name] as number),
        epochId,
      ],
    )
    if (updated.length > 0) changed.push(['epoch', epochId])
  }
  await sql.insert('changes', ['kind', 'epoch_id'], changed)
}

/** Tells of every point of a batch. */
export async function tellPoints(sql: Sql, kind: 'point' | 'undone', batchNo: number, epochId: number): Promise<void> {
  await sql.rows(
    `INSERT INTO changes (kind, epoch_id, project_no)
     SELECT '${kind}', epoch_id, project_no FROM points WHERE epoch_id = ? AND batch_no = ? ORDER BY project_no`,
    [epochId, batchNo],
  )
}

/** Notes that a batch's projects are final in its epoch. */
export async function raiseFinalized(sql: Sql, batchNo: number, epochId: number): Promise<void> {
  await sql.rows(
    `UPDATE projects SET last_finalized = ? WHERE (last_finalized IS NULL OR last_finalized < ?)
       AND project_no IN (SELECT project_no FROM points WHERE epoch_id = ? AND batch_no = ?)`,
    [epochId, epochId, epochId, batchNo],
  )
}
