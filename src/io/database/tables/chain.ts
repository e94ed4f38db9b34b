import type { BlockRef, ChainStep, ProtocolEvent } from '#domain/chain-step.ts'
import type { LaterWindows } from '#domain/window.ts'
import { CHANGES_MAX, KNOWN_BLOCKS_MAX } from '#io/database/port.ts'
import { raiseFinalized, refreshEpochs, tellPoints } from './derived.ts'
import type { Row, Sql } from './sql.ts'

/** Takes steps along the chain into the tables, and out of them again. */
export async function applySteps(sql: Sql, steps: readonly ChainStep[], windows?: Pick<LaterWindows, 'batchWindowBlocks'>): Promise<void> {
  const before = await headOf(sql)
  const touched = new Set<number>()
  let blocks: BlockRef[] = []
  let withEvents = new Set<number>()
  const putBlocks = async () => {
    const rows = blocks.map(({ number, contractNumber, hash, parentHash, timestamp }) => [
      number,
      contractNumber,
      hash,
      parentHash,
      timestamp,
      withEvents.has(number) ? 1 : 0,
    ])
    blocks = []
    withEvents = new Set()
    await sql.insert('blocks', ['number', 'contract_number', 'hash', 'parent_hash', 'timestamp', 'has_events'], rows)
  }
  for (const step of steps) {
    if (step.kind === 'rollback') {
      await putBlocks()
      await undoAbove(sql, step.to.number, touched)
      continue
    }
    blocks.push(step.block)
    if (step.events.length > 0) withEvents.add(step.block.number)
    for (const event of step.events) await applyEvent(sql, event, step.events, touched)
  }
  await putBlocks()
  if (windows !== undefined) for (const epochId of await passed(sql, before, windows)) touched.add(epochId)
  await refreshEpochs(sql, touched)
  await sql.rows('DELETE FROM blocks WHERE has_events = 0 AND number <= (SELECT max(number) FROM blocks) - ?', [KNOWN_BLOCKS_MAX])
  await pruneChanges(sql)
}

/** As contracts number it: windows count by that. */
async function headOf(sql: Sql): Promise<number | undefined> {
  const [row] = await sql.rows('SELECT contract_number AS head FROM blocks ORDER BY number DESC LIMIT 1')
  return row?.['head'] == null ? undefined : Number(row['head'])
}

/** Epochs without an end whose window lies between the head as it was and as it is: over now, or open again. */
async function passed(
  sql: Sql,
  before: number | undefined,
  { batchWindowBlocks }: Pick<LaterWindows, 'batchWindowBlocks'>,
): Promise<readonly number[]> {
  const now = await headOf(sql)
  if (before === undefined || now === undefined) return []
  const rows = await sql.rows(
    'SELECT epoch_id FROM epochs WHERE ended_block IS NULL AND released_contract_number >= ? AND released_contract_number < ? ORDER BY epoch_id',
    [Math.min(before, now) - batchWindowBlocks, Math.max(before, now) - batchWindowBlocks],
  )
  return rows.map((row) => Number(row['epoch_id']))
}

/** Of what is told, the newest are kept. */
export async function pruneChanges(sql: Sql): Promise<void> {
  await sql.rows('DELETE FROM changes WHERE seq <= (SELECT max(seq) FROM changes) - ?', [CHANGES_MAX])
}

async function applyEvent(sql: Sql, event: ProtocolEvent, ofBlock: readonly ProtocolEvent[], touched: Set<number>): Promise<void> {
  const { number, timestamp } = event.block
  if ('epochId' in event && event.kind !== 'SnapshotFinalized') touched.add(event.epochId)
  if (event.kind === 'EpochReleased') return releaseEpoch(sql, event)
  if (event.kind === 'DayStartedEvent') {
    // "The epoch released in the same transaction is the first of that day."
    const first = ofBlock.find((other) => other.kind === 'EpochReleased' && other.transactionHash === event.transactionHash)
    if (first !== undefined && 'epochId' in first)
      await sql.insert('days', ['day', 'first_epoch_id', 'block'], [[event.day, first.epochId, number]], '(day) DO NOTHING')
    return
  }
  if (event.kind === 'BatchSubmissionsCompleted') {
    await sql.rows('UPDATE epochs SET ended_block = ?, ended_at = ? WHERE epoch_id = ? AND ended_block IS NULL', [
      number,
      timestamp,
      event.epochId,
    ])
    return
  }
  if (event.kind === 'SnapshotBatchSubmitted') return submitBatch(sql, event)
  if ('batchCid' in event) await changeBatch(sql, event)
}

async function releaseEpoch(sql: Sql, { epochId, begin, end, block }: ProtocolEvent & { readonly kind: 'EpochReleased' }): Promise<void> {
  const zeros = ['batches', 'projects', 'finalized_projects', 'disputed_projects', 'submissions', 'slots', 'outvoted_slots']
  const more = ['unread_batches', 'pending_batches', 'disputed_batches']
  await sql.insert(
    'epochs',
    ['epoch_id', 'begin_block', 'end_block', 'released_block', 'released_contract_number', 'released_at', ...zeros, ...more],
    [[epochId, begin, end, block.number, block.contractNumber, block.timestamp, ...[...zeros, ...more].map(() => 0)]],
    '(epoch_id) DO NOTHING',
  )
}

