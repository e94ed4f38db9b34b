import {
  type IndexReads,
  type OutvotedQuery,
  type OutvotedRow,
  RECENT_EPOCHS,
  type SlotEpochRow,
  type SlotRow,
  STREAK_MAX,
  type ValidatorRow,
} from '#io/database/port.ts'
import { COUNTS } from './derived.ts'
import { marks, type Sql } from './sql.ts'

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
  const over = (
    await sql.rows('SELECT epoch_id FROM epochs WHERE ended_block IS NOT NULL ORDER BY epoch_id DESC LIMIT ?', [STREAK_MAX])
  ).map((row) => Number(row['epoch_id']))
  const recent = over.slice(0, RECENT_EPOCHS)
  const sums = await sql.rows(
    `SELECT v.slot_id, count(DISTINCT v.epoch_id) AS voted, sum(v.votes) AS votes, sum(v.winning) AS winning
     FROM slot_votes v JOIN batches b ON b.batch_no = v.batch_no JOIN epochs e ON e.epoch_id = v.epoch_id
     WHERE v.slot_id IN ${marks(slotIds)} AND v.epoch_id BETWEEN ? AND ? AND e.ended_block IS NOT NULL AND ${COUNTS} GROUP BY v.slot_id`,
    [...slotIds, recent.at(-1) ?? 0, recent[0] ?? -1],
  )
  const newest = await sql.rows(
    `SELECT slot_id, max(epoch_id) AS newest FROM slot_votes WHERE slot_id IN ${marks(slotIds)} GROUP BY slot_id`,
    slotIds,
  )
  const sumOf = new Map(sums.map((row) => [row['slot_id'], row]))
  const newestOf = new Map(newest.map((row) => [row['slot_id'], row['newest']]))
  const found: SlotRow[] = []
  for (const slotId of slotIds) {
    const sum = sumOf.get(slotId)
    const lastEpochId = newestOf.get(slotId)
    const count = (name: string): number => Number(sum?.[name] ?? 0)
    found.push({
      slotId,
      ...(lastEpochId !== undefined && { lastEpochId }),
      recent: { epochs: recent.length, voted: count('voted'), votes: count('votes'), winning: count('winning') },
      streak: await streakOf(sql, slotId, over),
    } as unknown as SlotRow)
  }
  return found
}

/** Rows that are read of a slot before its streak is known to go on. */
const STREAK_ROWS = 100

async function streakOf(sql: Sql, slotId: number, over: readonly number[]): Promise<number> {
  let before = (over[0] ?? 0) + 1
  for (let streak = 0; streak < over.length; ) {
    const votes = new Map((await votesOf(sql, slotId, before, STREAK_ROWS)).map((row) => [row.epochId, row]))
    for (const epochId of over.slice(streak, streak + STREAK_ROWS)) {
      const row = votes.get(epochId)
      if (row === undefined || row.winning < row.votes) return streak
      streak += 1
      before = epochId
    }
  }
  return over.length
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
