import { createAddressBuckets, createAddressCounts } from '#domain/address-limits.ts'
import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Claim, Judge, Voucher } from './port.ts'

export interface PlaceLimits {
  /** Peers that may be reached through this relay: the sequencers of every market, with room. libp2p's own 15 starves a network. Those whom a sequencer vouches for come beside them. */
  readonly reservationsMax: number
  /** Reservations from one address, so that nobody takes them all. */
  readonly reservationsPerAddressMax: number
  /** Peers that one slot, or the account of one sequencer, may vouch for at a time. */
  readonly peersPerSlotMax: number
}

export const PLACE_LIMITS: PlaceLimits = { reservationsMax: 1_000, reservationsPerAddressMax: 64, peersPerSlotMax: 4 }

/** Each reservation costs a signature of the relay; one lasts an hour, and is renewed well before. */
const RESERVES: BucketLimits = { tokensPerSecond: 1, tokensMax: 10 }
/** The same for all peers of one address. */
const RESERVES_OF_ADDRESS: BucketLimits = { tokensPerSecond: 20, tokensMax: 200 }
/** A claim costs a recovery. A peer makes one when it connects; after a restart of the relay all that are behind one NAT come at once. */
const CLAIMS_OF_ADDRESS: BucketLimits = { tokensPerSecond: 50, tokensMax: 1_000 }

/** Who asks. `address`: the part of its network address that somebody has to own. */
interface Asking {
  readonly peer: string
  readonly address: string
}

/** Those who hold a reservation now, by peer, each with its address. */
export type Holders = ReadonlyMap<string, string>

/** Who may have a place at a relay. */
export interface Places {
  /** Remembers the peer, or says why not. */
  admit(claim: Claim, address: string): Rejection | undefined
  /** Whether it is vouched for, as of now: who signs for a slot may have changed. All are, where nobody is asked. */
  isAdmitted(peer: string): boolean
  mayReserve(asking: Asking, holders: Holders): boolean
  /** It is gone. */
  forget(peer: string): void
}

/** Without `judge` nobody is asked for a claim. */
export function createPlaces(
  limits: PlaceLimits,
  { judge, nowMs }: { readonly judge: Judge | undefined; readonly nowMs: () => number },
): Places {
  /** By peer. */
  const vouched = new Map<string, { readonly claim: Claim; readonly voucher: Voucher }>()
  const reserves = createBuckets(RESERVES, nowMs)
  const reservesOfAddress = createAddressBuckets(RESERVES_OF_ADDRESS, nowMs)
  const claimsOfAddress = createAddressBuckets(CLAIMS_OF_ADDRESS, nowMs)

  function isAdmitted(peer: string): boolean {
    if (judge === undefined) return true
    const claim = vouched.get(peer)?.claim
    return claim !== undefined && typeof judge(claim) === 'object'
  }

  const isOfSequencer = (peer: string): boolean => vouched.get(peer)?.voucher.isSequencer === true

  return {
    admit(claim, address) {
      if (!claimsOfAddress.take(address, 1)) return 'rate_limited'
      const voucher = judge?.(claim)
      if (typeof voucher !== 'object') return voucher
      const others = vouched.entries().filter(([peer, other]) => other.voucher.by === voucher.by && peer !== claim.peer)
      // Those that are there keep their place: newcomers push nobody out.
      if (others.toArray().length >= limits.peersPerSlotMax) return 'quota_exceeded'
      vouched.set(claim.peer, { claim, voucher })
      return undefined
    },
    isAdmitted,
    mayReserve({ peer, address }, holders) {
      if (!reserves.take(peer, 1)) return false
      // R3: who holds one renews it, however full it is and whoever else comes from its address.
      if (holders.has(peer)) return isAdmitted(peer)
      // Circuits lead to sequencers: slots, of which there are thousands, never take their places.
      if (isOfSequencer(peer)) return isAdmitted(peer)
      if (!reservesOfAddress.take(address, 1) || !isAdmitted(peer)) return false
      const others = [...holders].filter(([holder]) => !isOfSequencer(holder))
      const counts = createAddressCounts(limits.reservationsPerAddressMax)
      for (const [, other] of others) counts.change(other, 1)
      return others.length < limits.reservationsMax && counts.full(address) === undefined
    },
    forget: (peer) => void vouched.delete(peer),
  }
}
