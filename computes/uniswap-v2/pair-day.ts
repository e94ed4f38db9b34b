import { type BaseSnapshot, blockKey, type ComputeEpoch, dataSourceOf, floatOf, type JsonValue, memberOf } from 'weft/compute'
import { TOTAL_RESERVES } from './total-reserves.ts'
import { VOLUME_24H } from './volume-24h.ts'

/** What the rankings know of one pair: its reserves at the epoch's last block, and its volume of 24 hours. */
export interface PairDay {
  /** In lower case, as it stands in project ids. */
  readonly address: string
  /** By token, in the pair's order. */
  readonly reservesUsd: readonly [number, number]
  readonly prices: readonly [number, number]
  /** A snapshot of `VOLUME_24H`. */
  readonly volume: JsonValue
}

/** All pairs of the base, ascending by address: the order in which doubles are added up. Throws when one has no volume, naming it. */
export function pairDays(base: readonly BaseSnapshot[], epoch: ComputeEpoch): readonly PairDay[] {
  const [reserves, volumes] = [byPair(base, TOTAL_RESERVES), byPair(base, VOLUME_24H)]
  return Array.from(reserves.keys())
    .sort()
    .map((address) => {
      const volume = volumes.get(address)
      if (volume === undefined) throw new Error(`epoch ${epoch.epochId} has no volume of pair ${address}`)
      const atEnd = (field: string) => floatOf(memberOf(reserves.get(address) as JsonValue, field), blockKey(epoch.end))
      return {
        address,
        reservesUsd: [atEnd('token0ReservesUSD'), atEnd('token1ReservesUSD')],
        prices: [atEnd('token0Prices'), atEnd('token1Prices')],
        volume,
      }
    })
}

/** Snapshots of one type by the pair in their ids. */
export function byPair(base: readonly BaseSnapshot[], type: string): ReadonlyMap<string, JsonValue> {
  return new Map(
    base
      .filter(({ projectId }) => projectId.startsWith(`${type}:`))
      .map(({ projectId, snapshot }) => [dataSourceOf(projectId), snapshot] as const),
  )
}

/** Whether the whole time was there to add up. */
export function isComplete(snapshot: JsonValue): boolean {
  const complete = memberOf(snapshot, 'complete')
  if (typeof complete !== 'boolean') throw new Error('complete is neither true nor false')
  return complete
}
