import type { Clock } from '#io/clock/port.ts'
import type { ReceiptCode } from '#domain/rejection.ts'

/**
 * How much may be under way to a sequencer: everything, as long as its receipts come as soon as the way there allows. What takes longer waits there behind
 * others, and would rather wait here, where what is more urgent overtakes it and what is over is not sent at all: a sequencer with more to do than it can
 * is offered as much as it can do, by all its collectors together, and each has its share of it.
 */
export interface Allowance {
  /** Deliveries that may be sent now. */
  room(): number
  /** Whether a sequencer held this collector back, and has not taken since all that it may have under way. */
  isPressed(): boolean
  /** Another link is in use: how soon its receipts come is to be learned, and those of the one before say nothing about it. */
  renew(): void
  /** A delivery is sent. */
  begin(): Flight
  /** Those that have begun and not ended. */
  inFlightCount(): number
}

export interface Flight {
  /** Its receipt is there. Not called when its link failed: that says nothing about the sequencer. */
  answered(code: ReceiptCode | 'unacknowledged'): void
  /** What its receipt asked for is done. */
  end(): void
}

/** A receipt that takes so much longer than the soonest has waited: more than what a sequencer gathers (20 ms), or a line loses for a moment. */
const SLOW_MS = 250
/** No way there takes longer, or hardly any: who has not had a receipt sooner would take a full sequencer for one that is far away. */
const SOONEST_MS_MAX = 500
/**
 * Never less, however late receipts are: what goes in one write, and is answered in one, costs a sequencer a third less than what goes one by one, which would take from it
 * the very time that it lacks. More would let thousands of collectors fill a window's time with what each has under way.
 */
const LEAST = 4
/** The soonest is believed less with time, for ways change: so many milliseconds more in each. */
const SOONEST_GROWS = 1 / 1_000

/** What a sequencer says that has no room, or that looked at it too late. */
const HELD_BACK: ReadonlySet<ReceiptCode | 'unacknowledged'> = new Set<ReceiptCode>(['inbox_full', 'rate_limited', 'window_closed'])

/** `inFlightMax`: deliveries under way at any time. */
export function createAllowance(inFlightMax: number, clock: Pick<Clock, 'nowMs'>): Allowance {
  /** When those over the link in use were sent of which, and after which, there was no receipt yet; in that order. */
  let unanswered = new Map<Flight, number>()
  let inFlightCount = 0
  let limit = inFlightMax
  let isPressed = false
  /** What was sent earlier says nothing about the limit as it is. */
  let limitedMs = Number.NEGATIVE_INFINITY
  let soonestMs = SOONEST_MS_MAX
  let soonestAtMs = clock.nowMs()

  const isSlow = (tookMs: number): boolean => tookMs > soonestMs + SLOW_MS

  /** Without a receipt for so long: more would only wait with it. */
  function isOverdue(): boolean {
    const [oldestMs] = unanswered.values()
    return oldestMs !== undefined && isSlow(clock.nowMs() - oldestMs)
  }

  /** What was sent before it is not what the next ones wait behind. */
  function overtake(answered: Flight): void {
    for (const flight of unanswered.has(answered) ? unanswered.keys() : []) {
      unanswered.delete(flight)
      if (flight === answered) return
    }
  }

  function learn(tookMs: number): void {
    const nowMs = clock.nowMs()
    const grownMs = soonestMs + (nowMs - soonestAtMs) * SOONEST_GROWS
    // A clock that was set makes no receipt come before it was asked for.
    soonestMs = Math.max(0, Math.min(tookMs, grownMs, SOONEST_MS_MAX))
    soonestAtMs = nowMs
  }

  /** Halves it, once for all that was sent before that. */
  function shrink(sentMs: number): void {
    if (sentMs < limitedMs) return
    limit = Math.max(Math.min(LEAST, inFlightMax), Math.floor(Math.min(limit, unanswered.size) / 2))
    isPressed = true
    limitedMs = clock.nowMs()
  }

  return {
    room: () => (isOverdue() ? 0 : Math.max(0, Math.min(limit - unanswered.size, inFlightMax - inFlightCount))),
    isPressed: () => isPressed,
    inFlightCount: () => inFlightCount,
    renew() {
      unanswered = new Map()
      soonestMs = SOONEST_MS_MAX
    },
    begin() {
      const sentMs = clock.nowMs()
      const ofLink = unanswered
      inFlightCount += 1
      const flight: Flight = {
        answered(code) {
          if (ofLink !== unanswered) return
          const tookMs = clock.nowMs() - sentMs
          learn(tookMs)
          if (isSlow(tookMs) || HELD_BACK.has(code)) shrink(sentMs)
          // With one more for each it doubles in the time that one takes.
          else {
            limit = Math.min(inFlightMax, limit + 1)
            if (limit === inFlightMax) isPressed = false
          }
          overtake(flight)
        },
        end() {
          ofLink.delete(flight)
          inFlightCount -= 1
        },
      }
      unanswered.set(flight, sentMs)
      return flight
    },
  }
}
