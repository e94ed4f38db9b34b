import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash } from '#domain/ids.ts'
import type { AnchorChain, ProtocolSender } from '#io/chain/port.ts'
import type { Store } from '#io/store/port.ts'
import { guardKey } from './keys.ts'

export interface AttestDeps {
  readonly store: Store
  readonly chain: AnchorChain
  readonly sender: Pick<ProtocolSender, 'address' | 'send'>
}

export interface Attestation {
  readonly epochId: EpochId
  readonly batchCid: Cid
  readonly root: Hash
}

/**
 * `attested`: mined, in the block given. `attested_before`: the chain already has this validator's word, though this disk does not know
 * of it. `refused`: by the contract, with its code.
 */
export type Attested =
  | { readonly kind: 'attested'; readonly blockNumber: number }
  | { readonly kind: 'attested_before' }
  | { readonly kind: 'refused'; readonly code: string }

/** The contract's code for a batch that it does not have. */
export const BATCH_UNKNOWN = 'E26'
/** Each is a reorganisation of its own around the same batch: more of them are another problem. */
const REFUSALS_MAX = 8

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The root this validator has bound itself to for the batch, if any. */
export function guardedRoot({ epochId, batchCid }: Pick<Attestation, 'epochId' | 'batchCid'>, store: Store): Hash | undefined {
  const bytes = store.get(guardKey(epochId, batchCid))
  return bytes === undefined ? undefined : (decoder.decode(bytes) as Hash)
}

/**
 * Attests one root, once. Order: ask the chain (an old disk may have been restored), then write the guard durably, then send (G6, V2).
 * Throws `ATTESTATION_CONFLICT` for a second root, and what passes (`CALL_NOT_SETTLED`, `CHAIN_UNREACHABLE`): call again.
 */
export async function attest(
  { epochId, batchCid, root }: Attestation,
  { store, chain, sender }: AttestDeps,
  signal: AbortSignal,
): Promise<Attested> {
  if (guardedRoot({ epochId, batchCid }, store) === undefined && (await chain.hasAttested(epochId, batchCid, sender.address)))
    return { kind: 'attested_before' }
  await checkAndGuard({ epochId, batchCid, root }, store)
  for (let refusals = 0; ; refusals += 1) {
    const intentId = refusals === 0 ? `attest/${epochId}/${batchCid}` : `attest/${epochId}/${batchCid}/${refusals}`
    const outcome = await sender.send(intentId, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash: root }, signal)
    if (outcome.kind === 'done') return { kind: 'attested', blockNumber: outcome.blockNumber }
    if (outcome.reason === 'E40') return { kind: 'attested_before' }
    // Mined while a reorganisation had the batch off the chain: final for this intent, not for the next.
    const isBatchBack = outcome.reason === BATCH_UNKNOWN && refusals < REFUSALS_MAX && (await chain.batch(epochId, batchCid)) !== undefined
    if (!isBatchBack) return { kind: 'refused', code: outcome.reason }
  }
}

/** Check and write are one synchronous step, so that no second root can slip in between. */
function checkAndGuard({ epochId, batchCid, root }: Attestation, store: Store): Promise<void> {
  const guarded = guardedRoot({ epochId, batchCid }, store)
  if (guarded !== undefined && guarded !== root)
    return Promise.reject(new WeftError('ATTESTATION_CONFLICT', { batchCid, attestedRoot: guarded, newRoot: root }))
  return guarded === undefined ? store.commit([{ key: guardKey(epochId, batchCid), value: encoder.encode(root) }]) : store.flush()
}
