import type { Address, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { isTaken, type ReceiptCode } from '#domain/rejection.ts'
import type { Submission, VerifiedSubmission } from '#domain/submission.ts'
import { createOtherVotes, isSameVote, type KnownVote, knownVote, type OtherVotes } from '#roles/sequencer/intake/known-votes.ts'

/**
 * Of each slot the vote on a project that this listener has passed on: while it is on its way, and once a box has taken it, until the epoch is over. Who has
 * signed the very same is known, as a box knows it (S26), and so are the few others that a box has judged beside it. So there are no more of them than may be under way, and a few times what the market takes.
 */
export interface PassedVotes {
  note(vote: VerifiedSubmission): void
  /** What the box made of one that was noted. */
  judged(vote: VerifiedSubmission, code: ReceiptCode): void
  /** As `Ballots.signerOf`. */
  signerOf(submission: Submission): Address | undefined
  close(epochId: EpochId): void
}

interface OfEpoch {
  readonly votes: Map<ProjectId, Map<SlotId, KnownVote>>
  readonly others: OtherVotes
}

export function createPassedVotes(): PassedVotes {
  const open = new Map<EpochId, OfEpoch>()

  function keep({ votes }: OfEpoch, vote: VerifiedSubmission): void {
    const { projectId, slotId } = vote.submission.request
    const slots = votes.get(projectId) ?? new Map<SlotId, KnownVote>()
    votes.set(projectId, slots)
    slots.set(slotId, knownVote(vote))
  }

  function remove({ votes }: OfEpoch, { request: { projectId, slotId } }: Submission): void {
    const slots = votes.get(projectId)
    slots?.delete(slotId)
    if (slots?.size === 0) votes.delete(projectId)
  }

  const knownOf = ({ request: { epochId, projectId, slotId } }: Submission): KnownVote | undefined =>
    open.get(epochId)?.votes.get(projectId)?.get(slotId)

  return {
    note(vote) {
      const { epochId } = vote.submission.request
      // Each sign of life is one of its own.
      if (epochId === 0) return
      const passed: OfEpoch = open.get(epochId) ?? { votes: new Map(), others: createOtherVotes() }
      open.set(epochId, passed)
      if (knownOf(vote.submission) === undefined) keep(passed, vote)
    },
    judged(vote, code) {
      const passed = open.get(vote.submission.request.epochId)
      if (passed === undefined) return
      const known = knownOf(vote.submission)
      const isIt = known !== undefined && isSameVote(known, vote.submission)
      if (isIt) {
        if (!isTaken(code)) remove(passed, vote.submission)
      } else if (code === 'accepted') {
        // One whose block a reorganisation took away has made place for it.
        if (known !== undefined) passed.others.note(vote.submission, known)
        keep(passed, vote)
      } else if (code === 'duplicate' || code === 'vote_conflict') passed.others.note(vote.submission, knownVote(vote))
    },
    signerOf(submission) {
      const known = knownOf(submission)
      if (known && isSameVote(known, submission)) return known.signer
      return open.get(submission.request.epochId)?.others.signerOf(submission)
    },
    close: (epochId) => void open.delete(epochId),
  }
}
