import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import { afterAll, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { fundAccounts } from '#devnet/deploy.ts'
import { deployUniswap } from '#devnet/source-chain/deploy.ts'
import { startTrader } from '#devnet/source-chain/trader.ts'
import { Secret } from '#domain/secret.ts'
import { systemClock } from '#io/clock/system.ts'
import { decryptKeystore } from '#io/keys/keystore.ts'
import { startReceiver } from '#io/traces/receiver.test-world.ts'
import { createStarted } from '#node/stop.ts'
import { openPage } from './page.ts'

/** docs/OPERATING.md, done: every command of the page, in its order; and of what it says goes wrong, what takes two processes. */

const PASSWORD = 'correct horse battery staple'
const page = openPage('OPERATING.md')
const { folder, variables, filledIn, run, blocks } = page
const started = createStarted()
afterAll(async () => {
  await page.stop()
  await started.stop()
})

/** One that nobody has: the page's own may be somebody's. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function startChains(): Promise<void> {
  const [anchor, source] = await Promise.all([startAnvil({ chainId: 31_341, blockTimeSeconds: 1 }), startAnvil({ chainId: 1 })])
  started.add('anchor', anchor)
  started.add('source', source)
  const { market: config } = await deployUniswap({ rpcUrl: source.rpcUrl })
  const trader = { rpcUrl: source.rpcUrl, market: config, seed: 1, blockTimeMs: 500 }
  started.add('trader', await startTrader(trader, { clock: systemClock, onTrouble: () => undefined }))
  variables.set('ANCHOR_RPC', anchor.rpcUrl).set('SOURCE_RPC', source.rpcUrl)
  for (const name of ['DEPLOYER', 'EPOCHS', 'SEQUENCER', 'VALIDATOR']) {
    const { address, keyText } = devAccount(name)
    variables.set(`${name}_KEY`, keyText).set(`${name}_ADDRESS`, address)
    await fundAccounts(anchor.rpcUrl, [address])
  }
  const { name, version } = uniswapV2
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ namespace: 'OPERATING', computes: [{ name, version, config }] }))
  writeFileSync(join(folder, 'password'), `${PASSWORD}\n`, { mode: 0o600 })
}

const commands = blocks('sh').map((block) => block.trim().split('\n'))
const [keys = [], network = [], node = [], epochs = [], traces = [], keeping = []] = commands

async function done(line: string): Promise<string> {
  const { ended, output } = run(line)
  expect(await ended(), output()).toBe(0)
  return output()
}

/** Starts a role of the page, and waits until it says where it is. */
async function role(line: string) {
  const running = run(line)
  await running.until('its endpoints', () => existsSync(join(running.dataDir, 'endpoints.json')))
  page.lookUp()
  return running
}

test('the commands of the page, in their order, make a node whose votes count; what it says goes wrong is refused in those words', async () => {
  await startChains()
  const [keysNew = '', ...otherKeys] = keys
  variables.set('SIGNER', /^address +(0x[0-9a-f]{40})$/m.exec(await done(keysNew))?.[1] ?? '')
  for (const line of otherKeys) expect(await done(line)).toContain(variables.get('SIGNER'))
  writeFileSync(join(folder, 'config.json'), filledIn(blocks('json').join('')))
  const [deploy = '', sequencing = '', validating = ''] = network
  await done(deploy)
  const sequencer = await role(sequencing)
  const validator = await role(validating)
  const [init = '', check = '', show = '', start = ''] = node
  await done(init)
  const receiver = await startReceiver()
  started.add('receiver of traces', receiver)
  const env = { WEFT_GRPC_LISTEN: `127.0.0.1:${await freePort()}`, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint }
  const running = run(start, env)
  await Promise.all([
    done(check).then((said) => expect(said).toMatch(/snapshotter .*, 3 slots, hands over to 127\.0\.0\.1:50051/)),
    done(show).then((said) => expect(said).toMatch(/slots +1-3 +\(file\)/)),
    running.until('both parts', () => (running.output().match(/"msg":"started"/g) ?? []).length === 2),
  ])
  await role(epochs[0] ?? '')
  // While the first epoch takes its time.
  const config = JSON.parse(readFileSync(join(folder, 'weft.json'), 'utf8')) as { parts: Record<string, unknown> }
  const { snapshotter } = config.parts
  writeFileSync(join(folder, 'other.json'), JSON.stringify({ ...config, dataDir: 'elsewhere', parts: { snapshotter } }))
  const [twice, elsewhere] = [run(start, env), run(`${start} --config other.json`, env)]
  expect([await twice.ended(), twice.output()]).toEqual([1, expect.stringContaining(`"processId":"${running.child.pid}"`)])
  expect(twice.output()).toContain('DATA_DIR_LOCKED')
  expect([await elsewhere.ended(), elsewhere.output()]).toEqual([1, expect.stringContaining('"code":"SIGNER_IN_USE"')])
  await running.said('"msg":"epoch_done"')
  variables.set('PROJECT', 'aggregate_24h_stats')
  const [trace = ''] = traces
  const [, traceId] = /^collector[\s\S]* taken .*, trace ([0-9a-f]{32})$/m.exec(await done(trace)) ?? []
  const [backup = '', restore = ''] = keeping
  expect(await done(backup)).toMatch(/collector +in collector: store and [\s\S]*snapshotter +in snapshotter: store and .*blocks/)
  await sequencer.said('all_batches_anchored')
  await validator.said('"msg":"batch_attested"')
  // Of the node's own network, through the gateway of its own snapshotter.
  const got = (await done('./weft get $PROJECT latest --json')).trim().split('\n')
  expect(got[0]).toMatch(/^as .*weft\.json says: network .*; endpoint .*; gateways http:/)
  expect(JSON.parse(got.at(-1) as string)).toMatchObject({
    status: 'finalized',
    text: expect.any(String),
  })
  expect(validator.output()).toContain('"divergent":0')
  running.child.kill('SIGINT')
  expect(await running.ended()).toBe(0)
  // The rest of what a sequencer would tell goes to whoever runs that one.
  const told = receiver.spans().filter((span) => span.traceId === traceId)
  expect(told.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['snapshotter.compute', 'snapshotter.sign', 'snapshotter.hand_over', 'collector.accept', 'collector.deliver']),
  )
  const stops = running.output().match(/"role":"(\w+)","msg":"stopped"/g)
  expect(stops).toEqual(['"role":"snapshotter","msg":"stopped"', '"role":"collector","msg":"stopped"'])
  // The second node told of its parts there, too.
  expect(await done('./weft logs --data-dir weft-data')).toMatch(
    / collector +starting\n[\s\S]* error node +part_failed part=collector code=DATA_DIR_LOCKED[\s\S]* snapshotter epoch_done [\s\S]* collector +stopped\n$/,
  )
  expect(await done(restore)).toContain('restored from backups/monday')
  writeFileSync(join(folder, 'again.json'), JSON.stringify({ ...config, dataDir: 'restored' }))
  const again = run(`${start} --config again.json`, env)
  await again.said('"msg":"restored"')
  const path = join(folder, 'keys/signer.json')
  const signer = await decryptKeystore(readFileSync(path, 'utf8'), { path, password: new Secret(PASSWORD) })
  const keysGiven = ['DEPLOYER', 'EPOCHS', 'SEQUENCER', 'VALIDATOR'].map((name) => variables.get(`${name}_KEY`) ?? '')
  for (const secret of [PASSWORD, signer.reveal().toHex(), ...keysGiven]) expect(page.outputs()).not.toContain(secret.replace(/^0x/, ''))
}, 120_000)
