import type { BatchContent, SnapshotContent } from '#io/database/port.ts'
import { isPlain, pruneChanges } from './chain.ts'
import { raiseFinalized, refreshEpochs, tellPoints } from './derived.ts'
import { marks, type Row, type Sql, VALUES_MAX } from './sql.ts'
import { packed } from './text.ts'

/** What batch files and snapshots say, into the tables. */
export async function putBatch(sql: Sql, batchNo: number, content: BatchContent): Promise<void> {
  const [batch] = await sql.rows('SELECT epoch_id, finalized_block FROM batches WHERE batch_no = ?', [batchNo])
  if (batch === undefined) return
  const epochId = Number(batch['epoch_id'])
  const isListed = content.entries.length > 0 || content.file === 'read'
  if (isListed) {
    const projectNos = await numbersOfProjects(
      sql,
      content.entries.map(({ projectId }) => projectId),
    )
    await putPoints(sql, { batchNo, epochId }, content, projectNos)
    await putVotes(sql, { batchNo, epochId }, content, projectNos)
    await tellPoints(sql, 'point', batchNo, epochId)
    if (batch['finalized_block'] !== null) await raiseFinalized(sql, batchNo, epochId)
  }
  await sql.rows(
    `UPDATE batches SET anchoring = ?, file = ?, attempts = attempts + ?, next_try_ms = ?, projects = coalesce(?, projects),
       submissions = ?, bytes = ?, submissions_root = ?, cids_root = ? WHERE batch_no = ?`,
    [
      content.anchoring,
      content.file,
      content.file === 'read' ? 0 : 1,
      content.nextTryMs ?? null,
      isListed ? content.entries.length : null,
      content.submissions ?? null,
      content.bytes ?? null,
      plainOr(content.submissionsRoot),
      plainOr(content.cidsRoot),
      batchNo,
    ],
  )
  await refreshEpochs(sql, [epochId])
  await pruneChanges(sql)
}

/** A file may have any text in the place of a root. */
const plainOr = (text: string | undefined): string | null => (text !== undefined && isPlain(text) ? text : null)

interface Place {
  readonly batchNo: number
  readonly epochId: number
}

async function putPoints(sql: Sql, { batchNo, epochId }: Place, { entries }: BatchContent, projectNos: Numbers): Promise<void> {
  const kept = entries.filter(({ snapshotCid }) => isPlain(snapshotCid))
  const contentNos = await numbersOfContents(
    sql,
    kept.map(({ snapshotCid }) => snapshotCid),
    epochId,
  )
  await sql.rows('DELETE FROM points WHERE epoch_id = ? AND batch_no = ?', [epochId, batchNo])
  await sql.insert(
    'points',
    ['project_no', 'epoch_id', 'batch_no', 'content_no', 'winning', 'total'],
    kept.map(({ projectId, snapshotCid, votes }) => [
      projectNos.get(projectId) as number,
      epochId,
      batchNo,
      contentNos.get(snapshotCid) as number,
      votes?.winning ?? null,
      votes?.total ?? null,
    ]),
    '(project_no, epoch_id, batch_no) DO NOTHING',
  )
}

async function putVotes(sql: Sql, { batchNo, epochId }: Place, { slots, outvoted }: BatchContent, projectNos: Numbers): Promise<void> {
  for (const table of ['slot_votes', 'outvoted'])
    await sql.rows(`DELETE FROM ${table} WHERE epoch_id = ? AND batch_no = ?`, [epochId, batchNo])
  await sql.insert(
    'slot_votes',
    ['slot_id', 'epoch_id', 'batch_no', 'votes', 'winning'],
    slots.map(({ slotId, votes, winning }) => [slotId, epochId, batchNo, votes, winning]),
  )
  await sql.insert(
    'outvoted',
    ['epoch_id', 'batch_no', 'position', 'slot_id', 'project_no'],
    outvoted.flatMap(({ position, slotId, projectId }) => {
      const projectNo = projectNos.get(projectId)
      return projectNo === undefined ? [] : [[epochId, batchNo, position, slotId, projectNo]]
    }),
  )
}

type Numbers = ReadonlyMap<string, number>

async function select(sql: Sql, query: string, keys: readonly string[]): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (let from = 0; from < keys.length; from += VALUES_MAX) {
    const some = keys.slice(from, from + VALUES_MAX)
    for (const { name, number } of await sql.rows(`${query} IN ${marks(some)}`, some)) found.set(String(name), Number(number))
  }
  return found
}

async function numbersOfProjects(sql: Sql, ids: readonly string[]): Promise<Numbers> {
  const unique = [...new Set(ids)]
  const query = 'SELECT project_id AS name, project_no AS number FROM projects WHERE project_id'
  const known = await select(sql, query, unique)
  const unknown = unique.filter((id) => !known.has(id))
  if (unknown.length === 0) return known
  await sql.insert(
    'projects',
    ['project_id', 'project_type', 'data_source', 'namespace'],
    unknown.map((id) => {
      const { projectType, dataSource, namespace } = partsOf(id)
      return [id, projectType, dataSource ?? null, namespace]
    }),
  )
  return new Map([...known, ...(await select(sql, query, unknown))])
}

