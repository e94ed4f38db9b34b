import type { AnchorView } from './anchor-view.ts'
import type { Address, BlockNumber } from './ids.ts'
import type { Rejection } from './rejection.ts'
import type { Submission } from './submission.ts'
import { isInWindow, type SubmissionWindow } from './window.ts'

/** Where and by whom a submission must have been signed, as the chain tells it. */
export interface Eligible {
  /** Who must have signed. */
  readonly signer: Address
  readonly headerBlock: BlockNumber
}

export type Eligibility = ({ readonly ok: true } & Eligible) | { readonly ok: false; readonly why: Rejection }

/**
 * What the chain says about a submission, before its signature is looked at (spec/06 §2): the header is a canonical block within the
 * window, `header ≤ deadline ≤ header + deadlineBufferMax`, and the slot has an active signer. The sequencer asks before it takes a
 * submission, a validator before it counts one: both run this function, so they cannot differ.
 */
export function eligibilityOf(
  submission: Submission,
  rules: {
    readonly window: SubmissionWindow
    readonly view: Pick<AnchorView, 'header' | 'signerAt'>
    readonly deadlineBufferMaxBlocks: number
  },
): Eligibility {
  const { slotId, deadlineBlock } = submission.request
  const header = rules.view.header(submission.header.toLowerCase())
  if (header === undefined || !isInWindow(rules.window, header)) return { ok: false, why: 'header_unknown' }
  if (deadlineBlock < header.number) return { ok: false, why: 'deadline_passed' }
  if (deadlineBlock > header.number + rules.deadlineBufferMaxBlocks) return { ok: false, why: 'deadline_too_far' }
  const signer = rules.view.signerAt(slotId, header.number)
  if (signer === undefined) return { ok: false, why: 'slot_unknown' }
  return { ok: true, signer, headerBlock: header.number }
}
