import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import { eligibilityOf } from '#domain/eligibility.ts'
import { type Address, type EpochId, isProjectId, namespaceOf, type ProjectId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import { isWindowOpen } from '#domain/window.ts'
import type { Recoverer } from '#io/keys/port.ts'
import { isSnapshotCid } from '#wire/cid.ts'
import { parseSignature, type SubmissionHasher } from '#wire/eip712.ts'

/** What one data market takes. */
export interface MarketRules {
  readonly dataMarket: Address
  readonly protocolState: Address
  /** The part of a project id after its last colon. */
  readonly namespace: string
  /** When given, no other project is taken, and one that nobody submits is reported as missed. */
  readonly expectedProjects: ReadonlySet<ProjectId> | undefined
  /** How far ahead of its header a signed deadline may lie; published nodes use 500 (spec/02 §1). */
  readonly deadlineBufferMaxBlocks: number
}

export interface VerifyDeps {
  readonly market: MarketRules
  readonly view: AnchorView
  /** False until the chain was followed up to its head. */
  isReady(): boolean
  /** Whether the epoch still takes submissions, as far as the records say. */
  isOpen(epochId: EpochId): boolean
  isReleased(epochId: EpochId): boolean
  readonly hasher: SubmissionHasher
  readonly recoverer: Recoverer
}

export type Verdict =
  | { readonly ok: true; readonly signer: Address; readonly isSimulation: boolean; readonly digest: Uint8Array }
  | { readonly ok: false; readonly why: Rejection }

const refuse = (why: Rejection): Verdict => ({ ok: false, why })

/**
 * Whether a submission counts (spec/06 §2). Changes nothing. The order is by cost: tables first, the one signature recovery last,
 * so that a refused submission costs one recovery at most (G7).
 */
export function verify(submission: Submission, deps: VerifyDeps): Verdict {
  const content = contentRejection(submission, deps.market)
  if (content !== undefined) return refuse(content)
  if (!deps.isReady()) return refuse('not_ready')
  const { epochId, slotId } = submission.request
  // Epoch 0 proves connectivity (spec/02 §7): there is no window to be in, but the slot must be real and the signature its own.
  if (epochId === 0) {
    const signer = deps.view.head && deps.view.signerAt(slotId, deps.view.head.number)
    return signer === undefined ? refuse('slot_unknown') : verifySigner(submission, signer, deps)
  }
  const epoch = openEpoch(epochId, deps)
  if (typeof epoch === 'string') return refuse(epoch)
  const eligible = eligibilityOf(submission, {
    window: epoch.window,
    view: deps.view,
    deadlineBufferMaxBlocks: deps.market.deadlineBufferMaxBlocks,
  })
  return eligible.ok ? verifySigner(submission, eligible.signer, deps) : refuse(eligible.why)
}

/** Whether the submission is refused only for something that the next blocks may bring: the start of the work, the release, the header. */
export function isAwaited(submission: Submission, why: Rejection, deps: VerifyDeps): boolean {
  const { epochId } = submission.request
  if (why === 'not_ready') return !deps.isReady()
  if (why === 'epoch_unknown') return openEpoch(epochId, deps) === 'epoch_unknown'
  // A header that is known lies outside the window, and will.
  if (why === 'header_unknown')
    return typeof openEpoch(epochId, deps) !== 'string' && deps.view.header(submission.header.toLowerCase()) === undefined
  return false
}

function contentRejection({ request, dataMarket, protocolState }: Submission, market: MarketRules): Rejection | undefined {
  if (dataMarket.toLowerCase() !== market.dataMarket) return 'market_unknown'
  if (protocolState !== '' && protocolState.toLowerCase() !== market.protocolState) return 'market_unknown'
  if (!isProjectId(request.projectId)) return 'project_malformed'
  if (namespaceOf(request.projectId) !== market.namespace) return 'project_not_allowed'
  if (market.expectedProjects !== undefined && !market.expectedProjects.has(request.projectId)) return 'project_not_allowed'
  return isSnapshotCid(request.snapshotCid) ? undefined : 'cid_malformed'
}

function openEpoch(epochId: EpochId, { view, isOpen, isReleased }: VerifyDeps): ReleasedEpoch | 'epoch_unknown' | 'window_closed' {
  const epoch = view.epoch(epochId)
  if (epoch === undefined) return isReleased(epochId) ? 'window_closed' : 'epoch_unknown'
  const isTaking = isOpen(epochId) && view.head !== undefined && isWindowOpen(epoch.window, view.head)
  return isTaking ? epoch : 'window_closed'
}

function verifySigner(submission: Submission, signer: Address, { hasher, recoverer }: VerifyDeps): Verdict {
  const signature = parseSignature(submission.signature)
  if (signature === undefined) return refuse('signature_malformed')
  const digest = hasher.digest(submission.request)
  if (recoverer.recover(digest, signature) !== signer) return refuse('signer_mismatch')
  return { ok: true, signer, isSimulation: submission.request.epochId === 0, digest }
}
