import { type AggregateCompute, boolean, earlierInWindow, floatOf, int, integerOf, memberOf, object, type SnapshotOf } from 'weft/compute'
import { added, NO_VOLUME, SUPPLY_VOLUME, VOLUME, type Volume } from './supply-volume.ts'
import { DAY_SECONDS } from './day.ts'

export const VOLUME_24H = 'aggregate_poolContract_volume_24h'

const SCHEMA = object({
  epochId: int(),
  totalBorrow: VOLUME,
  totalRepay: VOLUME,
  totalSupply: VOLUME,
  totalWithdraw: VOLUME,
  totalLiquidatedCollateral: VOLUME,
  complete: boolean({ description: 'Whether the whole day was there.' }),
})

/** Volumes of one asset over a day: the present epoch first, then the earlier ones ascending (spec/08 §6, spec/03 §7). */
export const volume24h: AggregateCompute = {
  projectType: VOLUME_24H,
  schema: SCHEMA,
  description: 'Volumes of one asset over a day.',
  aggregateOn: 'SingleProject',
  baseProjectTypes: [SUPPLY_VOLUME],
  async aggregate({ epoch, base, history, epochsIn }): Promise<SnapshotOf<typeof SCHEMA>> {
    const [present] = base
    if (present === undefined) throw new Error(`epoch ${epoch.epochId} has no volume to aggregate`)
    const { projectId, epochId } = present
    const earlier = await earlierInWindow(history, { projectId, epochId, windowEpochs: epochsIn(DAY_SECONDS) })
    const snapshots = [present.snapshot, ...earlier.snapshots]
    const total = (name: string): Volume =>
      snapshots
        .map((snapshot) => memberOf(snapshot, name))
        .map((volume) => ({ totalUSD: floatOf(volume, 'totalUSD'), totalToken: integerOf(volume, 'totalToken') }))
        .reduce(added, NO_VOLUME)
    return {
      epochId: BigInt(epochId),
      totalBorrow: total('borrow'),
      totalRepay: total('repay'),
      totalSupply: total('supply'),
      totalWithdraw: total('withdraw'),
      totalLiquidatedCollateral: total('liquidation'),
      complete: earlier.isWhole,
    }
  },
}
