import type { Lane } from './fair-queue.ts'
import { createMemory } from './memory.ts'
import { type ReceiptCode, REJECTIONS, type Rejection } from './rejection.ts'

/**
 * How senders are treated for what became of their earlier deliveries. Identities are free, so nothing is given to one that has shown nothing: a sender is `known` once
 * a vote of a slot was accepted from it, which costs a slot. One whose deliveries fail pays more for each of the next, and so does its address, each by its own failures.
 */
export interface Sender {
  readonly peer: string
  /** The part of its network address that somebody has to own: `undefined` where it cannot be told, as through a relay. */
  readonly address: string | undefined
}

export interface Treatment {
  readonly lane: Lane
  /** How many times the cost of an ordinary delivery its next one has. */
  readonly factor: number
  /** Turns it has, against one that is new; of one that has shown nothing and has an address, those of all such there. */
  readonly weight: number
}

export interface Standings {
  of(sender: Sender): Treatment
  /** What its delivery came to. */
  note(sender: Sender, code: ReceiptCode): void
}

/** Accepted votes that count: enough to outlast a key that was changed, too few to pay for a flood. */
const CREDIT_MAX = 64
/** Accepted votes that one failure takes away. */
const CREDIT_PER_FAILURE = 4
const CREDIT_PER_WEIGHT = 16
/** Each failure doubles the cost, up to this many times: at the rate of an ordinary peer that leaves about one delivery a second. */
const DOUBLINGS_MAX = 12
/** The same for an address, which may be that of many who have done nothing. */
const DOUBLINGS_OF_ADDRESS_MAX = 6
/** Time after which one doubling is forgiven. */
const FORGIVEN_AFTER_MS = 5_000
/** Senders that are remembered, of each kind. To be among the known takes a slot, so those who have none push nobody out. */
const REMEMBERED_MAX = 20_000

/** As of a sender that has shown nothing, and of those that are known. One is asked for with each delivery, so they are made once. */
const NEW: Treatment = { lane: 'other', factor: 1, weight: 1 }
const KNOWN: readonly Treatment[] = Array.from({ length: 1 + CREDIT_MAX / CREDIT_PER_WEIGHT }, (_, more) => ({
  lane: 'known',
  factor: 1,
  weight: 1 + more,
}))

/** Beyond the sender's fault, and nothing that it could know: sending fast is dealt with on its own. */
function isFailure(code: ReceiptCode): boolean {
  return code in REJECTIONS && code !== 'rate_limited' && REJECTIONS[code as Rejection].blame === 'sender'
}

export function createStandings(nowMs: () => number): Standings {
  const credits = createMemory<{ credit: number }>(REMEMBERED_MAX)
  const peers = createFailures(DOUBLINGS_MAX, nowMs)
  const addresses = createFailures(DOUBLINGS_OF_ADDRESS_MAX, nowMs)

  function noteAccepted(peer: string): void {
    const known = credits.get(peer) ?? { credit: 0 }
    known.credit = Math.min(CREDIT_MAX, known.credit + 1)
    // Who is forgotten is the one without a vote for longest.
    credits.put(peer, known)
  }

  function noteFailure({ peer, address }: Sender): void {
    const known = credits.get(peer)
    if (known !== undefined && known.credit > CREDIT_PER_FAILURE) {
      known.credit -= CREDIT_PER_FAILURE
      return
    }
    credits.delete(peer)
    peers.add(peer)
    if (address !== undefined) addresses.add(address)
  }

  return {
    of({ peer, address }) {
      const known = credits.get(peer)
      if (known !== undefined) return KNOWN[Math.floor(known.credit / CREDIT_PER_WEIGHT)] as Treatment
      const ofPeer = peers.of(peer)
      const ofTurn = address === undefined ? ofPeer : addresses.of(address)
      const doublings = Math.max(ofPeer, ofTurn)
      return doublings === 0 ? NEW : { lane: 'other', factor: 2 ** doublings, weight: 1 / 2 ** ofTurn }
    },
    note(sender, code) {
      if (code === 'accepted') noteAccepted(sender.peer)
      else if (isFailure(code)) noteFailure(sender)
    },
  }
}

/** Failures that are not forgiven yet, in doublings. */
function createFailures(doublingsMax: number, nowMs: () => number) {
  const failures = createMemory<{ readonly doublings: number; readonly atMs: number }>(REMEMBERED_MAX)
  function of(holder: string): number {
    const failed = failures.get(holder)
    if (failed === undefined) return 0
    return Math.max(0, failed.doublings - Math.floor((nowMs() - failed.atMs) / FORGIVEN_AFTER_MS))
  }
  return {
    of,
    add(holder: string): void {
      const doublings = Math.min(doublingsMax, of(holder) + 1)
      failures.put(holder, { doublings, atMs: nowMs() })
    },
  }
}
