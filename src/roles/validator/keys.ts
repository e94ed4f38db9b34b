import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'

/**
 * The keys of the validator's store. Numbers are padded, so that key order is number order.
 *
 * `guard/<epoch> <batchCid>` root, and content if the vote names it, or `barred` · `refusals/<epoch> <batchCid>` number of the call · `guards-of` whose they are · `signed-up-to` the epoch up to
 * which an imported file bars everything else · `batch/<epoch> <batchCid>` record · `evidence/<epoch> <batchCid>` · `unpublished/<epoch> <batchCid>` how often it was tried to put that
 * on IPFS · `heard/<epoch> <project>
 * <slot>` a vote that was heard · `cursor` block to follow from · `retention/over` newest epoch seen to be long over · `ipfs-at/<epoch>
 * <cid>`, `ipfs-of/<cid>` the newest epoch that needs a block · `pin <place>-at/…`, `-of/…` the same for what each place has.
 */
const epochText = (epochId: EpochId): string => String(epochId).padStart(16, '0')

export const CURSOR_KEY = 'cursor'
export const BATCHES_PREFIX = 'batch/'
export const batchesPrefix = (epochId: EpochId): string => `${BATCHES_PREFIX}${epochText(epochId)} `
export const batchKey = (epochId: EpochId, batchCid: Cid): string => `${batchesPrefix(epochId)}${batchCid}`
/** Guards outlive everything that could lead to a second attestation. */
export const GUARDS_PREFIX = 'guard/'
export const guardsPrefix = (epochId: EpochId): string => `${GUARDS_PREFIX}${epochText(epochId)} `
export const guardKey = (epochId: EpochId, batchCid: Cid): string => `${guardsPrefix(epochId)}${batchCid}`
/** How many calls for a batch were refused for want of it: the next bears that number. Goes with the guard. */
export const REFUSALS_PREFIX = 'refusals/'
export const refusalsKey = (epochId: EpochId, batchCid: Cid): string => `${REFUSALS_PREFIX}${epochText(epochId)} ${batchCid}`
export const refusalsPrefix = (epochId: EpochId): string => `${REFUSALS_PREFIX}${epochText(epochId)} `
/** Whose word the guards are, as `interchange.ts` writes it. */
export const GUARDS_OF_KEY = 'guards-of'
/** The newest epoch for which another machine may have signed what no guard here tells of. */
export const SIGNED_UP_TO_KEY = 'signed-up-to'
export const EVIDENCE_PREFIX = 'evidence/'
export const evidencesPrefix = (epochId: EpochId): string => `${EVIDENCE_PREFIX}${epochText(epochId)} `
export const evidenceKey = (epochId: EpochId, batchCid: Cid): string => `${evidencesPrefix(epochId)}${batchCid}`
/** Evidence that is not on IPFS yet. */
export const UNPUBLISHED_PREFIX = 'unpublished/'
export const unpublishedsPrefix = (epochId: EpochId): string => `${UNPUBLISHED_PREFIX}${epochText(epochId)} `
export const unpublishedKey = (epochId: EpochId, batchCid: Cid): string => `${unpublishedsPrefix(epochId)}${batchCid}`
/** Votes that this validator heard itself. */
export const HEARD_PREFIX = 'heard/'
export const heardsPrefix = (epochId: EpochId): string => `${HEARD_PREFIX}${epochText(epochId)} `
export const heardKey = (epochId: EpochId, projectId: ProjectId, slotId: SlotId): string => `${heardsPrefix(epochId)}${projectId} ${slotId}`
