import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import type { EpochId, SlotId } from '#domain/ids.ts'

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

export function createSlotRates({ perSlot, perSlotAndEpoch }: SlotLimits, nowMs: () => number): SlotRates {
  const slots = createBuckets(perSlot, nowMs)
  const epochs = createBuckets(perSlotAndEpoch, nowMs)
  const inEpoch = ({ slotId, epochId }: Signed): string => `${epochId} ${slotId}`
  return {
    isOver: (request) => slots.waitMs(String(request.slotId), 1) > 0 || epochs.waitMs(inEpoch(request), 1) > 0,
    count(request) {
      slots.take(String(request.slotId), 1)
      epochs.take(inEpoch(request), 1)
    },
  }
}
