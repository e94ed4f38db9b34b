import type { Means } from '#io/chain/proof/provable.ts'
import type { OnEndpointTrouble, OnEndpointUse } from '#io/chain/rpc/health.ts'

/** A role that asks the endpoints of a pool, and hears of what they do. */
export interface Listener {
  /** Its data directory: a role that starts again in it takes the place of its earlier self. */
  readonly directory: string
  readonly onTrouble: OnEndpointTrouble
  /** Counts the request. */
  readonly onUse: OnEndpointUse
  /** Hears of a request that another one counts. */
  readonly onUseOfAll: OnEndpointUse
  readonly onUnproved: (means: Means) => void
}

/** As whoever opens a pool takes it. */
export type Told = Omit<Listener, 'directory' | 'onUseOfAll'>

/** Gives what is kept under the key, opened at first use: parts of one process that ask the same endpoints ask them through one pool, keep its limits together, and all hear of them. */
export type Pools = <Value>(key: readonly unknown[], listener: Listener, open: (told: Told) => Value) => Value

/** For a role alone in its process. */
export const OWN_POOLS: Pools = (_key, listener, open) => open(listener)

/** What fails to open is not kept: the next one tries again. */
export function createPools(): Pools {
  const kept = new Map<string, { readonly value: unknown; readonly audience: Map<string, Listener> }>()
  return <Value>(key: readonly unknown[], listener: Listener, open: (told: Told) => Value): Value => {
    const name = JSON.stringify(key)
    const known = kept.get(name)
    if (known !== undefined) {
      known.audience.set(listener.directory, listener)
      return known.value as Value
    }
    const audience = new Map([[listener.directory, listener]])
    const value = open(toAll(audience))
    kept.set(name, { value, audience })
    if (value instanceof Promise) value.catch(() => kept.delete(name))
    return value
  }
}

/** One counts each request, that sums over roles are right. */
function toAll(audience: ReadonlyMap<string, Listener>): Told {
  return {
    onTrouble(trouble) {
      for (const each of audience.values()) each.onTrouble(trouble)
    },
    onUse(use) {
      const [first, ...others] = audience.values()
      first?.onUse(use)
      for (const each of others) each.onUseOfAll(use)
    },
    onUnproved(means) {
      for (const each of audience.values()) each.onUnproved(means)
    },
  }
}
