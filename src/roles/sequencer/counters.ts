import type { EpochId, SlotId } from '#domain/ids.ts'
import { type ReceiptCode, REJECTIONS, type Rejection } from '#domain/rejection.ts'

/** Epochs whose refusals are counted apart; a sender that names ever new epochs cannot fill the memory with counters. */
const EPOCHS_COUNTED_MAX = 1_024

/** What happened to deliveries since the start. */
export interface Counters {
  count(code: ReceiptCode, about: { readonly epochId?: EpochId; readonly signedBySlot?: SlotId }): void
  /** A vote was taken whose signed deadline the chain had passed on arrival: the market's rule only warns (spec/06 §2). */
  countPastDeadline(): void
  pastDeadline(): number
  total(): Readonly<Partial<Record<ReceiptCode, number>>>
  /** Refusals that named this epoch. */
  rejectedOf(epochId: EpochId): Readonly<Partial<Record<Rejection, number>>>
  /** Only what a slot's own signature covers: anybody can write a slot's number into a bad submission. */
  ofSlot(slotId: SlotId): Readonly<Partial<Record<ReceiptCode, number>>>
  /** A submission came with the slot's signature. */
  countSeen(slotId: SlotId, seen: Seen & { readonly isSimulated: boolean }): void
  /** The last of them for epoch 0, and for an epoch, since the start. */
  lastSeen(slotId: SlotId): LastSeen
  /** No more is asked about the epoch. */
  forget(epochId: EpochId): void
}

export interface Seen {
  readonly atMs: number
  readonly nodeVersion: string
}

export interface LastSeen {
  readonly simulated?: Seen | undefined
  readonly snapshot?: Seen | undefined
}

type Counts<Code extends string> = Partial<Record<Code, number>>

export function createCounters(): Counters {
  const total: Counts<ReceiptCode> = {}
  let pastDeadline = 0
  const perEpoch = new Map<EpochId, Counts<Rejection>>()
  const perSlot = new Map<SlotId, Counts<ReceiptCode>>()
  const seen = { simulated: new Map<SlotId, Seen>(), snapshot: new Map<SlotId, Seen>() }

  function rejectionsOf(epochId: EpochId): Counts<Rejection> | undefined {
    const known = perEpoch.get(epochId)
    if (known !== undefined || perEpoch.size >= EPOCHS_COUNTED_MAX) return known
    const counts = {}
    perEpoch.set(epochId, counts)
    return counts
  }

  return {
    count(code, { epochId, signedBySlot }) {
      increase(total, code)
      if (epochId !== undefined && code in REJECTIONS) increase(rejectionsOf(epochId) ?? {}, code as Rejection)
      if (signedBySlot === undefined) return
      const slot = perSlot.get(signedBySlot) ?? {}
      perSlot.set(signedBySlot, slot)
      increase(slot, code)
    },
    countPastDeadline() {
      pastDeadline += 1
    },
    pastDeadline: () => pastDeadline,
    total: () => ({ ...total }),
    rejectedOf: (epochId) => ({ ...perEpoch.get(epochId) }),
    ofSlot: (slotId) => ({ ...perSlot.get(slotId) }),
    countSeen(slotId, { isSimulated, atMs, nodeVersion }) {
      seen[isSimulated ? 'simulated' : 'snapshot'].set(slotId, { atMs, nodeVersion })
    },
    lastSeen: (slotId) => ({ simulated: seen.simulated.get(slotId), snapshot: seen.snapshot.get(slotId) }),
    forget: (epochId) => void perEpoch.delete(epochId),
  }
}

function increase<Code extends string>(counts: Counts<Code>, code: Code): void {
  counts[code] = (counts[code] ?? 0) + 1
}
