import type { Clock } from '#io/clock/port.ts'

/** How a link has ended: receipts came over it; it was cut before the first one for what was sent; what was sent waited in vain. */
export type Fate = 'isGood' | 'isCut' | 'isMute'

/**
 * A way that takes deliveries and gives no receipt goes behind the others for so long, doubled each time: a relay may drop whatever it is
 * given, and is dialed as well as an honest one. One that is mute for longer than it takes to find that out; one that is cut not for long, since a
 * sequencer that starts anew cuts too.
 */
const BEHIND_MS: Readonly<Record<Exclude<Fate, 'isGood'>, number>> = { isCut: 5_000, isMute: 60_000 }
const BEHIND_MS_MAX = 60 * 60_000

/** Multiaddrs of the sequencer, preferred first, and how they have fared. */
export interface Ways {
  /** Each of them, those that are behind last. */
  all(): readonly string[]
  /** Those that come before this one and are not behind. */
  betterThan(address: string): readonly string[]
  /** All but this one. */
  besides(address: string): readonly string[]
  note(address: string, fate: Fate): void
}

/** `addresses` may have others each time it is asked. */
export function createWays(addresses: () => readonly string[], clock: Pick<Clock, 'nowMs'>): Ways {
  const behind = new Map<string, { readonly untilMs: number; readonly forMs: number }>()
  const isBehind = (address: string): boolean => (behind.get(address)?.untilMs ?? 0) > clock.nowMs()

  function all(): readonly string[] {
    const known = addresses()
    return [...known.filter((address) => !isBehind(address)), ...known.filter(isBehind)]
  }

  return {
    all,
    betterThan(address) {
      const order = all()
      return order.slice(0, Math.max(0, order.indexOf(address))).filter((other) => !isBehind(other))
    },
    besides: (address) => all().filter((other) => other !== address),
    note(address, fate) {
      if (fate === 'isGood') {
        behind.delete(address)
        return
      }
      const forMs = Math.min(BEHIND_MS_MAX, Math.max(BEHIND_MS[fate], 2 * (behind.get(address)?.forMs ?? 0)))
      behind.set(address, { untilMs: clock.nowMs() + forMs, forMs })
      // Of addresses that are not known any more nothing is to be remembered.
      const known = new Set(addresses())
      for (const other of behind.keys()) if (!known.has(other)) behind.delete(other)
    },
  }
}
