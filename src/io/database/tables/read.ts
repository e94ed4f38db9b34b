import type {
  BatchRow,
  Bounds,
  Change,
  EpochRow,
  IndexReads,
  PointRow,
  PointsQuery,
  ProjectRow,
  ProjectsQuery,
  RowStatus,
  Summary,
} from '#io/database/port.ts'
import { standing } from './derived.ts'
import { marks, type Row, type Sql, type SqlValue } from './sql.ts'
import { unpacked } from './text.ts'

/** Answers from the tables: of projects, points, epochs and batches. */

/** Fields that are null are left out. */
const some = <Value>(value: SqlValue | undefined, name: string): { readonly [name: string]: Value } =>
  value === null || value === undefined ? {} : { [name]: value as Value }
const first = async (rows: Promise<readonly Row[]>): Promise<Row | undefined> => (await rows)[0]

const statusOf = ({ finalized_block, refuted_block }: Row): RowStatus =>
  finalized_block !== null ? 'finalized' : refuted_block !== null ? 'disputed' : 'pending'

/** Each of these is one end of an index. */
const BOUNDS = `SELECT (SELECT value FROM meta WHERE name = 'index_id') AS index_id,
  (SELECT number FROM blocks ORDER BY number DESC LIMIT 1) AS block,
  (SELECT contract_number FROM blocks ORDER BY number DESC LIMIT 1) AS contract_number, (SELECT timestamp FROM blocks ORDER BY number DESC LIMIT 1) AS at,
  (SELECT min(epoch_id) FROM epochs) AS oldest_epoch, (SELECT max(epoch_id) FROM epochs) AS newest_epoch,
  (SELECT min(seq) FROM changes) AS first_change, (SELECT max(seq) FROM changes) AS last_change`

export async function bounds(sql: Sql): Promise<Bounds> {
  const row = (await first(sql.rows(BOUNDS))) ?? {}
  return {
    indexId: String(row['index_id']),
    ...(row['block'] !== null && {
      indexed: { block: row['block'], contractNumber: row['contract_number'], at: row['at'] } as Bounds['indexed'],
    }),
    ...some(row['oldest_epoch'], 'oldestEpochId'),
    ...some(row['newest_epoch'], 'newestEpochId'),
    firstChange: Number(row['first_change'] ?? 0),
    lastChange: Number(row['last_change'] ?? 0),
  }
}

export async function summary(sql: Sql): Promise<Omit<Summary, 'bytes'>> {
  const count = async (query: string) => Number((await first(sql.rows(query)))?.['count'])
  return {
    ...(await bounds(sql)),
    epochs: await count('SELECT count(*) AS count FROM epochs'),
    projects: await count('SELECT count(*) AS count FROM projects'),
    points: await count('SELECT coalesce(sum(projects), 0) AS count FROM batches'),
    unavailable: await count(`SELECT count(*) AS count FROM contents WHERE next_try_ms IS NOT NULL AND state = 'unavailable'`),
    unreadBatches: await count('SELECT count(*) AS count FROM batches WHERE next_try_ms IS NOT NULL'),
  }
}

// --- projects --------------------------------------------------------------------------------------------------------------

const PROJECTS = `SELECT * FROM (SELECT pr.*, (SELECT min(epoch_id) FROM points p WHERE p.project_no = pr.project_no) AS first_epoch,
  (SELECT max(epoch_id) FROM points p WHERE p.project_no = pr.project_no) AS last_epoch FROM projects pr`

const projectRow = (row: Row): ProjectRow =>
  ({
    projectId: row['project_id'],
    projectType: row['project_type'],
    ...some(row['data_source'], 'dataSource'),
    namespace: row['namespace'],
    firstEpochId: row['first_epoch'],
    lastEpochId: row['last_epoch'],
    ...some(row['last_finalized'], 'lastFinalizedEpochId'),
  }) as unknown as ProjectRow

/** For `LIKE`: each character stands for itself. In SQLite a NUL ends the pattern, and no id has one, nor what it becomes. */
const escaped = (text: string): string => text.replace(/[\\%_]/g, '\\$&').replaceAll('\0', '\ufffd')

