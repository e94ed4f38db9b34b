import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { deployMarket, deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import { type Address, type EpochId, parseProjectId } from '#domain/ids.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { type ReadyPart, readParts, runParts } from '#node/node.ts'
import { readConfig } from '#node/node-config.ts'
import { startRole } from '#node/start.ts'
import { createStarted } from '#node/stop.ts'
import { newMarket } from '#operator/new-market.ts'
import { freePorts } from './free-ports.ts'
import { until } from './within.ts'

/** What OPERATING.md says of a second market: a part of the same file for each of its roles. */

const home = mkdtempSync(join(tmpdir(), 'weft-markets-'))
const started = createStarted()
afterAll(async () => {
  await started.stop()
  rmSync(home, { recursive: true, force: true })
})

/** Five blocks a second: no window has to be waited for. */
const BLOCK_SECONDS = 0.2
const TERMS = {
  market: { epochSize: 2, sourceChainId: 1, sourceBlockTimeSeconds: 1, attestationsMin: 1 },
  windows: { snapshotBlocks: 8, batchBlocks: 100, attestationBlocks: 200 },
}
const [owner, signer] = [devAccount('owner'), devAccount('signer')]
/** Who sends for one market: two that send from one account hold each other up. The signer of a slot, who sends nothing, signs for both. */
const staffOf = (market: string) => ({ manager: devAccount(`manager ${market}`), sequencer: devAccount(`sequencer ${market}`) })
type Staff = ReturnType<typeof staffOf>

/** As `weft node` reads and starts them, each with a log of its own. */
function partsOf(parts: Readonly<Record<string, object>>, settings: object): readonly ReadyPart[] {
  const path = join(home, `${Object.keys(parts)[0]}.json`)
  writeFileSync(path, JSON.stringify({ dataDir: join(home, 'data'), settings, parts }))
  return readParts(readConfig(path), {})
}
const start = (part: ReadyPart, options: object) =>
  startRole(part.role, part.settings, { ...options, part: part.name, logTo: join(home, `${part.name}.log`) })

test('one process runs snapshotters, collectors and the release of epochs for two markets; what each votes is in its own', async () => {
  const anchor = await startAnvil({ chainId: 31_343, blockTimeSeconds: BLOCK_SECONDS })
  started.add('anchor', anchor)
  const source = await startAnvil({ chainId: 1, blockTimeSeconds: BLOCK_SECONDS })
  started.add('source', source)
  const { rpcUrl } = anchor
  const [first, second] = [staffOf('one'), staffOf('two')]
  const rolesOf = ({ manager, sequencer }: Staff) => ({ sequencers: [sequencer.address], epochManager: manager.address })
  const how = { rpcUrl, deployerKey: owner.key, ...TERMS }
  const network = await deployProtocol({ ...how, ...rolesOf(first), slots: [signer.address], validators: [] })
  const other = await deployMarket({ ...how, ...rolesOf(second), network })
  await fundAccounts(
    rpcUrl,
    [first, second].flatMap(({ manager, sequencer }) => [manager.address, sequencer.address]),
  )
  newMarket(join(home, 'demo'), 'empty')
  writeFileSync(join(home, 'market.json'), JSON.stringify({ computes: [{ name: 'demo', config: { label: 'demo' } }] }))
  const keys = {
    signer,
    'manager-one': first.manager,
    'manager-two': second.manager,
    'sequencer-one': first.sequencer,
    'sequencer-two': second.sequencer,
  }
  for (const [name, { keyText }] of Object.entries(keys)) writeFileSync(join(home, name), keyText, { mode: 0o600 })
  const shared = {
    anchorRpcUrl: rpcUrl,
    anchorChainId: network.chainId,
    protocolState: network.protocolState,
    pollMs: 50,
    windowUnit: 'blocks',
  }
  const markets = [
    { name: 'one', dataMarket: network.dataMarket, namespace: 'ONE' },
    { name: 'two', dataMarket: other, namespace: 'TWO' },
  ]

  const parts: Record<string, object> = {}
  const ports = await freePorts(markets.length)
  for (const [index, { name, dataMarket, namespace }] of markets.entries()) {
    const own = {
      role: 'sequencer',
      dataMarket,
      namespace,
      signerKey: `file:sequencer-${name}`,
      p2pListen: ['/ip4/127.0.0.1/tcp/0'],
      httpListen: '127.0.0.1:0',
    }
    const [part] = partsOf({ [`sequencer-${name}`]: own }, shared)
    const running = await start(part as ReadyPart, {})
    started.add(name, running)
    const { p2p = [], ipfs: ipfsPeers = [] } = running.places
    parts[`collector-${name}`] = { role: 'collector', dataMarket, sequencers: p2p, grpcListen: `127.0.0.1:${ports[index]}` }
    parts[`snapshotter-${name}`] = { role: 'snapshotter', dataMarket, namespace, slots: [1], signerKey: 'file:signer', ipfsPeers }
    parts[`epochs-${name}`] = { role: 'epochs', dataMarket, signerKey: `file:manager-${name}`, headOffset: 1 }
  }
  const leaving = new AbortController()
  const both = partsOf(parts, { ...shared, sourceRpcUrl: source.rpcUrl, market: 'market.json', computes: ['demo'] })
  const node = runParts(both, leaving.signal, { start, log: { role: 'node', logTo: join(home, 'node.log') } })
  started.add('node', {
    async stop() {
      leaving.abort()
      await node
    },
  })
  const voted = async ({ name, dataMarket, namespace }: (typeof markets)[0]) => {
    const chain = await connectAnchorChain({
      rpcUrl,
      ...network,
      dataMarket: dataMarket as Address,
      pollMs: 50,
      reorgDepthMax: 64,
      clock: systemClock,
    })
    const projectId = parseProjectId(`demo:${namespace}`)
    await until(async () => (await chain.projectFirstEpochId(projectId)) > 0, {
      awaited: `a snapshot of ${projectId}`,
      limitMs: 60_000,
      told: () => ['collector', 'snapshotter', 'sequencer'].map((role) => readFileSync(join(home, `${role}-${name}.log`), 'utf8')).join(''),
      ended: node,
    })
    const first = await chain.projectFirstEpochId(projectId)
    return (await chain.snapshotStatus(projectId, first as EpochId)).status
  }
  expect(await Promise.all(markets.map(voted))).toEqual(['pending', 'pending'])
}, 90_000)
