import type { BatchedSubmission } from '#domain/batch.ts'
import type { EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { type TallyResult, tally, type Vote } from '#domain/tally.ts'
import { votableOf, type VoteRules } from '#domain/votable.ts'

/** A valid vote, with what it was cast by. */
export type CountedVote = Vote & { readonly batched: BatchedSubmission }
/** Valid votes by project: each slot's first. */
export type VotesOfProjects = ReadonlyMap<ProjectId, ReadonlyMap<SlotId, CountedVote>>

/** What a validator heard itself, by epoch. */
export interface Hearsay {
  of(epochId: EpochId): readonly BatchedSubmission[]
}

/** Of what was heard, what counts on the chain as it is now: a reorganisation may have taken a header away. */
export function heardVotes(hearsay: Hearsay, rules: VoteRules): VotesOfProjects {
  const votes = new Map<ProjectId, Map<SlotId, CountedVote>>()
  for (const batched of hearsay.of(rules.epochId)) {
    const { projectId, slotId, snapshotCid } = batched.submission.request
    const votable = votableOf(batched.submission, rules)
    if (!votable.ok) continue
    const ofProject = votes.get(projectId) ?? new Map<SlotId, CountedVote>()
    votes.set(projectId, ofProject.set(slotId, { slotId, signer: votable.signer, snapshotCid, batched }))
  }
  return votes
}

export const votersIn = (votes: VotesOfProjects): ReadonlySet<SlotId> =>
  new Set([...votes.values()].flatMap((ofProject) => [...ofProject.keys()]))

const bySlot = (ofProject: ReadonlyMap<SlotId, CountedVote> | undefined): CountedVote[] =>
  [...(ofProject?.values() ?? [])].sort((left, right) => left.slotId - right.slotId)

/** One project, by the votes of its batch, and by those heard beside them. */
export interface Completed {
  readonly result: TallyResult
  /** What `result` was counted from, by slot. */
  readonly votes: readonly CountedVote[]
  /** Heard, and not in the batch: whatever the market asks for. */
  readonly lacking: readonly CountedVote[]
}

/**
 * The result of a project where votes that its batch lacks were heard (docs/adr/0008): theirs, where the market asks for completeness and they
 * make another CID win, by all that the market asks of a winner; in anything else the batch's own votes decide. So nobody can take a result
 * away by a vote that only validators were told.
 */
export function completed(
  projectId: ProjectId,
  { inBatch, heard, voters }: { readonly inBatch: VotesOfProjects; readonly heard: VotesOfProjects; readonly voters: ReadonlySet<SlotId> },
  { tally: policy, completeness }: Pick<MarketRules, 'tally' | 'completeness'>,
): Completed {
  const ofBatch = inBatch.get(projectId)
  const votes = bySlot(ofBatch)
  const result = tally(votes, policy, voters.size)
  const lacking = bySlot(heard.get(projectId)).filter(({ slotId }) => ofBatch?.has(slotId) !== true)
  const own: Completed = { result, votes, lacking }
  if (lacking.length === 0 || completeness === 'none') return own
  const all = [...votes, ...lacking].sort((left, right) => left.slotId - right.slotId)
  const slotsInEpoch = new Set([...voters, ...votersIn(heard)]).size
  const withHeard = tally(all, policy, slotsInEpoch)
  const isOther = withHeard.kind === 'finalized' && !(result.kind === 'finalized' && result.snapshotCid === withHeard.snapshotCid)
  return isOther ? { result: withHeard, votes: all, lacking } : own
}
