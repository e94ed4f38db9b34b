import type { PersistOptions } from '#life/persist.ts'

/**
 * How long a read of the source and an add to IPFS are tried again: half a minute and more, as an endpoint alone is limited or down for some
 * seconds at a time while windows are longer. It is less than a compute has, so that the record tells what failed, not that time ran out; a window
 * that closes earlier ends it.
 */
export const PATIENCE = { backoff: { firstMs: 200, lastMs: 3_000 }, attemptsMax: 20 } as const satisfies Pick<
  PersistOptions<never>,
  'backoff' | 'attemptsMax'
>
