import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
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
import { runWeft, type WeftProcess } from './world.ts'

/** docs/BY-HAND.md, done: every command of the page, in its order, with what it says of files and addresses. */

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/BY-HAND.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text = '']) => text)

const folder = mkdtempSync(join(tmpdir(), 'weft-by-hand-'))
const started = createStarted()
const processes: WeftProcess[] = []
afterAll(async () => {
  for (const { child } of processes) child.kill('SIGKILL')
  await Promise.all(processes.map(({ exited }) => exited))
  await started.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** What the page calls `$NAME`. */
const variables = new Map<string, string>()
/** Where the page says that an address stands. */
const PLACES = [...PAGE.matchAll(/^\| `\$(\w+)` \| `(\w+)` in `(\S+)` \|$/gm)].map(([, name = '', what = '', path = '']) => ({
  name,
  what,
  path,
}))

function filledIn(text: string): string {
  return text.replace(/\$(\w+)/g, (whole, name: string) => variables.get(name) ?? expect.fail(`the page does not say what ${whole} is`))
}

/** Files of the page lie in our folder, and ports that it names may be somebody's. */
const here = (word: string): string =>
  /^(net(\/|$)|config\.json|manifest\.json)/.test(word)
    ? join(folder, word)
    : word.replace(/\/tcp\/91\d\d$/, '/tcp/0').replace(/:9103$/, ':0')

function run(line: string): WeftProcess & { readonly name: string; readonly dataDir: string } {
  const words = filledIn(line).split(' ')
  const at = words.indexOf('./weft')
  const env = Object.fromEntries(words.slice(0, at).map((word) => word.split('=') as [string, string]))
  const args = words
    .slice(at + 1)
    .map((word) => (word === '127.0.0.1:9103' && words.includes('snapshotter') ? (variables.get('COLLECTOR') ?? '') : here(word)))
  const running = runWeft(args, env)
  processes.push(running)
  return { ...running, name: args[0] ?? '', dataDir: args[args.indexOf('--data-dir') + 1] ?? '' }
}

/** As a reader looks them up, once their role has started. */
function lookUp(): void {
  const first = (path: string, what: string): string | undefined =>
    existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string[]>)[what]?.[0] : undefined
  for (const { name, what, path } of PLACES) variables.set(name, first(here(path), what) ?? '')
  variables.set('SEQUENCER_ID', variables.get('SEQUENCER')?.split('/p2p/').at(-1) ?? '')
  variables.set('COLLECTOR', first(join(folder, 'net/collector/endpoints.json'), 'grpc') ?? '')
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