async function submitBatch(sql: Sql, event: ProtocolEvent & { readonly kind: 'SnapshotBatchSubmitted' }): Promise<void> {
  const { epochId, batchCid, block } = event
  if (!isPlain(batchCid)) return
  await sql.rows('UPDATE batches SET superseded_block = ? WHERE epoch_id = ? AND batch_cid = ? AND superseded_block IS NULL', [
    block.number,
    epochId,
    batchCid,
  ])
  const [last] = await sql.rows('SELECT max(place) AS place FROM batches WHERE epoch_id = ?', [epochId])
  const place = last?.['place'] === null ? 0 : Number(last?.['place']) + 1
  await sql.insert(
    'batches',
    ['epoch_id', 'batch_cid', 'place', 'submitted_block', 'submitted_at', 'file', 'attempts', 'next_try_ms'],
    [[epochId, batchCid, place, block.number, block.timestamp, 'waiting', 0, 0]],
  )
}

/** Any text may be on chain. Such a one names no content, and some of them no table takes. */
export const isPlain = (text: string): boolean => /^[\x21-\x7e]{1,256}$/.test(text)

async function changeBatch(sql: Sql, event: ProtocolEvent & { readonly batchCid: string; readonly epochId: number }): Promise<void> {
  const { epochId, batchCid, block } = event
  // One that is sent again under its own name is another batch.
  const [batch] = await sql.rows('SELECT batch_no FROM batches WHERE epoch_id = ? AND batch_cid = ? ORDER BY batch_no DESC LIMIT 1', [
    epochId,
    batchCid,
  ])
  if (batch === undefined) return
  const batchNo = Number(batch['batch_no'])
  if (event.kind === 'SnapshotBatchAttestationSubmitted' || event.kind === 'DelayedAttestationSubmitted') {
    const isLate = event.kind === 'DelayedAttestationSubmitted' ? 1 : 0
    await sql.insert(
      'attestations',
      ['batch_no', 'validator', 'block', 'at', 'is_late'],
      [[batchNo, event.validator, block.number, block.timestamp, isLate]],
      isLate ? '(batch_no, validator) DO UPDATE SET is_late = 1' : '(batch_no, validator) DO NOTHING',
    )
  }
  if (event.kind === 'SnapshotBatchFinalized') {
    await sql.rows('UPDATE batches SET finalized_block = ?, finalized_at = ? WHERE batch_no = ?', [block.number, block.timestamp, batchNo])
    await raiseFinalized(sql, batchNo, epochId)
    await tellPoints(sql, 'point', batchNo, epochId)
  }
  if (event.kind === 'TriggerBatchResubmission') {
    await sql.rows('UPDATE batches SET refuted_block = ? WHERE batch_no = ?', [block.number, batchNo])
    await tellPoints(sql, 'point', batchNo, epochId)
  }
}

/** Undoes exactly what blocks above `to` did. */
async function undoAbove(sql: Sql, to: number, touched: Set<number>): Promise<void> {
  const gone = await sql.rows('SELECT batch_no, epoch_id FROM batches WHERE submitted_block > ? ORDER BY batch_no', [to])
  const changed = await sql.rows(
    'SELECT batch_no, epoch_id FROM batches WHERE submitted_block <= ? AND (finalized_block > ? OR refuted_block > ? OR superseded_block > ?) ORDER BY batch_no',
    [to, to, to, to],
  )
  const ended = await sql.rows('SELECT epoch_id FROM epochs WHERE ended_block > ?', [to])
  for (const row of [...gone, ...changed, ...ended]) touched.add(Number(row['epoch_id']))
  for (const row of gone) await removeBatch(sql, row)
  await sql.rows('DELETE FROM attestations WHERE block > ?', [to])
  await sql.rows('UPDATE batches SET finalized_block = NULL, finalized_at = NULL WHERE finalized_block > ?', [to])
  await sql.rows('UPDATE batches SET refuted_block = NULL WHERE refuted_block > ?', [to])
  await sql.rows('UPDATE batches SET superseded_block = NULL WHERE superseded_block > ?', [to])
  await sql.rows('UPDATE epochs SET ended_block = NULL, ended_at = NULL WHERE ended_block > ?', [to])
  await sql.rows('DELETE FROM epochs WHERE released_block > ?', [to])
  await sql.rows('DELETE FROM days WHERE block > ?', [to])
  await sql.rows('DELETE FROM blocks WHERE number > ?', [to])
  if (touched.size > 0) await lowerFinalized(sql, Math.min(...touched))
  for (const row of changed) await tellPoints(sql, 'point', Number(row['batch_no']), Number(row['epoch_id']))
}

async function removeBatch(sql: Sql, row: Row): Promise<void> {
  const [batchNo, epochId] = [Number(row['batch_no']), Number(row['epoch_id'])]
  await tellPoints(sql, 'undone', batchNo, epochId)
  await sql.rows(
    `INSERT INTO changes (kind, epoch_id, project_no) SELECT DISTINCT 'point', q.epoch_id, q.project_no FROM points p
     JOIN points q ON q.project_no = p.project_no AND q.epoch_id = p.epoch_id AND q.batch_no < p.batch_no WHERE p.epoch_id = ? AND p.batch_no = ?`,
    [epochId, batchNo],
  )
  for (const table of ['points', 'slot_votes', 'outvoted'])
    await sql.rows(`DELETE FROM ${table} WHERE epoch_id = ? AND batch_no = ?`, [epochId, batchNo])
  await sql.rows('DELETE FROM attestations WHERE batch_no = ?', [batchNo])
  await sql.rows('DELETE FROM batches WHERE batch_no = ?', [batchNo])
}

/** The newest final epoch of each project again, where it may have been undone. */
async function lowerFinalized(sql: Sql, from: number): Promise<void> {
  await sql.rows(
    `UPDATE projects SET last_finalized = (SELECT p.epoch_id FROM points p JOIN batches b ON b.batch_no = p.batch_no
       WHERE p.project_no = projects.project_no AND b.finalized_block IS NOT NULL ORDER BY p.epoch_id DESC LIMIT 1) WHERE last_finalized >= ?`,
    [from],
  )
}
