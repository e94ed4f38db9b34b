import type { AnchorView } from '#domain/anchor-view.ts'
import { codeOf } from '#domain/contract-codes.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, ContentHash, EpochId, Hash } from '#domain/ids.ts'
import type { AnchorChain, AnchoredBatch, ProtocolSender } from '#io/chain/port.ts'
import type { Store } from '#io/store/port.ts'
import { letGoOfEntries } from '#life/retention.ts'
import { GUARDS_PREFIX, guardKey, guardsPrefix, REFUSALS_PREFIX, refusalsKey, refusalsPrefix, SIGNED_UP_TO_KEY } from './keys.ts'

export interface AttestDeps {
  readonly store: Store
  readonly chain: AnchorChain
  readonly sender: Pick<ProtocolSender, 'address' | 'send'>
  /** As far as the chain was followed. */
  readonly view: Pick<AnchorView, 'head'>
}

/** A validator's word about a batch. */
export interface Attestation {
  readonly epochId: EpochId
  readonly batchCid: Cid
  readonly root: Hash
  /** Of the projects and CIDs on chain that were judged; absent where contracts do not take it. */
  readonly contentHash?: ContentHash | undefined
  /** Of the batch on chain, for the gas: no part of what is said. */
  readonly projectCount?: number | undefined
}

/**
 * `attested`: mined, in the block given. `attested_before`: the chain already has this validator's word, though this disk does not know
 * of it. `refused`: by the contract, with its code.
 */
export type Attested =
  | { readonly kind: 'attested'; readonly blockNumber: BlockNumber }
  | { readonly kind: 'attested_before' }
  /** `isBatchThere`: for the want of something that the chain has, as far as was seen. */
  | { readonly kind: 'refused'; readonly code: string; readonly isBatchThere?: true }

/** The contract's codes for a batch that it does not have, and for one of this name with other projects or CIDs than the vote is for. */
const [BATCH_UNKNOWN, CONTENT_DIFFERS] = ['E26', 'BatchContentDiffers'] as const
/** Each is a reorganisation of its own around the same batch: more of them are another problem. */
const REFUSALS_MAX = 8

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Stands in the place of a guard where two machines have guarded different words: neither is to be sent any more. */
export const BARRED = 'barred'

/** As it stands on disk: the root, and after a space the content if the vote names one. */
export const guardOf = ({ root, contentHash }: Attestation): string => (contentHash === undefined ? root : `${root} ${contentHash}`)

/** What this validator has bound itself to for the batch, if anything. */
export function guardedAttestation(
  { epochId, batchCid }: Pick<Attestation, 'epochId' | 'batchCid'>,
  store: Store,
): Attestation | undefined {
  const bytes = store.get(guardKey(epochId, batchCid))
  if (bytes === undefined) return undefined
  const text = decoder.decode(bytes)
  if (text === BARRED) return undefined
  const [root, contentHash] = text.split(' ') as [Hash, ContentHash | undefined]
  return { epochId, batchCid, root, contentHash }
}

/** Whether another machine may have signed for the batch what is not known here (V13): there is nothing that may be signed then. */
function isBarred({ epochId, batchCid }: Pick<Attestation, 'epochId' | 'batchCid'>, store: Store): boolean {
  const guard = store.get(guardKey(epochId, batchCid))
  if (guard !== undefined) return decoder.decode(guard) === BARRED
  const upTo = store.get(SIGNED_UP_TO_KEY)
  return upTo !== undefined && epochId <= Number(decoder.decode(upTo))
}

/**
 * Attests once. Order: ask the chain (an old disk may have been restored), then write the guard durably, then send (G6, V2).
 * Throws `ATTESTATION_CONFLICT` for a second root or content, and what passes (`CALL_NOT_SETTLED`, `CHAIN_UNREACHABLE`): call again.
 */
