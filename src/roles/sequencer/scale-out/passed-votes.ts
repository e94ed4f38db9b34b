import type { Address, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { isTaken, type ReceiptCode } from '#domain/rejection.ts'
import type { Submission, VerifiedSubmission } from '#domain/submission.ts'
import { isSameVote, type KnownVote } from '#roles/sequencer/intake/record.ts'

/**
 * Of each slot the vote on a project that this listener has passed on: while it is on its way, and once a box has taken it, until the epoch is over. Who has
 * signed the very same is known, as a box knows it (S26). So there are no more of them than may be under way, and than the market takes.
 */
export interface PassedVotes {
  note(vote: VerifiedSubmission): void
  /** What the box made of one that was noted. */
  judged(vote: VerifiedSubmission, code: ReceiptCode): void
  /** As `Ballots.signerOf`. */
  signerOf(submission: Submission): Address | undefined
  close(epochId: EpochId): void
}

type OfEpoch = Map<ProjectId, Map<SlotId, KnownVote>>

export function createPassedVotes(): PassedVotes {
  const open = new Map<EpochId, OfEpoch>()

  function keep(projects: OfEpoch, { submission: { request, signature }, signer }: VerifiedSubmission): void {
    const { projectId, slotId, snapshotCid, deadlineBlock } = request
    const slots = projects.get(projectId) ?? new Map<SlotId, KnownVote>()
    projects.set(projectId, slots)
    slots.set(slotId, { request: { snapshotCid, deadlineBlock }, signature, signer })
  }

  function remove(projects: OfEpoch, { request: { projectId, slotId } }: Submission): void {
    const slots = projects.get(projectId)
    slots?.delete(slotId)
    if (slots?.size === 0) projects.delete(projectId)
  }

  const knownOf = ({ request: { epochId, projectId, slotId } }: Submission): KnownVote | undefined =>
    open.get(epochId)?.get(projectId)?.get(slotId)

  return {
    note(vote) {
      const { epochId } = vote.submission.request
      // Each sign of life is one of its own.
      if (epochId === 0) return
      const passed: OfEpoch = open.get(epochId) ?? new Map()
      open.set(epochId, passed)
      if (knownOf(vote.submission) === undefined) keep(passed, vote)
    },
    judged(vote, code) {
      const passed = open.get(vote.submission.request.epochId)
      if (passed === undefined) return
      const known = knownOf(vote.submission)
      const isIt = known !== undefined && isSameVote(known, vote.submission)
      // One whose block a reorganisation took away has made place for it.
      if (code === 'accepted' && !isIt) keep(passed, vote)
      if (!isTaken(code) && isIt) remove(passed, vote.submission)
    },
    signerOf(submission) {
      const known = knownOf(submission)
      return known && isSameVote(known, submission) ? known.signer : undefined
    },
    close: (epochId) => void open.delete(epochId),
  }
}