export async function projects(sql: Sql, { search, type, source, after, limit }: ProjectsQuery): Promise<ProjectRow[]> {
  const wheres: string[] = []
  const values: SqlValue[] = []
  const where = (condition: string, value: SqlValue | undefined) => {
    if (value === undefined) return
    wheres.push(condition)
    values.push(value)
  }
  where('pr.project_id > ?', after)
  where(`lower(pr.project_id) LIKE ? ESCAPE '\\'`, search && `%${escaped(search.toLowerCase())}%`)
  where('lower(pr.project_type) = ?', type?.toLowerCase())
  where('lower(pr.data_source) = ?', source?.toLowerCase())
  // A project of which a reorganisation took every point is none.
  wheres.push('EXISTS (SELECT 1 FROM points p WHERE p.project_no = pr.project_no)')
  const query = `${PROJECTS} WHERE ${wheres.join(' AND ')} ORDER BY pr.project_id LIMIT ?) AS known ORDER BY project_id`
  return (await sql.rows(query, [...values, limit])).map(projectRow)
}

export async function project(sql: Sql, projectId: string): Promise<ProjectRow | undefined> {
  const row = await first(sql.rows(`${PROJECTS} WHERE pr.project_id = ?) AS known WHERE first_epoch IS NOT NULL`, [projectId]))
  return row && projectRow(row)
}

// --- points ----------------------------------------------------------------------------------------------------------------

const pointsFrom = (text: boolean | undefined): string =>
  `SELECT p.epoch_id, p.winning, p.total, pr.project_id, e.begin_block, e.end_block, e.released_at, c.cid, c.state${text ? ', c.form, c.body' : ''},
     b.batch_cid, b.finalized_block, b.finalized_at, b.refuted_block
   FROM points p JOIN projects pr ON pr.project_no = p.project_no JOIN batches b ON b.batch_no = p.batch_no
     JOIN epochs e ON e.epoch_id = p.epoch_id JOIN contents c ON c.content_no = p.content_no
   WHERE NOT EXISTS (SELECT 1 FROM points q JOIN batches d ON d.batch_no = q.batch_no
     WHERE q.project_no = p.project_no AND q.epoch_id = p.epoch_id AND q.batch_no <> p.batch_no AND ${standing('d')} > ${standing('b')})`

const pointRow = (row: Row): PointRow =>
  ({
    projectId: row['project_id'],
    epochId: row['epoch_id'],
    status: statusOf(row),
    begin: row['begin_block'],
    end: row['end_block'],
    releasedAt: row['released_at'],
    snapshotCid: row['cid'],
    batchCid: row['batch_cid'],
    ...some(row['finalized_block'], 'finalizedBlock'),
    ...some(row['finalized_at'], 'finalizedAt'),
    ...(row['total'] !== null && { votes: { winning: row['winning'], total: row['total'] } }),
    content: row['state'],
    ...(row['body'] != null && { text: unpacked(row) }),
  }) as unknown as PointRow

const PROJECT_NO = '(SELECT project_no FROM projects WHERE project_id = ?)'
/** With the newest epoch in which the project is final: behind it nobody needs to look. */
const UP_TO_FINAL = `AND b.finalized_block IS NOT NULL AND p.epoch_id <= (SELECT last_finalized FROM projects WHERE project_id = ?)`

/** One query: a data point costs one way to the server. */
export async function points(sql: Sql, { projectId, from = 0, to = Number.MAX_SAFE_INTEGER, ...query }: PointsQuery): Promise<PointRow[]> {
  const rows = await sql.rows(
    `${pointsFrom(query.text)} AND p.project_no = ${PROJECT_NO} AND p.epoch_id BETWEEN ? AND ? ${query.isFinalized ? UP_TO_FINAL : ''}
     ORDER BY p.epoch_id ${query.order === 'ascending' ? 'ASC' : 'DESC'} LIMIT ?`,
    [projectId, from, to, ...(query.isFinalized ? [projectId] : []), query.limit],
  )
  return rows.map(pointRow)
}

export async function epochPoints(
  sql: Sql,
  { epochId, after, limit, text }: Parameters<IndexReads['epochPoints']>[0],
): Promise<PointRow[]> {
  const query = `${pointsFrom(text)} AND p.epoch_id = ? AND pr.project_id > ? ORDER BY pr.project_id LIMIT ?`
  return (await sql.rows(query, [epochId, after ?? '', limit])).map(pointRow)
}

// --- epochs and batches ----------------------------------------------------------------------------------------------------

function epochStatus(row: Row): EpochRow['status'] {
  if (row['batches'] === 0) return 'empty'
  if (Number(row['pending_batches']) > 0) return 'pending'
  const isDisputed = Number(row['disputed_projects']) > 0 || (Number(row['disputed_batches']) > 0 && row['finalized_projects'] === 0)
  return isDisputed ? 'disputed' : 'finalized'
}

const EPOCHS = 'SELECT e.*, (SELECT max(d.day) FROM days d WHERE d.first_epoch_id <= e.epoch_id) AS day FROM epochs e'

