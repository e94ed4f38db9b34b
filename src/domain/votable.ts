import type { AnchorView } from './anchor-view.ts'
import { type Eligible, eligibilityOf } from './eligibility.ts'
import { type EpochId, namespaceOf } from './ids.ts'
import { isInMarket, type MarketRules, mayVoteOn } from './market-rules.ts'
import type { Submission } from './submission.ts'
import type { SubmissionWindow } from './window.ts'

/** The rules of a market by which a submission in a batch counts as a vote in one epoch. */
export interface VoteRules extends Pick<MarketRules, 'namespace' | 'voting' | 'deadlineBufferMaxBlocks'> {
  readonly epochId: EpochId
  readonly window: SubmissionWindow
  readonly view: Pick<AnchorView, 'header' | 'signerAt'>
}

/** What can keep a submission from counting, apart from its signature. */
export type VoteCheck =
  | 'submission_epoch'
  | 'submission_namespace'
  | 'submission_listed'
  | 'submission_header'
  | 'submission_deadline'
  | 'submission_slot'

export type Votable =
  | ({ readonly ok: true } & Eligible)
  | { readonly ok: false; readonly check: VoteCheck; readonly expected: string; readonly got: string }

/**
 * Whether a submission that a batch holds counts, if its signature is the returned signer's, by the rules by which sequencers admit them
 * (spec/07 §3, 4). Validators and consumers judge by this function, so that what one finds valid the other does too.
 */
export function votableOf(submission: Submission, rules: VoteRules): Votable {
  const { request } = submission
  const not = (check: VoteCheck, expected: string, got: string): Votable => ({ ok: false, check, expected, got })
  if (request.epochId !== rules.epochId) return not('submission_epoch', String(rules.epochId), String(request.epochId))
  const namespace = namespaceOf(request.projectId)
  if (namespace !== rules.namespace) return not('submission_namespace', rules.namespace, namespace)
  if (!isInMarket(request.projectId, rules)) return not('submission_listed', 'a project on which may be voted', request.projectId)
  const eligible = eligibilityOf(submission, rules)
  if (eligible.ok) {
    if (mayVoteOn(request.projectId, { ...request, signer: eligible.signer }, rules)) return eligible
    return not('submission_listed', `a project of the data source that is slot ${request.slotId}'s turn`, request.projectId)
  }
  if (eligible.why === 'header_unknown') return not('submission_header', 'a block within the window', submission.header)
  if (eligible.why === 'slot_unknown') return not('submission_slot', 'an active slot', String(request.slotId))
  const expected = eligible.why === 'deadline_passed' ? 'not before the header' : 'not that far ahead'
  return not('submission_deadline', expected, String(request.deadlineBlock))
}
