import { runsOf } from '#domain/batch.ts'
import type { ProjectId, SlotId } from '#domain/ids.ts'
import type { VerifiedSubmission } from '#domain/submission.ts'
import { type TallyPolicy, type TallyResult, tally, type Vote } from '#domain/tally.ts'
import type { Breathe } from './turns.ts'

/** One project of the epoch after counting. */
export interface CountedProject {
  readonly projectId: ProjectId
  readonly result: TallyResult
  /** Its votes, ordered by slot. */
  readonly ballots: readonly VerifiedSubmission[]
}

// What is called for each vote is made once, here: made for each epoch it would be compiled for each epoch.
const slotOf = ({ submission }: VerifiedSubmission): SlotId => submission.request.slotId
const voteOf = ({ signer, submission: { request } }: VerifiedSubmission): Vote => ({
  slotId: request.slotId,
  snapshotCid: request.snapshotCid,
  signer,
})

/** Counts each project of an epoch by the finalisation rule. Pure: the same ballots give the same result (G2). `ballots` are all of the epoch, ordered by project. */
export async function finalize(
  ballots: readonly VerifiedSubmission[],
  policy: TallyPolicy,
  breathe: Breathe,
): Promise<readonly CountedProject[]> {
  const slotsInEpoch = new Set(ballots.map(slotOf)).size
  const counted: CountedProject[] = []
  for (const ofProject of runsOf(ballots)) {
    const { projectId } = (ofProject[0] as VerifiedSubmission).submission.request
    counted.push({ projectId, ballots: ofProject, result: tally(ofProject.map(voteOf), policy, slotsInEpoch) })
    await breathe(ofProject.length)
  }
  return counted
}
