import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { computeTwice, recorded, replayed, rpcSource } from 'weft/compute/testing'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { deployUniswap } from '#devnet/source-chain/deploy.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'

/** A record of a real chain gives the bytes that the chain gave, when it is gone. */

const folder = mkdtempSync(join(tmpdir(), 'weft-record-'))
let source: Anvil | undefined
afterAll(async () => {
  await source?.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('what a set reads of a chain is recorded as JSON, and computed from again without it', async () => {
  source = await startAnvil({ chainId: 1 })
  const {
    market: { weth, dai },
  } = await deployUniswap({ rpcUrl: source.rpcUrl })
  // Nothing is read at the newest block, nor before the contracts were there.
  const rpc = createRpc({ rpcUrl: source.rpcUrl, pause: systemClock })
  await rpc.call('anvil_mine', ['0x3'])
  const end = Number(await rpc.call('eth_blockNumber', [])) - 1
  cpSync(join(import.meta.dirname, '../../computes/templates/erc20-supply'), folder, { recursive: true })
  const conditions = { config: { tokens: [weth, dai] }, epoch: { epochId: 1, begin: end, end } }
  const recorder = recorded(await rpcSource({ rpcUrl: source.rpcUrl, chainId: 1, epoch: conditions.epoch }))
  const live = await computeTwice(folder, { ...conditions, source: recorder.source })
  await source.stop()
  const again = await computeTwice(folder, { ...conditions, source: replayed(JSON.parse(JSON.stringify(recorder.fixture()))) })
  expect(again).toEqual(live)
  expect(live.size).toBe(3)
})
