import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import { afterAll, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { fundAccounts } from '#devnet/deploy.ts'
import { deployUniswap } from '#devnet/source-chain/deploy.ts'
import { startTrader } from '#devnet/source-chain/trader.ts'
import { systemClock } from '#io/clock/system.ts'
import { createStarted } from '#node/stop.ts'
import { openPage } from './page.ts'
import type { WeftProcess } from './world.ts'

/** docs/BY-HAND.md, done: every command of the page, in its order, with what it says of files and addresses. */

/** Ports that the page names may be somebody's. */
const page = openPage('BY-HAND.md', (word, command) => {
  if (word === '127.0.0.1:9103' && command === 'snapshotter') return variables.get('COLLECTOR') ?? ''
  return word.replace(/\/tcp\/91\d\d$/, '/tcp/0').replace(/:9103$/, ':0')
})
const { folder, variables, filledIn, run, blocks } = page
const started = createStarted()
afterAll(async () => {
  await page.stop()
  await started.stop()
})

function lookUp(): void {
  page.lookUp()
  variables.set('SEQUENCER_ID', variables.get('SEQUENCER')?.split('/p2p/').at(-1) ?? '')
  const collector = join(folder, 'net/collector/endpoints.json')
  if (existsSync(collector)) variables.set('COLLECTOR', (JSON.parse(readFileSync(collector, 'utf8')) as { grpc: string[] }).grpc[0] ?? '')
}

test('the commands of the page, in their order, make a network that brings an epoch to its end', async () => {
  const [anchor, source] = await Promise.all([startAnvil({ chainId: 31_339, blockTimeSeconds: 1 }), startAnvil({ chainId: 1 })])
  started.add('anchor', anchor)
  started.add('source', source)
  const { market: config } = await deployUniswap({ rpcUrl: source.rpcUrl })
  started.add(
    'trader',
    await startTrader(
      { rpcUrl: source.rpcUrl, market: config, seed: 1, blockTimeMs: 1_000 },
      { clock: systemClock, onTrouble: () => undefined },
    ),
  )
  variables.set('ANCHOR_RPC', anchor.rpcUrl).set('SOURCE_RPC', source.rpcUrl)
  for (const name of ['DEPLOYER', 'EPOCHS', 'SEQUENCER', 'VALIDATOR', 'SNAPSHOTTER']) {
    const { address, keyText } = devAccount(name)
    variables.set(`${name}_KEY`, keyText).set(`${name}_ADDRESS`, address)
    if (name !== 'SNAPSHOTTER') await fundAccounts(anchor.rpcUrl, [address])
  }
  writeFileSync(join(folder, 'config.json'), filledIn(blocks('json').join('')))
  const { name, version } = uniswapV2
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ namespace: 'BY-HAND', computes: [{ name, version, config }] }))

  const [contracts = '', roles = '', proof = ''] = blocks('sh')
  for (const line of contracts.trim().split('\n')) {
    const { ended, output } = run(line)
    expect(await ended(), output()).toBe(0)
  }
  // With a small pair of the market: each makes one project of this type.
  variables.set('PROJECT', `pairContract_pair_total_reserves:${config.pairs[0]}:BY-HAND`)
  const byName = new Map<string, WeftProcess>()
  for (const line of roles.trim().split('\n')) {
    const role = run(line)
    byName.set(role.name, role)
    await role.until('its endpoints', () => existsSync(join(role.dataDir, 'endpoints.json')))
    lookUp()
  }
  await byName.get('sequencer')?.said('all_batches_anchored')
  await byName.get('validator')?.said('"msg":"batch_attested"')
  expect(byName.get('validator')?.output()).toContain('"divergent":0')
  for (const line of proof.trim().split('\n')) {
    const { ended, output, name: command } = run(line)
    expect(await ended(), output()).toBe(0)
    if (command === 'verify') expect(output()).toMatch(/^verified/m)
  }
}, 120_000)
