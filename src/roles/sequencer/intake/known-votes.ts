import type { Address } from '#domain/ids.ts'
import type { Submission, SubmissionRequest, VerifiedSubmission } from '#domain/submission.ts'
import { voteKey } from '#roles/sequencer/keys.ts'
import { parseSignature } from '#wire/eip712.ts'

/** What tells a vote from another of its slot, project and epoch. */
export interface SignedVote {
  readonly request: Pick<SubmissionRequest, 'snapshotCid' | 'deadlineBlock'>
  readonly signature: string
}

/** Some 600 bytes, with its place. */
export interface KnownVote extends SignedVote {
  readonly signer: Address
}

export function knownVote({ submission: { request, signature }, signer }: VerifiedSubmission): KnownVote {
  const { snapshotCid, deadlineBlock } = request
  return { request: { snapshotCid, deadlineBlock }, signature, signer }
}

/** Whether both are the same vote with the same signature, of which anybody can change letters and what is not signed: of one slot, project and epoch. */
export function isSameVote(left: SignedVote, right: SignedVote): boolean {
  const [one, other] = [left.request, right.request]
  if (one.snapshotCid !== other.snapshotCid || one.deadlineBlock !== other.deadlineBlock) return false
  return left.signature === right.signature || bytesOf(left) === bytesOf(right)
}

const bytesOf = ({ signature }: SignedVote): string | undefined => parseSignature(signature)?.toHex()

/** Of each vote that counts, how many others of its slot on its project are known by their bytes: a slot signs anew after a reorganisation, or where two nodes of its owner run. */
const OTHERS_PER_VOTE_MAX = 4

/** What slots have signed in an epoch beside the votes that count: whoever hears it may send it again, which is to cost the slot nothing (S26). */
export interface OtherVotes {
  /** Of the slot and project that `place` names; of each the newest few are kept. */
  note(place: Submission, vote: KnownVote): void
  /** Who has signed this very vote, where it was noted. */
  signerOf(submission: Submission): Address | undefined
}

export function createOtherVotes(): OtherVotes {
  const others = new Map<string, readonly KnownVote[]>()
  const keyOf = ({ request: { epochId, projectId, slotId } }: Submission): string => voteKey(epochId, projectId, slotId)
  const find = (known: readonly KnownVote[], vote: SignedVote) => known.find((other) => isSameVote(other, vote))
  return {
    note(place, vote) {
      const key = keyOf(place)
      const known = others.get(key) ?? []
      if (find(known, vote) === undefined) others.set(key, [...known.slice(1 - OTHERS_PER_VOTE_MAX), vote])
    },
    signerOf(submission) {
      return others.size === 0 ? undefined : find(others.get(keyOf(submission)) ?? [], submission)?.signer
    },
  }
}
