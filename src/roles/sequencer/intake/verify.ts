import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import { eligibilityOf } from '#domain/eligibility.ts'
import { type Address, type EpochId, isProjectId, type ProjectId, type SlotId } from '#domain/ids.ts'
import { isInMarket, mayVoteOn } from '#domain/market-rules.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import { isWindowOpen } from '#domain/window.ts'
import type { RuleBook } from '#life/rules.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { isSnapshotCid } from '#wire/cid.ts'
import { readSignature, type SubmissionHasher } from '#wire/eip712.ts'
import { digestIn, type SignedPairs, signatureIn } from '#wire/signed-pairs.ts'
import type { SlotRates } from './slot-rates.ts'

/** For which data market submissions are taken. */
export interface ServedMarket {
  readonly dataMarket: Address
  readonly protocolState: Address
  /** When given, no other project is taken, and one that nobody submits is reported as missed. */
  readonly expectedProjects: ReadonlySet<ProjectId> | undefined
}

export interface VerifyDeps {
  readonly served: ServedMarket
  readonly view: AnchorView
  readonly rules: RuleBook
  rulesOf(epoch: ReleasedEpoch): EpochRules | undefined
  /** False until the chain was followed up to its head. */
  isReady(): boolean
  /** Whether what would be recorded could not be written down now. */
  isDiskFull(): boolean
  /** Whether the epoch takes submissions while its window is open, as far as the records say. */
  isOpen(epochId: EpochId): boolean
  isReleased(epochId: EpochId): boolean
}

/** `signer`: who has to have signed it. */
export type Verdict = { readonly ok: true; readonly signer: Address } | { readonly ok: false; readonly why: Rejection }

const refuse = (why: Rejection): Verdict => ({ ok: false, why })

/**
 * Whether a submission counts if its slot has signed it (spec/06 §2): all that tables tell, by the view of this moment. Of one that has no `contentRejection`, which
 * is asked for once, for it is the same at any time. Changes nothing.
 */
export function verify(submission: Submission, deps: VerifyDeps): Verdict {
  if (!deps.isReady()) return refuse('not_ready')
  if (deps.isDiskFull()) return refuse('disk_full')
  const { epochId, slotId } = submission.request
  // Epoch 0 proves connectivity (spec/02 §7): there is no window to be in, but the slot must be real and the signature its own.
  if (epochId === 0) {
    if (!isInMarket(submission.request.projectId, deps.rules.present)) return refuse('project_not_allowed')
    const signer = deps.view.head && deps.view.signerAt(slotId, deps.view.head.number)
    return signer === undefined ? refuse('slot_unknown') : { ok: true, signer }
  }
  const rules = openEpoch(epochId, deps)
  if (typeof rules === 'string') return refuse(rules)
  if (!isInMarket(submission.request.projectId, rules)) return refuse('project_not_allowed')
  const { window, deadlineBufferMaxBlocks } = rules
  const eligible = eligibilityOf(submission, { window, view: deps.view, deadlineBufferMaxBlocks })
  if (!eligible.ok) return refuse(eligible.why)
  const { signer } = eligible
  if (!mayVoteOn(submission.request.projectId, { epochId, slotId, signer }, rules)) return refuse('project_not_allowed')
  return { ok: true, signer }
}

/** Puts what tells who has signed a submission at its place among the pairs, and returns the digest; `undefined` when its signature is none. */
export function signedIn(
  pairs: SignedPairs,
  index: number,
  { submission: { request, signature }, hasher }: { readonly submission: Submission; readonly hasher: SubmissionHasher },
): Uint8Array | undefined {
  if (!readSignature(signature, signatureIn(pairs, index))) return undefined
  const digest = hasher.digest(request)
  digestIn(pairs, index).set(digest)
  return digest
}

/** What besides decides whether a submission is taken now. */
export interface RoomDeps {
  readonly slotRates: Pick<SlotRates, 'isOver'>
  /** Whether what is verified cannot go on its way to where it is recorded. */
  isWayFull?(slotId: SlotId): boolean
}

/** Whether the submission is refused only for something that time may bring, and that the next blocks are waited for: the start of the work, room, the release, its rules, the header, its slot's share. */
export function isAwaited(submission: Submission, why: Rejection, deps: VerifyDeps & RoomDeps): boolean {
  const { epochId, slotId } = submission.request
  if (why === 'rate_limited') return deps.slotRates.isOver(submission.request)
  if (why === 'inbox_full') return deps.isWayFull?.(slotId) === true
  if (why === 'not_ready') return !deps.isReady()
  if (why === 'disk_full') return deps.isDiskFull()
  if (why === 'epoch_unknown') return openEpoch(epochId, deps) === 'epoch_unknown'
  // A header that is known lies outside the window, and will.
  if (why === 'header_unknown')
    return typeof openEpoch(epochId, deps) !== 'string' && deps.view.header(submission.header.toLowerCase()) === undefined
  return false
}

/** What is against a submission whatever the chain says, and so for good (spec/06 §2). */
export function contentRejection({ request, dataMarket, protocolState }: Submission, served: ServedMarket): Rejection | undefined {
  if (dataMarket.toLowerCase() !== served.dataMarket) return 'market_unknown'
  if (protocolState !== '' && protocolState.toLowerCase() !== served.protocolState) return 'market_unknown'
  if (!isProjectId(request.projectId)) return 'project_malformed'
  if (served.expectedProjects !== undefined && !served.expectedProjects.has(request.projectId)) return 'project_not_allowed'
  return isSnapshotCid(request.snapshotCid) ? undefined : 'cid_malformed'
}

/** The rules of an epoch that takes submissions. */
function openEpoch(
  epochId: EpochId,
  { view, isOpen, isReleased, rulesOf }: VerifyDeps,
): EpochRules | Extract<Rejection, 'epoch_unknown' | 'window_closed'> {
  const epoch = view.epoch(epochId)
  if (epoch === undefined) return isReleased(epochId) ? 'window_closed' : 'epoch_unknown'
  if (!isOpen(epochId)) return 'window_closed'
  const rules = rulesOf(epoch)
  if (rules === undefined) return 'epoch_unknown'
  return view.head !== undefined && isWindowOpen(rules.window, view.head) ? rules : 'window_closed'
}
