import { type AggregateCompute, boolean, fieldsOf, floatSum, int, integerSum, object, seriesInWindow, type SnapshotOf } from 'weft/compute'
import { SUPPLY_VOLUME, VOLUME, type Volume } from './supply-volume.ts'
import { DAY_SECONDS } from './day.ts'

export const VOLUME_24H = 'aggregate_poolContract_volume_24h'

const KINDS = ['borrow', 'repay', 'supply', 'withdraw', 'liquidation'] as const
/** Of each kind the value, then the tokens. */
const FIELDS = KINDS.flatMap((kind) => [`${kind}.totalUSD`, `${kind}.totalToken`])

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
    const windowEpochs = epochsIn(DAY_SECONDS)
    const earlier = await seriesInWindow(history, { projectId, epochId, windowEpochs, fields: FIELDS })
    const columns = fieldsOf(present.snapshot, FIELDS).map((value, index) => [[value], ...(earlier.columns[index] ?? [])])
    const total = (kind: (typeof KINDS)[number]): Volume => {
      const [values = [], tokens = []] = columns.slice(2 * KINDS.indexOf(kind))
      return { totalUSD: floatSum(values, `${kind}.totalUSD`), totalToken: integerSum(tokens, `${kind}.totalToken`) }
    }
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
