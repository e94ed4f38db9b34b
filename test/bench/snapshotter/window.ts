import { uniswapV2, type UniswapV2Config } from 'weft/computes/uniswap-v2'
import type { AggregateCompute, SourceReader } from '#domain/compute.ts'
import { createLongWindow, PROJECT } from '#roles/snapshotter/long-window.test-world.ts'
import { cpuMs } from '../seal/rows.ts'
import { configOf } from './node.ts'

export interface Window {
  /** Of the first epoch that looks back on it, for which all of it is read. */
  readonly firstCpuMs: number
  /** Of those after it, ascending. */
  readonly cpuMs: readonly number[]
}

const snapshotOf = (epochId: number) => ({
  totalTrade: epochId * 1.1,
  totalFee: epochId * 0.003,
  token0TradeVolume: epochId / 3,
  token1TradeVolume: epochId / 7,
  token0TradeVolumeUSD: epochId * 1.01,
  token1TradeVolumeUSD: epochId * 0.99,
})

/** The trade volume of a pair over so many epochs, for so many epochs one after the other, chain and IPFS being next to it. */
export async function measureWindow(options: { readonly windowEpochs: number; readonly epochs: number }): Promise<Window> {
  const { windowEpochs, epochs } = options
  const compute = volumeOf(configOf(3))
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

function volumeOf(config: UniswapV2Config): AggregateCompute {
  const compute = uniswapV2.create(config).aggregates.find(({ projectType }) => projectType === 'aggregate_pairContract_24h_trade_volume')
  if (compute === undefined) throw new Error('Uniswap V2 has no volume of a day')
  return compute
}
