import type { BlockNumber } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import type { Inbound } from '#io/intake/port.ts'

/**
 * Deliveries that the next blocks may decide, of peers that hear no answer and so never come again (S11). Bounded in all and per peer,
 * and in time by blocks: what is given up is told, by the caller, as what it was.
 */

export interface WaitingLimits {
  /** A delivery takes one unit, and one more per full KiB: so many deliveries at most, and about so many KiB. */
  readonly unitsMax: number
  readonly unitsPerPeerMax: number
  /** Blocks that a delivery outlasts. */
  readonly blocksMax: number
}

export const WAITING_LIMITS: WaitingLimits = {
  // Each of 5,000 deployed peers with a project or two, all of them at the moment of a restart.
  unitsMax: 20_000,
  unitsPerPeerMax: 5_000,
  // An endpoint further behind than the deepest rewrite that is followed is no endpoint to work with.
  blocksMax: 64,
}

const UNIT_BYTES = 1_024

/** One delivery that waits, with the verdict that it would have now. */
export interface Held {
  readonly delivery: Inbound
  readonly submission: Submission
  readonly why: Rejection
}

export interface Waiting {
  /**
   * Takes one in. Returns what has no seat: itself, or one of a peer that has more than its share. What a listener passes on again keeps the seat that it has: one
   * answer is enough for it.
   */
  hold(held: Held): Held | undefined
  /** Lets go of everything that is no longer awaited, in the order of arrival, and of what has waited too long. `head`: `undefined` before the first block. */
  step(
    head: BlockNumber | undefined,
    isAwaited: (held: Held) => boolean,
  ): { readonly due: readonly Held[]; readonly givenUp: readonly Held[] }
  length(): number
}

interface Seat {
  readonly units: number
  /** The first head seen while it waited. */
  since: BlockNumber | undefined
}

export function createWaiting(limits: WaitingLimits = WAITING_LIMITS): Waiting {
  const seats = new Map<Held, Seat>()
  /** Of those that were passed on, by what they were passed on as. */
  const passed = new Set<string>()
  const perPeer = new Map<string, number>()
  let units = 0

  function change(peer: string, by: number): void {
    const next = (perPeer.get(peer) ?? 0) + by
    units += by
    if (next === 0) perPeer.delete(peer)
    else perPeer.set(peer, next)
  }

  function remove(held: Held): void {
    change(held.delivery.peer, -(seats.get(held)?.units ?? 0))
    seats.delete(held)
    if (held.delivery.passed !== undefined) passed.delete(held.delivery.passed.as)
  }

  /** Of the peer with the most the one that came last: peers are free to be many, so nobody keeps more than others while somebody finds no seat. */
  function greediest(): Held | undefined {
    let most = ''
    for (const [peer, count] of perPeer) if (count > (perPeer.get(most) ?? 0)) most = peer
    return [...seats.keys()].findLast(({ delivery }) => delivery.peer === most)
  }

  return {
    hold(held) {
      const { peer, payload } = held.delivery
      const as = held.delivery.passed?.as
      if (as !== undefined && passed.has(as)) return undefined
      const needed = 1 + Math.floor(payload.length / UNIT_BYTES)
      const own = (perPeer.get(peer) ?? 0) + needed
      if (own > limits.unitsPerPeerMax) return held
      const isFull = units + needed > limits.unitsMax
      // Refusing a peer that has its share costs nothing; only one below it makes another give way.
      if (isFull && own > limits.unitsMax / (perPeer.size + (perPeer.has(peer) ? 0 : 1))) return held
      const displaced = isFull ? greediest() : undefined
      const freed = displaced === undefined ? 0 : (seats.get(displaced)?.units ?? 0)
      if (units - freed + needed > limits.unitsMax) return held
      if (displaced !== undefined) remove(displaced)
      seats.set(held, { units: needed, since: undefined })
      if (as !== undefined) passed.add(as)
      change(peer, needed)
      return displaced
    },
    step(head, isAwaited) {
      const due: Held[] = []
      const givenUp: Held[] = []
      for (const [held, seat] of seats) {
        seat.since ??= head
        if (!isAwaited(held)) due.push(held)
        else if (head !== undefined && seat.since !== undefined && head > seat.since + limits.blocksMax) givenUp.push(held)
      }
      for (const held of [...due, ...givenUp]) remove(held)
      return { due, givenUp }
    },
    length: () => seats.size,
  }
}
