/** Gives what is kept under the key, opened at first use: parts of one process that ask the same endpoints ask them through one pool, and keep its limits together. */
export type Pools = <Value>(key: readonly unknown[], open: () => Value) => Value

/** For a role alone in its process. */
export const OWN_POOLS: Pools = (_key, open) => open()

/** What fails to open is not kept: the next one tries again. */
export function createPools(): Pools {
  const kept = new Map<string, unknown>()
  return <Value>(key: readonly unknown[], open: () => Value): Value => {
    const name = JSON.stringify(key)
    if (kept.has(name)) return kept.get(name) as Value
    const value = open()
    kept.set(name, value)
    if (value instanceof Promise) value.catch(() => kept.delete(name))
    return value
  }
}
