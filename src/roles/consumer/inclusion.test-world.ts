import type { Batch } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { AnchorChain, AnchoredBatch } from '#io/chain/port.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { proveInclusion, type Voter } from './inclusion.ts'

export const epochId = 3 as EpochId
export const idOf = (project: number, slot: number) => `00000000-0000-4000-8000-0000000000${project}${slot}`
export const cidOf = (text: string) => snapshotCidOf(new TextEncoder().encode(text))

export interface Spoil {
  readonly isFresh?: boolean
  /** More batches may come. */
  readonly isOpen?: boolean
  /** Of the batch with that index. */
  readonly batch?: (batch: Batch, index: number) => Batch
  readonly anchored?: (batch: AnchoredBatch, index: number) => AnchoredBatch
  /** Batches whose files nobody serves, or somebody with other bytes. */
  readonly missing?: readonly number[]
  /** How long it takes to see that nobody does. */
  readonly missingMs?: number
  readonly altered?: readonly number[]
}

/** An epoch of three batches with a project each, of three votes of which the last lost; and whoever proves one of them. */
export async function epoch({ isFresh = false, missing = [], altered = [], missingMs = 0, ...spoil }: Spoil = {}) {
  const tree = createTree()
  const files = new Map<Cid, Uint8Array>()
  const anchored: AnchoredBatch[] = []
  for (const project of [0, 1, 2]) {
    const projectId = `pairs:${project}:TEST` as ProjectId
    const [won, lost] = [await cidOf(`won ${project}`), await cidOf(`lost ${project}`)]
    const submissions = [1, 2, 3].map((slot) => ({
      submissionId: idOf(project, slot),
      submission: {
        request: { slotId: slot as SlotId, deadlineBlock: 9 as BlockNumber, snapshotCid: slot === 3 ? lost : won, epochId, projectId },
        signature: '00',
        header: '',
        dataMarket: '',
        nodeVersion: 'v1',
        protocolState: '',
      },
    }))
    const ids = submissions.map(({ submissionId }) => submissionId)
    tree.append(ids)
    const submissionsRoot = isFresh ? publishedRoot(ids) : tree.publishedRoot()
    const honest: Batch = { submissions, submissionsRoot, projectIds: [projectId], snapshotCids: [won] }
    const file = encodeBatch(spoil.batch?.(honest, project) ?? honest)
    const batchCid = await snapshotCidOf(file)
    if (!missing.includes(project)) files.set(batchCid, altered.includes(project) ? new Uint8Array([...file, 32]) : file)
    const told = {
      batchCid,
      projectIds: [projectId],
      snapshotCids: [won],
      rootHash: publishedRoot([won]),
      isFinalized: true,
      attestationCount: 3,
    }
    anchored.push(spoil.anchored?.(told, project) ?? told)
  }
  const chain = {
    currentEpoch: async () => ({ epochId }),
    isEpochEnded: async () => spoil.isOpen !== true,
    epochInfo: async () => ({ contractNumber: 10 }),
    head: async () => ({ contractNumber: 11 }),
    market: async () => ({ batchWindowBlocks: 10 }),
    batchCids: async () => anchored.map(({ batchCid }) => batchCid),
    batch: async (_epochId: EpochId, cid: Cid) => anchored.find(({ batchCid }) => batchCid === cid),
  } as unknown as AnchorChain
  let nowMs = 0
  const breaths: number[] = []
  const get = async (cid: Cid) => {
    const file = files.get(cid)
    if (file !== undefined) return file
    nowMs += missingMs
    throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: missingMs })
  }
  const prove = (project: number, slot: number, voter?: Voter) =>
    proveInclusion(
      { submissionId: idOf(project, slot) as SubmissionId, epochId, voter, signal: new AbortController().signal },
      { chain, ipfs: { get }, clock: { nowMs: () => nowMs, sleep: async () => void breaths.push(nowMs) } },
    )
  return { prove, anchored, breaths, chain, ipfs: { get }, clock: { nowMs: () => nowMs, sleep: async () => undefined } }
}
