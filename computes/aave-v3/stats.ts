import { type AggregateCompute, blockKey, boolean, float, floatOf, int, memberOf, object, type SnapshotOf } from 'weft/compute'
import { changePercent, DAY_SECONDS, ownDayAgo } from './day.ts'
import { TOTAL_SUPPLY } from './total-supply.ts'

const usd = float({ unit: 'USD' })
const change = float({ unit: '%', description: 'Against the same a day ago; 0 when that was 0, or is not there.' })
const SCHEMA = object({
  epochId: int(),
  totalMarketSize: usd,
  totalAvailable: usd,
  totalBorrows: float({ unit: 'USD', description: 'At variable rates.' }),
  marketChange24h: change,
  availableChange24h: change,
  borrowChange24h: change,
  complete: boolean({ description: 'Whether there was a day ago to compare with.' }),
})

/** The market as a whole at the epoch's last block, and what a day has changed (spec/08 §6). Added up in the order of project ids. */
export const stats24h: AggregateCompute = {
  projectType: 'aggregate_24h_stats',
  schema: SCHEMA,
  description: 'The market as a whole, and what a day has changed.',
  aggregateOn: 'MultiProject',
  baseProjectTypes: [TOTAL_SUPPLY],
  async aggregate({ epoch, projectId, base, history, epochsIn }): Promise<SnapshotOf<typeof SCHEMA>> {
    const { epochId } = epoch
    const sizes = base.map(({ snapshot }) => {
      const at = (name: string) => memberOf(memberOf(snapshot, name), blockKey(epoch.end))
      return { supply: floatOf(at('totalAToken'), 'usd_supply'), debt: floatOf(at('totalVariableDebt'), 'usd_debt') }
    })
    const totalMarketSize = sizes.reduce((sum, { supply }) => sum + supply, 0)
    const totalAvailable = sizes.reduce((sum, { supply, debt }) => sum + (supply - debt), 0)
    const totalBorrows = sizes.reduce((sum, { debt }) => sum + debt, 0)
    const before = await ownDayAgo(history, { projectId, epochId, dayEpochs: epochsIn(DAY_SECONDS) })
    const changeOf = (now: number, name: string): number => (before === undefined ? 0 : changePercent(now, floatOf(before, name)))
    return {
      epochId: BigInt(epochId),
      totalMarketSize,
      totalAvailable,
      totalBorrows,
      marketChange24h: changeOf(totalMarketSize, 'totalMarketSize'),
      availableChange24h: changeOf(totalAvailable, 'totalAvailable'),
      borrowChange24h: changeOf(totalBorrows, 'totalBorrows'),
      complete: before !== undefined,
    }
  },
}
