import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DevAccount, devAccount } from '#devnet/accounts.ts'
import { deployMarket, fundAccounts } from '#devnet/deploy.ts'
import { type Ground, layGround } from '#devnet/ground.ts'
import type { Places } from '#node/home.ts'
import { NETWORK_FILE } from '#node/network.ts'
import { readSettings } from '#node/read-settings.ts'
import type { Role } from '#node/settings/roles.ts'
import type { Given } from '#node/settings/settings.ts'
import { startRole } from '#node/start.ts'
import type { Started } from '#node/stop.ts'

/** In blocks of one second: time for all votes of two markets on a machine that does everything else as well, and a breath after them, as epochs of real markets leave it. */
const EPOCH_SIZE = 36
const WINDOWS = { snapshotBlocks: 30, batchBlocks: 60, attestationBlocks: 90 }
const SILENT = {
  progress: () => undefined,
  ready: () => undefined,
  live: () => undefined,
  epoch: () => undefined,
  fault: () => undefined,
  unfinished: () => undefined,
  advice: () => undefined,
  summary: () => undefined,
}

/** A market as whoever votes in it is told of it. */
export interface Market {
  readonly dataMarket: string
  /** Multiaddrs of its sequencer: where it takes submissions, and of its IPFS node. */
  readonly sequencers: readonly string[]
  readonly ipfsPeers: readonly string[]
  /** What is in no manifest of it. */
  readonly terms: Given
}

export interface Markets {
  /** Settings of whoever takes part in any of them. */
  readonly settings: Readonly<Record<'anchorRpcUrl' | 'sourceRpcUrl' | 'network', string>>
  readonly markets: readonly Market[]
}

/** Two markets of one network, on a devnet's chains, with its compute sets. Their sequencers and the release of their epochs are in this process, their data in `folder`. */
export async function openMarkets(
  { slots, folder }: { readonly slots: number; readonly folder: string },
  started: Started,
): Promise<Markets> {
  const options = { dataDir: join(folder, 'network'), isTemporary: true, seed: 1, slots, liars: 0, anchoring: 'projects' } as const
  const ground = await layGround({ ...options, windows: WINDOWS, epochSize: EPOCH_SIZE }, SILENT, started, () => undefined)
  const { cast, protocol } = ground
  const first = await staffed('first', { ground, started, ...cast, dataMarket: protocol.dataMarket, terms: {} })
  return { settings: settingsOf(ground), markets: [first, await secondMarket(ground, started)] }
}

const settingsOf = ({ anchor, source, dataDir }: Ground): Markets['settings'] => ({
  anchorRpcUrl: anchor.rpcUrl,
  sourceRpcUrl: source.rpcUrl,
  network: join(dataDir, NETWORK_FILE),
})

/** It has no manifest: whoever takes part in it is told what it asks for. */
async function secondMarket(ground: Ground, started: Started): Promise<Market> {
  const { anchor, cast, protocol, sourceChainId, manifest } = ground
  const [sequencer, epochManager] = [devAccount('second sequencer'), devAccount('second epoch manager')]
  const dataMarket = await deployMarket({
    rpcUrl: anchor.rpcUrl,
    deployerKey: cast.owner.key,
    network: protocol,
    market: { epochSize: EPOCH_SIZE, sourceChainId, sourceBlockTimeSeconds: 1, attestationsMin: 1 },
    windows: WINDOWS,
    sequencers: [sequencer.address],
    epochManager: epochManager.address,
  })
  await fundAccounts(anchor.rpcUrl, [sequencer.address, epochManager.address])
  const market = join(ground.folder.make('second'), 'market.json')
  writeFileSync(market, JSON.stringify({ computes: manifest.computes }))
  const terms = { namespace: 'SECOND', windowUnit: 'blocks', market }
  return staffed('second', { ground, started, sequencer, epochManager, dataMarket, terms })
}

interface Staff {
  readonly ground: Ground
  readonly started: Started
  readonly sequencer: DevAccount
  readonly epochManager: DevAccount
  readonly dataMarket: string
  readonly terms: Given
}

/** Starts who makes batches of its votes and who releases its epochs. */
async function staffed(name: string, { ground, started, sequencer, epochManager, dataMarket, terms }: Staff): Promise<Market> {
  async function start(role: Role, flags: Given): Promise<Places> {
    const dataDir = ground.folder.make(`${name}-${role}`)
    const settings = readSettings(role, { ...settingsOf(ground), dataMarket, ...flags, dataDir }, {})
    const running = await startRole(role, settings, { logTo: join(dataDir, 'log') })
    started.add(`${role} of the ${name} market`, running)
    return running.places
  }
  const { market: _, ...rules } = terms
  const alone = { p2pListen: '/ip4/127.0.0.1/tcp/0', httpListen: '127.0.0.1:0', listenEpochs: '0' }
  const { p2p = [], ipfs = [] } = await start('sequencer', { ...rules, ...alone, signerKey: sequencer.keyText })
  await start('epochs', { headOffset: '1', signerKey: epochManager.keyText })
  return { dataMarket, sequencers: p2p, ipfsPeers: ipfs, terms }
}