export async function attest(attestation: Attestation, deps: AttestDeps, signal: AbortSignal): Promise<Attested> {
  const { store, chain, sender } = deps
  const { epochId, batchCid, root: rootHash, contentHash, projectCount } = attestation
  const isGuarded = guardedAttestation(attestation, store) !== undefined
  if (!isGuarded && (await chain.hasAttested(epochId, batchCid, sender.address))) return { kind: 'attested_before' }
  await checkAndGuard(attestation, store)
  for (let refusals = refusalsOf(attestation, store); ; refusals += 1) {
    const intentId = refusals === 0 ? `attest/${epochId}/${batchCid}` : `attest/${epochId}/${batchCid}/${refusals}`
    const call = { kind: 'submitBatchAttestation', epochId, batchCid, rootHash, contentHash, projectCount } as const
    const outcome = await sender.send(intentId, call, signal)
    if (outcome.kind === 'done') return { kind: 'attested', blockNumber: outcome.blockNumber }
    if (outcome.reason === 'E40') return { kind: 'attested_before' }
    // Mined while a reorganisation had the batch off the chain: final for this intent, not for the next (V3). Or refused beforehand by who is behind.
    const isBatchBack = await isBackAfter(outcome.reason, attestation, deps)
    if (!isBatchBack || refusals === REFUSALS_MAX)
      return { kind: 'refused', code: outcome.reason, ...(isBatchBack && { isBatchThere: true }) }
    // Else what was refused beforehand, and never sent, would be sent beside the next one later.
    await store.commit([{ key: refusalsKey(epochId, batchCid), value: encoder.encode(String(refusals + 1)) }])
  }
}

function refusalsOf({ epochId, batchCid }: Attestation, store: Store): number {
  const value = store.get(refusalsKey(epochId, batchCid))
  return value === undefined ? 0 : Number(decoder.decode(value))
}

/** Whether the contract has refused the vote because what it is for, the batch or its content, was not on chain: that may come back. */
export const isForWhatIsGone = (reason: string): boolean => codeOf(reason) === BATCH_UNKNOWN || codeOf(reason) === CONTENT_DIFFERS

/** Whether what was missing when the vote was refused stands on chain now: the batch, or the content that the vote names. */
async function isBackAfter(reason: string, attestation: Attestation, deps: AttestDeps): Promise<boolean> {
  if (!isForWhatIsGone(reason)) return false
  const anchored = await batchOnChain(attestation, deps)
  return anchored !== undefined && (codeOf(reason) === BATCH_UNKNOWN || anchored.contentHash === attestation.contentHash)
}

/**
 * `undefined` when it is not on chain. That is only believed as of the block that was followed: an endpoint that is behind it refuses (throws
 * `CHAIN_ANSWER_INVALID`), and is to be asked again.
 */
export async function batchOnChain(
  { epochId, batchCid }: Pick<Attestation, 'epochId' | 'batchCid'>,
  { chain, view }: Pick<AttestDeps, 'chain' | 'view'>,
): Promise<AnchoredBatch | undefined> {
  return (await chain.batch(epochId, batchCid)) ?? chain.batch(epochId, batchCid, view.head?.number)
}

/** Check and write are one synchronous step, so that no second root, and none for other content, can slip in between (V2). */
function checkAndGuard(attestation: Attestation, store: Store): Promise<void> {
  const { epochId, batchCid } = attestation
  const guarded = guardedAttestation(attestation, store)
  const newRoot = guardOf(attestation)
  const attestedRoot = isBarred(attestation, store) ? BARRED : guarded && guardOf(guarded)
  if (attestedRoot !== undefined && attestedRoot !== newRoot)
    return Promise.reject(new WeftError('ATTESTATION_CONFLICT', { batchCid, attestedRoot, newRoot }))
  return attestedRoot === undefined ? store.commit([{ key: guardKey(epochId, batchCid), value: encoder.encode(newRoot) }]) : store.flush()
}

/** Removes the guards of epochs before `oldest`, for which the contract must be past counting any vote (V2). */
export function letGoOfGuards(oldest: EpochId, countMax: number, store: Store): Promise<number> {
  const kinds = [
    { prefix: GUARDS_PREFIX, end: guardsPrefix(oldest) },
    { prefix: REFUSALS_PREFIX, end: refusalsPrefix(oldest) },
  ]
  return letGoOfEntries(kinds, countMax, store)
}
