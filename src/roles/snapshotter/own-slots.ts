import type { Address, SlotId } from '#domain/ids.ts'

export interface OwnSlots {
  ids(): readonly SlotId[]
  has(slotId: SlotId): boolean
  /** Takes in what the chain says of some slots, ours or not. */
  take(states: readonly { readonly slotId: SlotId; readonly signer: Address | undefined; readonly isActive: boolean }[]): void
}

/** The slots that our key may sign for now: those asked for, less those that the chain has given to another key meanwhile (N8). */
export function createOwnSlots(slotIds: readonly SlotId[], signer: Address): OwnSlots {
  const own = new Set(slotIds)
  return {
    ids: () => [...own],
    has: (slotId) => own.has(slotId),
    take(states) {
      for (const { slotId, signer: assigned, isActive } of states) {
        if (slotIds.includes(slotId) && isActive && assigned === signer) own.add(slotId)
        else own.delete(slotId)
      }
    },
  }
}
