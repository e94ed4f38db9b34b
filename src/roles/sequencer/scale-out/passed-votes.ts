import type { Address, EpochId } from '#domain/ids.ts'
import { isTaken, type ReceiptCode } from '#domain/rejection.ts'
import type { Submission, VerifiedSubmission } from '#domain/submission.ts'
import { isSameVote, withSharedTexts } from '#roles/sequencer/intake/record.ts'
import { voteKey } from '#roles/sequencer/keys.ts'

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

interface Passed {
  readonly votes: Map<string, VerifiedSubmission>
  readonly texts: Map<string, string>
}

const keyOf = ({ request: { epochId, projectId, slotId } }: Submission): string => voteKey(epochId, projectId, slotId)

export function createPassedVotes(): PassedVotes {
  const open = new Map<EpochId, Passed>()

  function keep({ votes, texts }: Passed, { submissionId, submission, signer }: VerifiedSubmission): void {
    votes.set(keyOf(submission), { submissionId, submission: withSharedTexts(submission, texts), signer })
  }

  return {
    note(vote) {
      const { epochId } = vote.submission.request
      // Each sign of life is one of its own.
      if (epochId === 0) return
      const passed = open.get(epochId) ?? { votes: new Map(), texts: new Map() }
      open.set(epochId, passed)
      if (!passed.votes.has(keyOf(vote.submission))) keep(passed, vote)
    },
    judged(vote, code) {
      const passed = open.get(vote.submission.request.epochId)
      if (passed === undefined) return
      const key = keyOf(vote.submission)
      const known = passed.votes.get(key)
      const isIt = known !== undefined && isSameVote(known.submission, vote.submission)
      // One whose block a reorganisation took away has made place for it.
      if (code === 'accepted' && !isIt) keep(passed, vote)
      if (!isTaken(code) && isIt) passed.votes.delete(key)
    },
    signerOf(submission) {
      const known = open.get(submission.request.epochId)?.votes.get(keyOf(submission))
      return known && isSameVote(known.submission, submission) ? known.signer : undefined
    },
    close: (epochId) => void open.delete(epochId),
  }
}
