import {
  type AggregateCompute,
  type BaseSnapshot,
  type ComputeEpoch,
  dataSourceOf,
  floatOf,
  memberOf,
  type SnapshotHistory,
  type SourceReader,
} from 'weft/compute'
import { symbolOf, tokenAddressesOf } from './contracts.ts'
import { blockKey, TOTAL_RESERVES } from './total-reserves.ts'
import { TRADE_VOLUME } from './trade-volume.ts'
import { DAY_SECONDS, type DayVolume, dayVolume } from './volume-24h.ts'

/** All pairs by liquidity, with their volume of 24 hours (spec/08 §5). */
export const topPairs24h: AggregateCompute = {
  projectType: 'aggregate_24h_top_pairs',
  aggregateOn: 'MultiProject',
  baseProjectTypes: [TOTAL_RESERVES, TRADE_VOLUME],
  async aggregate({ epoch, base, history, source, epochsIn }) {
    const reserves = base.filter(({ projectId }) => projectId.startsWith(`${TOTAL_RESERVES}:`))
    const volumes = new Map(
      base
        .filter(({ projectId }) => projectId.startsWith(`${TRADE_VOLUME}:`))
        .map((snapshot) => [dataSourceOf(snapshot.projectId), snapshot]),
    )
    const windowEpochs = epochsIn(DAY_SECONDS)
    const rows: Row[] = []
    for (const reserve of reserves) {
      const address = dataSourceOf(reserve.projectId)
      const present = volumes.get(address)
      if (present === undefined) throw new Error(`epoch ${epoch.epochId} has no trade volume of pair ${address}`)
      rows.push(await naming(address, () => rowOf(address, { reserve, present, epoch, history, source, windowEpochs })))
    }
    // Stable, over rows in the order of project ids: equal liquidity keeps that order.
    const sorted = rows.toSorted((left, right) => right.liquidity - left.liquidity)
    return {
      epochId: BigInt(epoch.epochId),
      complete: rows.every(({ volume }) => volume.complete),
      pairs: sorted.map(({ name, address, liquidity, volume }) => ({
        name,
        address,
        liquidity,
        volume24h: volume.totalTrade,
        fee24h: volume.totalFee,
      })),
    }
  },
}

interface Row {
  readonly name: string
  readonly address: string
  readonly liquidity: number
  readonly volume: DayVolume
}

async function rowOf(
  address: string,
  input: {
    readonly reserve: BaseSnapshot
    readonly present: BaseSnapshot
    readonly epoch: ComputeEpoch
    readonly history: SnapshotHistory
    readonly source: SourceReader
    readonly windowEpochs: number
  },
): Promise<Row> {
  const volume = await dayVolume(input)
  return { name: await pairName(address, input), address, liquidity: liquidityAtEnd(input.reserve, input.epoch), volume }
}

/** A ranking without one of its pairs would be another one, so one that fails ends it: the reason says which. */
async function naming(pair: string, work: () => Promise<Row>): Promise<Row> {
  try {
    return await work()
  } catch (cause) {
    throw new Error(`pair ${pair}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

function liquidityAtEnd({ snapshot }: BaseSnapshot, epoch: ComputeEpoch): number {
  const key = blockKey(epoch.end)
  return floatOf(memberOf(snapshot, 'token0ReservesUSD'), key) + floatOf(memberOf(snapshot, 'token1ReservesUSD'), key)
}

async function pairName(pair: string, { epoch, source }: { epoch: ComputeEpoch; source: SourceReader }): Promise<string> {
  const at = { source, blockNumber: epoch.begin }
  const [token0, token1] = await tokenAddressesOf(pair, at)
  const symbols = await Promise.all([symbolOf(token0, at), symbolOf(token1, at)])
  return symbols.join('-')
}
