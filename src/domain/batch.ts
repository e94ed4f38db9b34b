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

export interface BatchLimits {
  readonly projectsMax: number
  /** A project that alone is larger gets a batch to itself: its submissions are never torn apart. */
  readonly bytesMax: number
}

/** Cuts projects, in their given order, into batches: as many as fit, then the next. The same input always gives the same cut. */
export function splitIntoBatches<Project extends { readonly bytes: number }>(
  projects: readonly Project[],
  limits: BatchLimits,
): Project[][] {
  const batches: Project[][] = []
  let bytes = 0
  for (const project of projects) {
    const last = batches.at(-1)
    if (last === undefined || last.length >= limits.projectsMax || bytes + project.bytes > limits.bytesMax) {
      batches.push([project])
      bytes = project.bytes
    } else {
      last.push(project)
      bytes += project.bytes
    }
  }
  return batches
}
