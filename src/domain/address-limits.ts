import { networkOf } from './address-block.ts'
import { type BucketLimits, type Buckets, createBuckets } from './buckets.ts'

/**
 * Limits of an address, and of the network that it lies in, which is one of IPv6 and holds 65,536 addresses as limits count them. Many may share one, as customers
 * of one provider do, so it has as much as four addresses: enough that they do not stand in each other’s way, and no more than a few machines could have elsewhere.
 */
const NETWORK_FACTOR = 4

/** Buckets of addresses, each of which takes from the bucket of its network, too. */
export function createAddressBuckets(limits: BucketLimits, nowMs: () => number): Buckets {
  const addresses = createBuckets(limits, nowMs)
  const networks = createBuckets(
    { tokensPerSecond: NETWORK_FACTOR * limits.tokensPerSecond, tokensMax: NETWORK_FACTOR * limits.tokensMax },
    nowMs,
  )
  return {
    take(address, cost) {
      const network = networkOf(address)
      if (network === undefined) return addresses.take(address, cost)
      return networks.waitMs(network, cost) === 0 && addresses.take(address, cost) && networks.take(network, cost)
    },
    charge(address, cost) {
      addresses.charge(address, cost)
      const network = networkOf(address)
      if (network !== undefined) networks.charge(network, cost)
    },
    waitMs(address, cost) {
      const network = networkOf(address)
      const ofAddressMs = addresses.waitMs(address, cost)
      return network === undefined ? ofAddressMs : Math.max(ofAddressMs, networks.waitMs(network, cost))
    },
  }
}

/** How many of something there are of each address. `undefined` stands for those of which none is known, which have no limit. */
export interface AddressCounts {
  /** What has as many as it may: the address, or its network. */
  full(address: string | undefined): string | undefined
  change(address: string | undefined, by: 1 | -1): void
}

export function createAddressCounts(max: number): AddressCounts {
  const counts = new Map<string, number>()
  const of = (name: string | undefined): number => (name === undefined ? 0 : (counts.get(name) ?? 0))
  return {
    full(address) {
      if (address === undefined || of(address) >= max) return address
      const network = networkOf(address)
      return of(network) >= NETWORK_FACTOR * max ? network : undefined
    },
    change(address, by) {
      if (address === undefined) return
      for (const name of [address, networkOf(address)]) {
        if (name === undefined) continue
        const next = of(name) + by
        if (next === 0) counts.delete(name)
        else counts.set(name, next)
      }
    },
  }
}
