import type { Batch } from '#domain/batch.ts'
import type { Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createTree, type MerkleTree } from '#wire/merkle.ts'

/** The part of a batch that the later batches of its epoch are checked against. */
export interface BatchTraces {
  /** `undefined` of a file that was not read so far. */
  readonly submissionIds: readonly string[] | undefined
  readonly projectIds: ReadonlySet<ProjectId>
  /** Slots of which it holds a valid vote. */
  readonly voters: ReadonlySet<SlotId>
}

export const tracesOf = (batch: Batch, voters: ReadonlySet<SlotId>): BatchTraces => ({
  submissionIds: batch.submissions.map(({ submissionId }) => submissionId),
  projectIds: new Set(batch.projectIds),
  voters,
})

/** What the chain alone tells of a batch with its projects listed, while its file is still to be had. */
export const tracesOnChain = (projectIds: readonly ProjectId[]): BatchTraces => ({
  submissionIds: undefined,
  projectIds: new Set(projectIds),
  voters: new Set(),
})

/** The batches of one epoch in the order of the chain, as far as they were read. */
export interface Predecessors {
  /** `undefined` when the batch could not be read. */
  add(index: number, traces: BatchTraces | undefined): void
  /** Forgets batch `index` and all after it: a reorganisation took them away. */
  cut(index: number): void
  /** Published root of the tree that continues all earlier batches with this one's ids; `undefined` when an earlier one is missing. */
  continuedRoot(index: number, submissionIds: readonly string[], breathe: () => Promise<void>): Promise<Hash | undefined>
  /** Whether an earlier batch of the epoch holds the project, one that is `isRefuted` apart: what it had is another's to say now. */
  hasProject(index: number, projectId: ProjectId, isRefuted?: (index: number) => boolean): boolean
  /** Distinct slots among these and the voters of the epoch's earlier batches. Without one that could not be read it is less. */
  votersWith(index: number, voters: ReadonlySet<SlotId>): ReadonlySet<SlotId>
}

/** Ids hashed before other work of the process gets its turn: about 2 µs each. */
const IDS_PER_TURN = 4_096

/** The root over the ids, and what it is that they are appended to; `breathe` lets others have their turn meanwhile. */
export async function rootWith(tree: MerkleTree, submissionIds: readonly string[], breathe: () => Promise<void>): Promise<Hash> {
  await append(tree, submissionIds, breathe)
  return tree.publishedRoot()
}

async function append(tree: MerkleTree, submissionIds: readonly string[], breathe: () => Promise<void>): Promise<void> {
  for (let from = 0; from < submissionIds.length; from += IDS_PER_TURN) {
    if (from > 0) await breathe()
    tree.append(submissionIds.slice(from, from + IDS_PER_TURN))
  }
}

export function createPredecessors(): Predecessors {
  let known: (BatchTraces | undefined)[] = []
  /** The batches that hold a project, so that an epoch of many batches is not looked through once per project. */
  let holders = new Map<ProjectId, Set<number>>()
  /** Grow with the batches, so that an epoch of many batches is hashed, and its voters counted, once and not once per batch. */
  let continued: { readonly tree: MerkleTree; batches: number } = { tree: createTree(), batches: 0 }
  let voted: { readonly slots: Set<SlotId>; batches: number } = { slots: new Set(), batches: 0 }

  function hold(index: number, projectIds: ReadonlySet<ProjectId>): void {
    for (const projectId of projectIds) {
      const places = holders.get(projectId)
      if (places === undefined) holders.set(projectId, new Set([index]))
      else places.add(index)
    }
  }

  function votersBefore(index: number): ReadonlySet<SlotId> {
    if (voted.batches > index) voted = { slots: new Set(), batches: 0 }
    for (; voted.batches < index; voted.batches += 1) for (const slotId of known[voted.batches]?.voters ?? []) voted.slots.add(slotId)
    return voted.slots
  }

  return {
    add(index, traces) {
      for (const projectId of known[index]?.projectIds ?? []) holders.get(projectId)?.delete(index)
      if (index < voted.batches) voted = { slots: new Set(), batches: 0 }
      known[index] = traces
      if (traces !== undefined) hold(index, traces.projectIds)
    },
    cut(index) {
      known = known.slice(0, index)
      holders = new Map()
      for (const [place, traces] of known.entries()) if (traces !== undefined) hold(place, traces.projectIds)
      continued = { tree: createTree(), batches: 0 }
      voted = { slots: new Set(), batches: 0 }
    },
    async continuedRoot(index, submissionIds, breathe) {
      // Whoever cuts while others have their turn puts another list and another tree in the place of these.
      const before = known
      if (continued.batches > index) continued = { tree: createTree(), batches: 0 }
      const growing = continued
      for (; growing.batches < index; growing.batches += 1) {
        const ids = before[growing.batches]?.submissionIds
        if (ids === undefined) return undefined
        await append(growing.tree, ids, breathe)
      }
      growing.batches = index + 1
      return rootWith(growing.tree, submissionIds, breathe)
    },
    hasProject(index, projectId, isRefuted = () => false) {
      for (const place of holders.get(projectId) ?? []) if (place < index && !isRefuted(place)) return true
      return false
    },
    votersWith(index, voters) {
      return new Set([...votersBefore(index), ...voters])
    },
  }
}
