import {
  type IndexReads,
  type OutvotedQuery,
  type OutvotedRow,
  RECENT_EPOCHS,
  type SlotEpochRow,
  type SlotRow,
  type ValidatorRow,
} from '#io/database/port.ts'
import { COUNTS } from './derived.ts'
import { marks, type Row, type Sql } from './sql.ts'

/** Answers from the tables: of votes, slots and validators. */

export async function outvoted(sql: Sql, { epochId, after, limit }: OutvotedQuery): Promise<OutvotedRow[]> {
  const rows = await sql.rows(
    `SELECT b.place, o.position, o.slot_id, b.batch_cid, pr.project_id FROM batches b
       JOIN outvoted o ON o.epoch_id = b.epoch_id AND o.batch_no = b.batch_no JOIN projects pr ON pr.project_no = o.project_no
     WHERE b.epoch_id = ? AND ${COUNTS} AND (b.place > ? OR (b.place = ? AND o.position > ?)) ORDER BY o.batch_no, o.position LIMIT ?`,
    [epochId, after?.index ?? -1, after?.index ?? -1, after?.position ?? -1, limit],
  )
  return rows.map(
    (row) =>
      ({
        index: row['place'],
        batchCid: row['batch_cid'],
        position: row['position'],
        slotId: row['slot_id'],
        projectId: row['project_id'],
      }) as unknown as OutvotedRow,
  )
}

interface SlotVotes {
  readonly epochId: number
  readonly votes: number
  readonly winning: number
}

/** What counts of a slot's votes, newest epoch first. */
async function votesOf(sql: Sql, slotId: number, before: number, limit: number): Promise<SlotVotes[]> {
  const rows = await sql.rows(
    `SELECT v.epoch_id, sum(v.votes) AS votes, sum(v.winning) AS winning FROM slot_votes v JOIN batches b ON b.batch_no = v.batch_no
     WHERE v.slot_id = ? AND v.epoch_id < ? AND ${COUNTS} GROUP BY v.epoch_id ORDER BY v.epoch_id DESC LIMIT ?`,
    [slotId, before, limit],
  )
  return rows.map((row) => ({ epochId: Number(row['epoch_id']), votes: Number(row['votes']), winning: Number(row['winning']) }))
}

export async function slotEpochs(sql: Sql, { slotId, before, limit }: Parameters<IndexReads['slotEpochs']>[0]): Promise<SlotEpochRow[]> {
  const votes = await votesOf(sql, slotId, before ?? Number.MAX_SAFE_INTEGER, limit)
  const oldest = votes.at(-1)?.epochId ?? 0
  const newest = votes[0]?.epochId ?? -1
  const lost = await sql.rows(
    `SELECT DISTINCT o.epoch_id, pr.project_id FROM outvoted o JOIN batches b ON b.batch_no = o.batch_no
       JOIN projects pr ON pr.project_no = o.project_no
     WHERE o.slot_id = ? AND o.epoch_id BETWEEN ? AND ? AND ${COUNTS} ORDER BY o.epoch_id, pr.project_id`,
    [slotId, oldest, newest],
  )
  const times = await sql.rows('SELECT epoch_id, released_at FROM epochs WHERE epoch_id BETWEEN ? AND ?', [oldest, newest])
  const lostIn = Map.groupBy(lost, (row) => row['epoch_id'])
  const at = new Map(times.map((row) => [row['epoch_id'], row['released_at']]))
  return votes.map(
    (row) =>
      ({
        ...row,
        at: at.get(row.epochId),
        outvoted: (lostIn.get(row.epochId) ?? []).map((vote) => vote['project_id']),
      }) as unknown as SlotEpochRow,
  )
}

export async function slots(sql: Sql, slotIds: readonly number[]): Promise<SlotRow[]> {
  if (slotIds.length === 0) return []
  const over = await sql.rows(
    // Of a file that is not read nobody knows here whose votes it holds: it is held against no slot.
    `SELECT e.epoch_id FROM (SELECT epoch_id FROM epochs WHERE ended_block IS NOT NULL ORDER BY epoch_id DESC LIMIT ?) AS e
     WHERE NOT EXISTS (SELECT 1 FROM batches b WHERE b.epoch_id = e.epoch_id AND b.file <> 'read' AND ${COUNTS}) ORDER BY e.epoch_id DESC`,
    [RECENT_EPOCHS],
  )
  const recent = over.map((row) => Number(row['epoch_id']))
  const votes = await sql.rows(
    `SELECT v.slot_id, v.epoch_id, sum(v.votes) AS votes, sum(v.winning) AS winning FROM slot_votes v JOIN batches b ON b.batch_no = v.batch_no
     WHERE v.slot_id IN ${marks(slotIds)} AND v.epoch_id BETWEEN ? AND ? AND ${COUNTS} GROUP BY v.slot_id, v.epoch_id`,
    [...slotIds, recent.at(-1) ?? 0, recent[0] ?? -1],
  )
  const newest = await sql.rows(
    // One look at the end of an index for each, however long their histories are.
    `SELECT asked.column1 AS slot_id, (SELECT max(epoch_id) FROM slot_votes v WHERE v.slot_id = asked.column1) AS newest
     FROM (VALUES ${slotIds.map(() => '(CAST(? AS BIGINT))').join(', ')}) AS asked`,
    slotIds,
  )
  const votesOfSlot = Map.groupBy(votes, (row) => row['slot_id'])
  const newestOf = new Map(newest.map((row) => [row['slot_id'], row['newest']]))
  return slotIds.map((slotId) => {
    const lastEpochId = newestOf.get(slotId)
    return {
      slotId,
      ...(lastEpochId != null && { lastEpochId }),
      ...standingOf(recent, votesOfSlot.get(slotId) ?? []),
    } as unknown as SlotRow
  })
}

/** What became of one slot's votes in epochs that are over, given newest first. */
function standingOf(recent: readonly number[], votes: readonly Row[]): Pick<SlotRow, 'recent' | 'streak'> {
  const byEpoch = new Map(votes.map((row) => [Number(row['epoch_id']), { votes: Number(row['votes']), winning: Number(row['winning']) }]))
  const told = recent.map((epochId) => byEpoch.get(epochId))
  const voted = told.filter((row) => row !== undefined)
  const sum = (name: 'votes' | 'winning') => voted.reduce((total, row) => total + row[name], 0)
  const end = told.findIndex((row) => row === undefined || row.winning < row.votes)
  return {
    recent: { epochs: recent.length, voted: voted.length, votes: sum('votes'), winning: sum('winning') },
    streak: end === -1 ? told.length : end,
  }
}

export async function validators(sql: Sql, batches: number): Promise<ValidatorRow[]> {
  const decided = `SELECT batch_no FROM batches WHERE finalized_block IS NOT NULL OR refuted_block IS NOT NULL ORDER BY batch_no DESC LIMIT ?`
  const [count] = await sql.rows(`SELECT count(*) AS batches FROM (${decided}) AS decided`, [batches])
  const rows = await sql.rows(
    `SELECT validator, count(*) AS attested, sum(is_late) AS late, max(at) AS last_at FROM attestations
     WHERE batch_no IN (${decided}) GROUP BY validator ORDER BY validator`,
    [batches],
  )
  return rows.map(
    (row) =>
      ({
        validator: row['validator'],
        attested: Number(row['attested']),
        late: Number(row['late']),
        batches: Number(count?.['batches']),
        lastAt: row['last_at'],
      }) as unknown as ValidatorRow,
  )
}