/** `type[:dataSource]:namespace`, from the right, for types may hold colons. */
function partsOf(projectId: string): { projectType: string; dataSource: string | undefined; namespace: string } {
  const parts = projectId.split(':')
  const namespace = parts.pop() as string
  const dataSource = parts.length > 1 ? parts.pop() : undefined
  return { projectType: parts.join(':'), dataSource, namespace }
}

async function numbersOfContents(sql: Sql, cids: readonly string[], epochId: number): Promise<Numbers> {
  const unique = [...new Set(cids)]
  await sql.insert(
    'contents',
    ['cid', 'epoch_id', 'state', 'attempts', 'next_try_ms'],
    unique.map((cid) => [cid, epochId, 'waiting', 0, 0]),
    '(cid) DO UPDATE SET epoch_id = CASE WHEN excluded.epoch_id > contents.epoch_id THEN excluded.epoch_id ELSE contents.epoch_id END',
  )
  return select(sql, 'SELECT cid AS name, content_no AS number FROM contents WHERE cid', unique)
}

export async function putSnapshots(sql: Sql, snapshots: readonly SnapshotContent[]): Promise<void> {
  for (let from = 0; from < snapshots.length; from += VALUES_MAX) await putSome(sql, snapshots.slice(from, from + VALUES_MAX))
  await pruneChanges(sql)
}

async function putSome(sql: Sql, snapshots: readonly SnapshotContent[]): Promise<void> {
  const cids = snapshots.map(({ snapshotCid }) => snapshotCid)
  // What has been let go of meanwhile stays away.
  const known = new Map(
    (await sql.rows(`SELECT cid, content_no, epoch_id FROM contents WHERE cid IN ${marks(cids)}`, cids)).map((row) => [row['cid'], row]),
  )
  const wanted = [...new Map(snapshots.map((each) => [each.snapshotCid, each])).values()].filter(({ snapshotCid }) =>
    known.has(snapshotCid),
  )
  await sql.insert(
    'contents',
    ['cid', 'epoch_id', 'state', 'attempts', 'next_try_ms', 'form', 'body'],
    wanted.map((snapshot) => {
      const { form, body } = snapshot.state === 'here' ? packed(snapshot.text) : { form: null, body: null }
      const [attempts, nextTryMs] = snapshot.state === 'unavailable' ? [1, snapshot.nextTryMs] : [0, null]
      return [snapshot.snapshotCid, 0, snapshot.state, attempts, nextTryMs, form, body]
    }),
    `(cid) DO UPDATE SET state = excluded.state, attempts = contents.attempts + excluded.attempts, next_try_ms = excluded.next_try_ms,
       form = excluded.form, body = excluded.body`,
  )
  const here = wanted.filter(({ state }) => state === 'here').map(({ snapshotCid }) => known.get(snapshotCid) as Row)
  await tellLateTexts(sql, here)
}

/** Who was told of a final point before its bytes were here hears of it again. */
async function tellLateTexts(sql: Sql, contents: readonly Row[]): Promise<void> {
  for (const [epochId, some] of Map.groupBy(contents, (row) => row['epoch_id'] as number)) {
    const numbers = some.map((row) => row['content_no'] as number)
    await sql.rows(
      `INSERT INTO changes (kind, epoch_id, project_no) SELECT 'point', p.epoch_id, p.project_no
       FROM batches b JOIN points p ON p.epoch_id = b.epoch_id AND p.batch_no = b.batch_no
       WHERE b.epoch_id = ? AND b.finalized_block IS NOT NULL AND p.content_no IN ${marks(numbers)} ORDER BY p.project_no`,
      [epochId, ...numbers],
    )
  }
}

/** Lets go of the oldest epochs below `oldest`, with all that is theirs. */
export async function forgetBefore(sql: Sql, oldest: number, limit: number): Promise<number> {
  const epochs = await sql.rows('SELECT epoch_id FROM epochs WHERE epoch_id < ? ORDER BY epoch_id LIMIT ?', [oldest, limit])
  for (const { epoch_id: epochId } of epochs as readonly Row[]) {
    const id = epochId as number
    await sql.rows('DELETE FROM attestations WHERE batch_no IN (SELECT batch_no FROM batches WHERE epoch_id = ?)', [id])
    for (const table of ['points', 'slot_votes', 'outvoted', 'batches', 'contents', 'epochs'])
      await sql.rows(`DELETE FROM ${table} WHERE epoch_id = ?`, [id])
  }
  return epochs.length
}
