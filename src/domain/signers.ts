import type { Address, BlockNumber, SlotId } from './ids.ts'

/** A slot as the contract knows it. */
export interface SlotSigner {
  readonly slotId: SlotId
  readonly signer: Address
  readonly isActive: boolean
}

/** Who signs for which slot in which block. */
export interface Signers {
  /** Replaces everything by what the chain says now; changes seen before still tell of the past. */
  set(slots: readonly SlotSigner[]): void
  /** Without a signer the slot ends. Whether it is the first change of the slot that is seen: who signed before it is a guess then. */
  change(slotId: SlotId, signer: Address | undefined, since: BlockNumber): boolean
  /** Who signed before the first change, as the chain says; nothing when another one is the first by now. */
  learnBefore(slotId: SlotId, since: BlockNumber, signer: Address | undefined): void
  /** Changes above `to` never happened; what they replaced is valid again. */
  undoAbove(to: BlockNumber): void
  /** Nobody asks for a block below any more. */
  forgetBelow(block: BlockNumber): void
  at(slotId: SlotId, block: BlockNumber): Address | undefined
}

interface Change {
  readonly since: BlockNumber
  readonly signer: Address | undefined
  readonly before: Address | undefined
}

export function createSigners(): Signers {
  /** Nothing for a slot that is not active. */
  let current = new Map<SlotId, Address | undefined>()
  /** Oldest first, never empty. */
  const changes = new Map<SlotId, Change[]>()

  /** At the first change seen, the table may already be the one after it, read from the head: then nothing is known of before. */
  function signerBefore(slotId: SlotId, signer: Address | undefined): Address | undefined {
    const last = changes.get(slotId)?.at(-1)
    if (last !== undefined) return last.signer
    const known = current.get(slotId)
    return known === signer ? undefined : known
  }

  return {
    set(slots) {
      current = new Map(slots.filter((slot) => slot.isActive).map((slot) => [slot.slotId, slot.signer]))
    },
    change(slotId, signer, since) {
      const list = changes.get(slotId) ?? []
      list.push({ since, signer, before: signerBefore(slotId, signer) })
      changes.set(slotId, list)
      current.set(slotId, signer)
      return list.length === 1
    },
    learnBefore(slotId, since, signer) {
      const list = changes.get(slotId)
      const first = list?.[0]
      if (list !== undefined && first?.since === since) list[0] = { ...first, before: signer }
    },
    undoAbove(to) {
      for (const [slotId, list] of changes) {
        let before: Address | undefined
        while ((list.at(-1)?.since ?? 0) > to) {
          before = (list.pop() as Change).before
          current.set(slotId, before)
        }
        if (list.length > 0) continue
        // Who signed before stays known: the table may be read again from a head that has the change once more.
        if (before === undefined) changes.delete(slotId)
        else list.push({ since: 0 as BlockNumber, signer: before, before: undefined })
      }
    },
    forgetBelow(block) {
      for (const list of changes.values()) {
        const last = list.findLastIndex(({ since }) => since <= block)
        list.splice(0, Math.max(0, last))
      }
    },
    at(slotId, block) {
      const list = changes.get(slotId)
      if (list === undefined) return current.get(slotId)
      const change = list.findLast(({ since }) => since <= block)
      if (change === undefined) return (list[0] as Change).before
      // Whether the slot is active is only known for now: it says nothing of the signers before this one.
      return change === list.at(-1) && current.get(slotId) === undefined ? undefined : change.signer
    },
  }
}
