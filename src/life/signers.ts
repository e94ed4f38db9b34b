import type { AnchorView, Applied, SignerChange } from '#domain/anchor-view.ts'
import { isWeftError } from '#domain/errors.ts'
import type { Address, BlockNumber } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { type PersistDeps, persist } from './persist.ts'

/**
 * Refusals after which a node is taken to keep no state of a block any more, 128 blocks back with most. One that lags refuses so too, and
 * has caught up by then.
 */
const REFUSALS_MAX = 5

export interface SignersDeps extends PersistDeps {
  readonly chain: Pick<AnchorChain, 'slots' | 'slot'>
  readonly view: Pick<AnchorView, 'setSlots' | 'setSignerBefore'>
}

/** Puts the slots into the view as the chain has them now. */
export async function readSlots({ view, ...deps }: SignersDeps, signal: AbortSignal): Promise<void> {
  view.setSlots(await persist({ doing: 'read_slots', attempt: () => deps.chain.slots(), signal }, deps))
}

/**
 * Brings the view's signers up to date with what a step has changed. Who signed before the first change that is seen of a slot is read as of
 * the block before it: after a start the table may be the one of after it, and votes for blocks before it are still judged.
 */
export async function readSigners({ areSlotsStale, firstChanges }: Applied, deps: SignersDeps, signal: AbortSignal): Promise<void> {
  if (areSlotsStale) await readSlots(deps, signal)
  for (const change of firstChanges) {
    const before = await signerBefore(change, deps, signal)
    if (before !== 'forgotten') deps.view.setSignerBefore(change, before)
  }
}

async function signerBefore(
  { slotId, blockNumber }: SignerChange,
  deps: SignersDeps,
  signal: AbortSignal,
): Promise<Address | undefined | 'forgotten'> {
  if (blockNumber === 0) return undefined
  let refusals = 0
  async function attempt(): Promise<Address | undefined | 'forgotten'> {
    try {
      const { signer, isActive } = await deps.chain.slot(slotId, (blockNumber - 1) as BlockNumber)
      return isActive ? signer : undefined
    } catch (failure) {
      refusals += 1
      if (!isWeftError(failure, 'CHAIN_ANSWER_INVALID') || refusals < REFUSALS_MAX) throw failure
      return 'forgotten'
    }
  }
  return persist({ doing: 'read_signer', attempt, signal }, deps)
}
