import type { Cid, ProjectId } from './ids.ts'
import type { Submission } from './submission.ts'

/** A submission as a batch holds it. The id is as its sender wrote it. */
export interface BatchedSubmission {
  readonly submissionId: string
  readonly submission: Submission
}

/** The content of a batch file (spec/06 §8). Order matters everywhere: both Merkle trees are built over it. */
export interface Batch {
  readonly submissions: readonly BatchedSubmission[]
  /** Published root over the submission ids: `roothash` in the file. */
  readonly submissionsRoot: string
  readonly projectIds: readonly ProjectId[]
  /** `snapshotCids[i]` is what `projectIds[i]` was finalized with. */
  readonly snapshotCids: readonly Cid[]
}

/** Consecutive submissions of one project. */
export function runsOf<One extends BatchedSubmission>(submissions: readonly One[]): One[][] {
  const runs: One[][] = []
  let from = 0
  for (const [index, one] of submissions.entries()) {
    if (one.submission.request.projectId === submissions[from]?.submission.request.projectId) continue
    runs.push(submissions.slice(from, index))
    from = index
  }
  if (submissions.length > 0) runs.push(submissions.slice(from))
  return runs
}

/** Projects that a market may ask for in one batch at most; what the contract lists of a batch holds fewer (docs/CONTRACTS.md, "A batch is code"). */
export const BATCH_PROJECTS_MAX = 1_000
/** Batches of an epoch that anybody looks at, in the order of the chain: enough for 680,000 projects (docs/CONTRACTS.md, "A batch is code"). */
export const EPOCH_BATCHES_MAX = 1_000

export interface BatchLimits {
  readonly projectsMax: number
  /** A project that alone is larger gets a batch to itself: its submissions are never torn apart. */
  readonly bytesMax: number
  /** Of the call that anchors it, which must fit into a block. */
  readonly gasMax: number
}

/** What a project takes of a batch. */
export interface BatchShare {
  readonly bytes: number
  readonly gas: number
}

/** Cuts projects, in their given order, into batches: as many as fit, then the next. The same input always gives the same cut. */
export function splitIntoBatches<Project extends BatchShare>(projects: readonly Project[], limits: BatchLimits): Project[][] {
  const batches: Project[][] = []
  let bytes = 0
  let gas = 0
  for (const project of projects) {
    const last = batches.at(-1)
    const isFull = last === undefined || last.length >= limits.projectsMax
    if (isFull || bytes + project.bytes > limits.bytesMax || gas + project.gas > limits.gasMax) {
      batches.push([project])
      bytes = project.bytes
      gas = project.gas
    } else {
      last.push(project)
      bytes += project.bytes
      gas += project.gas
    }
  }
  return batches
}

/** Storing a word that was zero, with what it takes to get there. */
const WORD_GAS = 22_100
const CALLDATA_BYTE_GAS = 16

/** At most how much gas a project adds to the vote that makes its batch final: 9 million for 100 of them (docs/CONTRACTS.md). */
export const FINAL_PROJECT_GAS = 100_000

/**
 * At most how much gas a project adds to the call that anchors it: its name is stored at its first appearance, which nobody can tell here.
 * `contracts/snapshots/GasTest.json` has 64,000 for an id of 78 characters, of which this makes 68,500; later it is 24,000.
 */
export function anchorGas(projectId: ProjectId, snapshotCid: Cid): number {
  return WORD_GAS * Math.ceil((projectId.length + 1) / 32) + CALLDATA_BYTE_GAS * (projectId.length + snapshotCid.length)
}
