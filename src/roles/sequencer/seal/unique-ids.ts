import type { SubmissionId } from '#domain/ids.ts'
import type { VerifiedSubmission } from '#domain/submission.ts'
import type { SubmissionHasher } from '#wire/eip712.ts'
import type { Breathe } from './turns.ts'

/** Ids looked at before others may have their turn. */
const IDS_PER_PART = 1_000

/**
 * Senders choose their ids, and ids must be unique within a batch, or anybody could spoil it. Of one that several votes bear none keeps it: each
 * gets one made from its signed digest. Which vote came first must not matter, so this looks at all of an epoch (S3, G2).
 */
export async function withUniqueIds(
  ballots: readonly VerifiedSubmission[],
  hasher: Pick<SubmissionHasher, 'digest'>,
  breathe: Breathe,
): Promise<readonly VerifiedSubmission[]> {
  const taken = new Set<string>()
  for (let from = 0; from < ballots.length; from += IDS_PER_PART) {
    const part = ballots.slice(from, from + IDS_PER_PART)
    for (const { submissionId } of part) taken.add(submissionId)
    await breathe(part.length)
  }
  if (taken.size === ballots.length) return ballots
  const shared = sharedIds(ballots)
  return ballots.map((ballot) => {
    if (!shared.has(ballot.submissionId)) return ballot
    const submissionId = freeId(hasher.digest(ballot.submission.request), taken)
    taken.add(submissionId)
    return { ...ballot, submissionId }
  })
}

/** Those that several bear. */
function sharedIds(ballots: readonly VerifiedSubmission[]): Set<string> {
  const seen = new Set<string>()
  const shared = new Set<string>()
  for (const { submissionId } of ballots) {
    if (seen.has(submissionId)) shared.add(submissionId)
    seen.add(submissionId)
  }
  return shared
}

/** A version 4 UUID made of the digest, and counted up while it is `taken`: somebody may have guessed it and used it first. */
function freeId(digest: Uint8Array, taken: ReadonlySet<string>): SubmissionId {
  const bytes = digest.slice(0, 16)
  bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40
  bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80
  const first = new DataView(bytes.buffer)
  for (;;) {
    const hex = bytes.toHex()
    const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
    if (!taken.has(id)) return id as SubmissionId
    first.setUint32(0, first.getUint32(0) + 1)
  }
}
