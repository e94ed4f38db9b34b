import type { AnchorView } from '#domain/anchor-view.ts'
import type { EpochId } from '#domain/ids.ts'
import { isInWindow, type SubmissionWindow } from '#domain/window.ts'
import type { Store } from '#io/store/port.ts'
import type { SubmissionHasher } from '#wire/eip712.ts'
import { type Ballot, decodeBallot } from './ballot.ts'
import { votesPrefix } from './keys.ts'
import type { Breathe } from './turns.ts'
import { withUniqueIds } from './unique-ids.ts'

/** Ballots read in one go: a page of some hundred kilobytes, in a millisecond or two. */
const PAGE_LENGTH = 500

/**
 * Every vote that counts for the epoch, ordered by project id, then slot. Waits until all recorded ones are durable, so that the outcome
 * rests on nothing that a crash could take back (G1). Votes whose header a reorganisation removed from the window are left out, and no two
 * bear one id (S3).
 */
export async function collect(
  epochId: EpochId,
  window: SubmissionWindow,
  { store, view, hasher }: { readonly store: Store; readonly view: AnchorView; readonly hasher: Pick<SubmissionHasher, 'digest'> },
  breathe: Breathe,
): Promise<readonly Ballot[]> {
  await store.flush()
  const ballots: Ballot[] = []
  const prefix = votesPrefix(epochId)
  let page = store.scan(prefix, { limit: PAGE_LENGTH })
  while (page.length > 0) {
    for (const { value } of page) {
      const ballot = decodeBallot(value)
      const header = view.header(ballot.submission.header)
      if (header !== undefined && isInWindow(window, header)) ballots.push(ballot)
    }
    await breathe(page.length)
    page = store.scan(prefix, { after: page.at(-1)?.key ?? prefix, limit: PAGE_LENGTH })
  }
  return withUniqueIds(ballots, hasher)
}
