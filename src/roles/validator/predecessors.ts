import type { Batch } from '#domain/batch.ts'
import type { Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createTree, type MerkleTree } from '#wire/merkle.ts'

/** The part of a batch that the later batches of its epoch are checked against. */
export interface BatchTraces {
  readonly submissionIds: readonly string[]
  readonly projectIds: ReadonlySet<ProjectId>
  /** Slots of which it holds a valid vote. */
  readonly voters: ReadonlySet<SlotId>
}

export const tracesOf = (batch: Batch, voters: ReadonlySet<SlotId>): BatchTraces => ({
  submissionIds: batch.submissions.map(({ submissionId }) => submissionId),
  projectIds: new Set(batch.projectIds),
  voters,
})

/** The batches of one epoch in the order of the chain, as far as they were read. */
export interface Predecessors {
  /** `undefined` when the batch could not be read. */
  add(index: number, traces: BatchTraces | undefined): void
  /** Forgets batch `index` and all after it: a reorganisation took them away. */
  cut(index: number): void
  /** Published root of the tree that continues all earlier batches with this one's ids; `undefined` when an earlier one is missing. */
  continuedRoot(index: number, submissionIds: readonly string[]): Hash | undefined
  /** Whether an earlier batch of the epoch holds the project, one that is `isRefuted` apart: what it had is another's to say now. */
  hasProject(index: number, projectId: ProjectId, isRefuted?: (index: number) => boolean): boolean
  /** Distinct slots among these and the voters of the epoch's earlier batches. Without one that could not be read it is less. */
  votersWith(index: number, voters: ReadonlySet<SlotId>): number
}

export function createPredecessors(): Predecessors {
  let known: (BatchTraces | undefined)[] = []
  /** Grows with the batches, so that an epoch of many batches is hashed once and not once per batch. */
  let tree: MerkleTree = createTree()
  let inTree = 0

  function treeBefore(index: number): MerkleTree | undefined {
    if (inTree > index) {
      tree = createTree()
      inTree = 0
    }
    for (; inTree < index; inTree += 1) {
      const traces = known[inTree]
      if (traces === undefined) return undefined
      tree.append(traces.submissionIds)
    }
    return tree
  }

  return {
    add(index, traces) {
      known[index] = traces
    },
    cut(index) {
      known = known.slice(0, index)
      tree = createTree()
      inTree = 0
    },
    continuedRoot(index, submissionIds) {
      const continued = treeBefore(index)
      if (continued === undefined) return undefined
      continued.append(submissionIds)
      inTree = index + 1
      return continued.publishedRoot()
    },
    hasProject: (index, projectId, isRefuted = () => false) =>
      known.slice(0, index).some((traces, place) => traces?.projectIds.has(projectId) && !isRefuted(place)),
    votersWith(index, voters) {
      const all = new Set(voters)
      for (const traces of known.slice(0, index)) for (const slotId of traces?.voters ?? []) all.add(slotId)
      return all.size
    },
  }
}
