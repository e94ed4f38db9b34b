import { type BucketLimits, type Buckets, createBuckets } from '#domain/buckets.ts'
import type { EpochId, SlotId } from '#domain/ids.ts'
import { createMemory } from '#domain/memory.ts'

/**
 * How much a slot may have checked. Anybody can write a slot's number, so only what its own signature covers is counted against it; beyond its limit
 * nothing that names it is checked until it has tokens again, which only the slot itself can bring about.
 */
export interface SlotLimits {
  readonly perSlot: BucketLimits
  /** Of a slot for one epoch: a few times the projects that it may vote on, for what is sent again. */
  readonly perSlotAndEpoch: BucketLimits
}

export const SLOT_LIMITS: SlotLimits = {
  perSlot: { tokensPerSecond: 2_000, tokensMax: 20_000 },
  perSlotAndEpoch: { tokensPerSecond: 100, tokensMax: 10_000 },
}

interface Signed {
  readonly slotId: SlotId
  readonly epochId: EpochId
}

export interface SlotRates {
  /** Whether a submission that names the slot is to be refused unchecked. */
  isOver(request: Signed): boolean
  /** One more with the slot's own signature. */
  count(request: Signed): void
}

/** Epochs whose slots are remembered, far more than are open at once; of more, the one seen first is forgotten. */
const EPOCHS_MAX = 64

export function createSlotRates({ perSlot, perSlotAndEpoch }: SlotLimits, nowMs: () => number): SlotRates {
  const slots = createBuckets<SlotId>(perSlot, nowMs)
  const epochs = createMemory<Buckets<SlotId>, EpochId>(EPOCHS_MAX)

  function slotsIn(epochId: EpochId): Buckets<SlotId> {
    const known = epochs.get(epochId)
    if (known !== undefined) return known
    const ofEpoch = createBuckets<SlotId>(perSlotAndEpoch, nowMs)
    epochs.put(epochId, ofEpoch)
    return ofEpoch
  }

  return {
    isOver: ({ slotId, epochId }) => slots.waitMs(slotId, 1) > 0 || slotsIn(epochId).waitMs(slotId, 1) > 0,
    count({ slotId, epochId }) {
      slots.take(slotId, 1)
      slotsIn(epochId).take(slotId, 1)
    },
  }
}
