import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { AnchorChain, BlockRef, SlotState } from '#io/chain/port.ts'
import type { Signer } from '#io/keys/port.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { WeftError } from '#domain/errors.ts'

/** What is signed, once per slot. */
export interface Vote {
  readonly epochId: EpochId
  readonly projectId: ProjectId
  readonly slotId: SlotId
  readonly snapshotCid: Cid
}

export type Sign = (vote: Vote, head: BlockRef) => Promise<Submission>

export interface SignOptions {
  /** Anchor blocks for which a signature may be used; the published configuration of deployed nodes says 500 (spec/02 §1). */
  readonly deadlineBufferBlocks: number
  /** For example `v1.5`; recorded by the sequencer. */
  readonly nodeVersion: string
}

/** The header is not signed, only sent: it places the submission in the window (spec/02 §1). */
export function createSign(options: SignOptions, deps: { readonly chain: AnchorChain; readonly signer: Signer }): Sign {
  const { protocolState, dataMarket } = deps.chain
  const hasher = createSubmissionHasher({ chainId: deps.chain.chainId, protocolState })
  return async (vote, head) => {
    const request = { ...vote, deadlineBlock: (head.number + options.deadlineBufferBlocks) as BlockNumber }
    return {
      request,
      signature: await deps.signer.signHashOf(hasher.preimage(request)),
      header: head.hash,
      dataMarket,
      nodeVersion: options.nodeVersion,
      protocolState,
    }
  }
}

/** Throws `SETTINGS_INVALID` naming each slot that our key may not sign for: its submissions would all be refused. */
export function checkIdentity(
  slotIds: readonly SlotId[],
  { signer, slots }: { readonly signer: Address; readonly slots: readonly SlotState[] },
): void {
  const byId = new Map(slots.map((slot) => [slot.slotId, slot]))
  const problems = slotIds.flatMap((slotId) => {
    const slot = byId.get(slotId)
    if (slot === undefined) return [`slot ${slotId} does not exist`]
    if (slot.signer !== signer) return [`slot ${slotId} is assigned to ${slot.signer}, this node signs as ${signer}`]
    return slot.isActive ? [] : [`slot ${slotId} is not active`]
  })
  if (slotIds.length === 0) problems.push('no slot is given')
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
}
