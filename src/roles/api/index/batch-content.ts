import type { Batch } from '#domain/batch.ts'
import { type Cid, type EpochId, isProjectId, type ProjectId, type SlotId } from '#domain/ids.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import type { BatchContent, BatchEntry } from '#io/database/port.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { publishedRoot } from '#wire/merkle.ts'

/** What the index keeps of a batch. The chain decides what it holds; the file is believed where it says the same (A5). */

type Known = Pick<BatchContent, 'anchoring' | 'entries' | 'cidsRoot'>

/** What the chain alone says: each project and its CID, unless there are only roots. */
function contentOnChain(anchored: AnchoredBatch): Known {
  const { projectIds = [], snapshotCids = [], rootHash, projectsRootHash } = anchored
  const entries = projectIds.flatMap((projectId, index): BatchEntry[] =>
    isProjectId(projectId) ? [{ projectId, snapshotCid: snapshotCids[index] as Cid }] : [],
  )
  return { anchoring: projectsRootHash === undefined ? 'projects' : 'roots', entries, cidsRoot: rootHash }
}

/** Without a file, and when it is to be asked for again. */
export function contentWithout(anchored: AnchoredBatch, file: 'unavailable' | 'malformed', nextTryMs?: number): BatchContent {
  return { file, ...contentOnChain(anchored), slots: [], outvoted: [], ...(nextTryMs !== undefined && { nextTryMs }) }
}

/** With the file that IPFS has under its CID, between whose pieces others may have their turn. One that says something else than the chain is `malformed`, and says nothing. */
export async function contentOf(
  { epochId, anchored }: { readonly epochId: EpochId; readonly anchored: AnchoredBatch },
  bytes: Uint8Array,
  between: () => Promise<void>,
): Promise<BatchContent> {
  const { batchCid } = anchored
  const malformed = { ...contentWithout(anchored, 'malformed'), bytes: bytes.length }
  const parsed = await readBatchFile(bytes, batchCid, between)
  if (!parsed.ok || !isSame(parsed.batch, anchored)) return malformed
  const { batch } = parsed
  return {
    ...contentOnChain(anchored),
    file: 'read',
    bytes: bytes.length,
    submissions: batch.submissions.length,
    submissionsRoot: batch.submissionsRoot,
    ...countVotes(batch, epochId),
  }
}

function isSame({ projectIds, snapshotCids }: Batch, anchored: AnchoredBatch): boolean {
  if (anchored.projectIds === undefined)
    return publishedRoot(projectIds) === anchored.projectsRootHash && publishedRoot(snapshotCids) === anchored.rootHash
  const isEqual = (left: readonly string[], right: readonly string[]) =>
    left.length === right.length && left.every((text, index) => text === right[index])
  return isEqual(projectIds, anchored.projectIds) && isEqual(snapshotCids, anchored.snapshotCids)
}

interface Tally {
  readonly entry: BatchEntry
  readonly slots: Set<SlotId>
  winning: number
}

/** Of each slot the first vote on a project counts; those on others than the batch's projects, or in another epoch, do not. */
function countVotes(
  { projectIds, snapshotCids, submissions }: Batch,
  epochId: EpochId,
): Pick<BatchContent, 'entries' | 'slots' | 'outvoted'> {
  const tallies = new Map<ProjectId, Tally>()
  for (const [index, projectId] of projectIds.entries())
    tallies.set(projectId, { entry: { projectId, snapshotCid: snapshotCids[index] as Cid }, slots: new Set(), winning: 0 })
  const slots = new Map<SlotId, { votes: number; winning: number }>()
  const outvoted: { position: number; slotId: SlotId; projectId: ProjectId }[] = []
  for (const [position, { submission }] of submissions.entries()) {
    const { slotId, projectId, snapshotCid } = submission.request
    const tally = tallies.get(projectId)
    if (tally === undefined || submission.request.epochId !== epochId || tally.slots.has(slotId)) continue
    const slot = slots.get(slotId) ?? { votes: 0, winning: 0 }
    slots.set(slotId, slot)
    tally.slots.add(slotId)
    slot.votes += 1
    if (snapshotCid === tally.entry.snapshotCid) {
      tally.winning += 1
      slot.winning += 1
    } else outvoted.push({ position, slotId, projectId })
  }
  return {
    entries: [...tallies.values()].map(({ entry, slots: voters, winning }) => ({ ...entry, votes: { winning, total: voters.size } })),
    slots: [...slots].map(([slotId, counts]) => ({ slotId, ...counts })),
    outvoted,
  }
}
