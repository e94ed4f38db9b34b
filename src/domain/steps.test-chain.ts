import type { Header } from './anchor-view.ts'
import type { BlockRef, ChainStep, ProtocolEvent } from './chain-step.ts'
import type { Address, EpochId, SlotId } from './ids.ts'

/** An event, as far as an `AnchorView` looks at it. */
type Told = { readonly kind: ProtocolEvent['kind'] }

/** A block with what it brings. */
export const step = (block: Header, ...events: readonly Told[]): ChainStep => ({
  kind: 'block',
  block: block as BlockRef,
  events: events as ProtocolEvent[],
})
export const back = (to: Header): ChainStep => ({ kind: 'rollback', to: to as BlockRef })

export const released = (epochId: number) => ({ kind: 'EpochReleased', epochId: epochId as EpochId }) as const
export const handedTo = (slotId: number, signer: Address) =>
  ({ kind: 'SnapshotterAddressChanged', slotId: slotId as SlotId, signer }) as const
export const burned = (slotId: number) => ({ kind: 'NodeBurned', slotId: slotId as SlotId }) as const