function epochRow(row: Row): EpochRow {
  const status = epochStatus(row)
  return {
    epochId: row['epoch_id'],
    begin: row['begin_block'],
    end: row['end_block'],
    ...some(row['day'], 'day'),
    releasedBlock: row['released_block'],
    releasedContractNumber: row['released_contract_number'],
    releasedAt: row['released_at'],
    ...some(row['ended_block'], 'endedBlock'),
    ...some(row['ended_at'], 'endedAt'),
    ...(status === 'finalized' && some(row['finalized_at'], 'finalizedAt')),
    status,
    batches: row['batches'],
    projects: row['projects'],
    finalizedProjects: row['finalized_projects'],
    submissions: row['submissions'],
    slots: row['slots'],
    outvotedSlots: row['outvoted_slots'],
    unreadBatches: row['unread_batches'],
  } as unknown as EpochRow
}

export async function epochs(sql: Sql, { before, limit }: Parameters<IndexReads['epochs']>[0]): Promise<EpochRow[]> {
  const rows = await sql.rows(`${EPOCHS} WHERE e.epoch_id < ? ORDER BY e.epoch_id DESC LIMIT ?`, [before ?? Number.MAX_SAFE_INTEGER, limit])
  return rows.map(epochRow)
}

export async function epoch(sql: Sql, epochId: number): Promise<EpochRow | undefined> {
  const row = await first(sql.rows(`${EPOCHS} WHERE e.epoch_id = ?`, [epochId]))
  return row && epochRow(row)
}

async function batchRows(sql: Sql, rows: readonly Row[]): Promise<BatchRow[]> {
  if (rows.length === 0) return []
  const numbers = rows.map((row) => row['batch_no'] as number)
  const votes = await sql.rows(`SELECT * FROM attestations WHERE batch_no IN ${marks(numbers)} ORDER BY block, validator`, numbers)
  const attestations = Map.groupBy(votes, (vote) => vote['batch_no'])
  return rows.map(
    (row) =>
      ({
        batchNo: row['batch_no'],
        batchCid: row['batch_cid'],
        epochId: row['epoch_id'],
        index: row['place'],
        status: statusOf(row),
        anchoring: row['anchoring'] ?? 'projects',
        submittedBlock: row['submitted_block'],
        submittedAt: row['submitted_at'],
        ...some(row['finalized_block'], 'finalizedBlock'),
        ...some(row['finalized_at'], 'finalizedAt'),
        attestations: (attestations.get(row['batch_no'] as number) ?? []).map((vote) => ({
          validator: vote['validator'],
          block: vote['block'],
          at: vote['at'],
          isLate: vote['is_late'] === 1,
        })),
        file: row['file'],
        ...some(row['projects'], 'projects'),
        ...some(row['submissions'], 'submissions'),
        ...some(row['bytes'], 'bytes'),
        ...some(row['submissions_root'], 'submissionsRoot'),
        ...some(row['cids_root'], 'cidsRoot'),
      }) as unknown as BatchRow,
  )
}

export async function batches(sql: Sql, { epochId, after, limit }: Parameters<IndexReads['batches']>[0]): Promise<BatchRow[]> {
  const query = 'SELECT * FROM batches WHERE epoch_id = ? AND place > ? ORDER BY place LIMIT ?'
  return batchRows(sql, await sql.rows(query, [epochId, after ?? -1, limit]))
}

export async function batch(sql: Sql, batchCid: string, epochId?: number): Promise<BatchRow | undefined> {
  const of = epochId === undefined ? '' : ' AND epoch_id = ?'
  const query = `SELECT * FROM batches WHERE batch_cid = ?${of} ORDER BY epoch_id DESC, batch_no DESC LIMIT 1`
  return (await batchRows(sql, await sql.rows(query, epochId === undefined ? [batchCid] : [batchCid, epochId])))[0]
}

export async function changes(sql: Sql, { after, limit }: Parameters<IndexReads['changes']>[0]): Promise<Change[]> {
  const rows = await sql.rows(
    `SELECT c.seq, c.kind, c.epoch_id, pr.project_id FROM changes c LEFT JOIN projects pr ON pr.project_no = c.project_no
     WHERE c.seq > ? ORDER BY c.seq LIMIT ?`,
    [after, limit],
  )
  return rows.map(
    (row) =>
      ({ seq: row['seq'], kind: row['kind'], epochId: row['epoch_id'], ...some(row['project_id'], 'projectId') }) as unknown as Change,
  )
}
