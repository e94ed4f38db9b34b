import { aaveV3 } from 'weft/computes/aave-v3'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import type { AggregateCompute, JsonValue, SourceReader } from '#domain/compute.ts'
import { createLongWindow, PROJECT } from '#roles/snapshotter/long-window.test-world.ts'
import { cpuMs } from '../seal/rows.ts'
import { configOf } from './node.ts'

export interface Window {
  /** Of the first epoch that looks back on it, for which all of it is read. */
  readonly firstCpuMs: number
  /** Of those after it, ascending. */
  readonly cpuMs: readonly number[]
}

/** An aggregate over a time, and what it is over. */
export interface Looking {
  readonly compute: AggregateCompute
  readonly snapshotOf: (epochId: number) => JsonValue
}

const E18 = 10n ** 18n
const RAY = 10n ** 27n
const ADDRESS = `0x${'1'.repeat(40)}`
const AAVE = { pool: ADDRESS, poolAddressesProvider: ADDRESS, uiPoolDataProvider: ADDRESS, assets: [ADDRESS] }

/** Aggregates that look back on a day, or on a part of one, by what they are of. */
export const LOOKING: Readonly<Record<string, Looking>> = {
  'a pair’s trade volume': {
    compute: aggregateOf(uniswapV2.create(configOf(3)).aggregates, 'aggregate_pairContract_24h_trade_volume'),
    snapshotOf: (epochId) => ({
      totalTrade: epochId * 1.1,
      totalFee: epochId * 0.003,
      token0TradeVolume: epochId / 3,
      token1TradeVolume: epochId / 7,
      token0TradeVolumeUSD: epochId * 1.01,
      token1TradeVolumeUSD: epochId * 0.99,
    }),
  },
  'an asset’s volumes': {
    compute: aggregateOf(aaveV3.create(AAVE).aggregates, 'aggregate_poolContract_volume_24h'),
    snapshotOf(epochId) {
      const volume = { totalUSD: epochId * 1.1, totalToken: BigInt(epochId) * E18 }
      return { borrow: volume, repay: volume, supply: volume, withdraw: volume, liquidation: volume }
    },
  },
  'an asset’s rates': {
    compute: aggregateOf(aaveV3.create(AAVE).aggregates, 'aggregate_poolContract_6h_apr'),
    snapshotOf(epochId) {
      const rate = { [`block${epochId}`]: RAY / BigInt(20 + (epochId % 10)) }
      const rateDetails = { [`block${epochId}`]: { utilRate: 0.5 + (epochId % 7) / 100 } }
      return { liquidityRate: rate, variableBorrowRate: rate, stableBorrowRate: rate, rateDetails, timestamp: BigInt(epochId) }
    },
  },
}

/** What one looks back on over so many epochs, for so many epochs one after the other, chain and IPFS being next to it. */
export async function measureWindow(
  { compute, snapshotOf }: Looking,
  options: { readonly windowEpochs: number; readonly epochs: number },
): Promise<Window> {
  const { windowEpochs, epochs } = options
  const { at } = createLongWindow(snapshotOf)
  const measured: number[] = []
  for (let epochId = windowEpochs + 1; measured.length <= epochs; epochId += 1) {
    const { history, builtOn } = at(epochId)
    measured.push(
      await cpuMs(async () => {
        await compute.aggregate({
          epoch: { epochId, begin: epochId, end: epochId },
          projectId: `${compute.projectType}:TEST`,
          base: [{ projectId: PROJECT, epochId, snapshot: snapshotOf(epochId) }],
          history,
          source: undefined as unknown as SourceReader,
          epochsIn: () => windowEpochs,
        })
        builtOn()
      }),
    )
  }
  const [firstCpuMs = 0, ...after] = measured
  return { firstCpuMs, cpuMs: after.sort((left, right) => left - right) }
}

function aggregateOf(aggregates: readonly AggregateCompute[], type: string): AggregateCompute {
  const compute = aggregates.find(({ projectType }) => projectType === type)
  if (compute === undefined) throw new Error(`there is no ${type}`)
  return compute
}
