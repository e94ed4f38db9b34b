import type { AnchorView } from '#domain/anchor-view.ts'
import { byCodeUnit, type EpochId, type ProjectId } from '#domain/ids.ts'
import type { VerifiedSubmission } from '#domain/submission.ts'
import { isInWindow, type SubmissionWindow } from '#domain/window.ts'
import type { Store } from '#io/store/port.ts'
import { pagesOf } from '#life/pages.ts'
import { decodeBallot } from '#roles/sequencer/intake/ballot.ts'
import type { Ballots } from '#roles/sequencer/intake/record.ts'
import { votesPrefix } from '#roles/sequencer/keys.ts'
import type { SubmissionHasher } from '#wire/eip712.ts'
import { withUniqueIds } from '#wire/unique-ids.ts'
import type { Breathe } from './turns.ts'

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
  deps: CollectDeps,
  breathe: Breathe,
): Promise<readonly VerifiedSubmission[]> {
  const { store, view, ballots, hasher } = deps
  await store.flush()
  /** By header: nearly all votes name one of a few. */
  const isCounted = new Map<string, boolean>()
  const counted: VerifiedSubmission[] = []
  for (const vote of ballots.inMemory(epochId) ?? (await readVotes(epochId, store, breathe))) {
    const { header } = vote.submission
    let isIn = isCounted.get(header)
    if (isIn === undefined) {
      const block = view.header(header)
      isIn = block !== undefined && isInWindow(window, block)
      isCounted.set(header, isIn)
    }
    if (isIn) counted.push(vote)
  }
  await breathe(counted.length)
  return withUniqueIds(await inOrder(counted, breathe), hasher, breathe)
}

export interface CollectDeps {
  readonly store: Store
  readonly view: AnchorView
  readonly ballots: Pick<Ballots, 'inMemory'>
  readonly hasher: Pick<SubmissionHasher, 'digest'>
}

/** What an earlier process recorded. */
async function readVotes(epochId: EpochId, store: Store, breathe: Breathe): Promise<readonly VerifiedSubmission[]> {
  const votes: VerifiedSubmission[] = []
  for (const page of pagesOf(store, votesPrefix(epochId), PAGE_LENGTH)) {
    votes.push(...page.map(({ value }) => decodeBallot(value)))
    await breathe(page.length)
  }
  return votes
}

// What is called for each vote is made once, here: made for each epoch it would be compiled for each epoch.
const projectOf = ({ submission }: VerifiedSubmission): ProjectId => submission.request.projectId
const bySlot = (left: VerifiedSubmission, right: VerifiedSubmission): number =>
  left.submission.request.slotId - right.submission.request.slotId

/** Which of them came first is forgotten here (G2). */
async function inOrder(votes: readonly VerifiedSubmission[], breathe: Breathe): Promise<readonly VerifiedSubmission[]> {
  const perProject = Map.groupBy(votes, projectOf)
  const ordered: VerifiedSubmission[] = []
  for (const projectId of [...perProject.keys()].sort(byCodeUnit)) {
    const ofProject = perProject.get(projectId) as VerifiedSubmission[]
    ordered.push(...ofProject.sort(bySlot))
    await breathe(ofProject.length)
  }
  return ordered
}
