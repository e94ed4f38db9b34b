import { isProjectId } from '#domain/ids.ts'
import type { AnchorView } from '#domain/anchor-view.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Recoverer } from '#io/keys/port.ts'
import { isSnapshotCid } from '#wire/cid.ts'
import { parseSignature, type SubmissionHasher } from '#wire/eip712.ts'
import type { Windows } from './windows.ts'

/** What a submission is held to, beside its form. */
export interface Ground {
  readonly market: Pick<AnchorChain, 'dataMarket' | 'protocolState'>
  readonly view: Pick<AnchorView, 'header' | 'signerAt'>
  readonly windows: Windows
  readonly hasher: SubmissionHasher
  readonly recoverer: Recoverer
}

/** What can be told of a submission wherever it comes from: its form. */
export function formRejection(submission: Submission): Rejection | undefined {
  const signature = signatureOf(submission)
  return typeof signature === 'string' ? signature : undefined
}

/** Its signature, as `parseSignature` gives it; or what is wrong with its form. */
function signatureOf({ request, signature }: Submission): Uint8Array | Rejection {
  if (!isProjectId(request.projectId)) return 'project_malformed'
  if (!isSnapshotCid(request.snapshotCid)) return 'cid_malformed'
  return parseSignature(signature) ?? 'signature_malformed'
}

/**
 * Why nobody would ever count the submission, or `undefined` (C12). The order is by cost: what costs a signature recovery comes last, so that
 * a flood of epochs that do not exist costs nothing (G7). What only the market's rules say, and whether the header is on the chain, is left to
 * the sequencer, which sees both.
 */
export function check(submission: Submission, { market, view, windows, hasher, recoverer }: Ground): Rejection | undefined {
  const { request, dataMarket, protocolState } = submission
  if (dataMarket.toLowerCase() !== market.dataMarket.toLowerCase()) return 'market_unknown'
  if (protocolState !== '' && protocolState.toLowerCase() !== market.protocolState.toLowerCase()) return 'market_unknown'
  const signature = signatureOf(submission)
  if (typeof signature === 'string') return signature
  const head = windows.now()
  if (head === undefined) return 'not_ready'
  const standing = windows.standing(request.epochId)
  if (standing === 'over') return 'window_closed'
  if (standing === 'far') return 'epoch_unknown'
  const signedAt = view.header(submission.header.toLowerCase()) ?? head
  const signer = view.signerAt(request.slotId, signedAt.number)
  if (signer === undefined) return 'slot_unknown'
  return recoverer.recover(hasher.digest(request), signature) === signer ? undefined : 'signer_mismatch'
}
