import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import { type DevAccount, devAccount } from '#devnet/accounts.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import { deployUniswap } from '#devnet/source-chain/deploy.ts'
import { createStarted } from '#node/stop.ts'
import { freePorts } from '../../e2e/free-ports.ts'
import { runWeft, type WeftProcess } from '../../e2e/world.ts'

export interface Idle {
  /** Of one core. */
  readonly cpuPercent: number
  readonly postsPerMinute: number
}

export interface IdleOptions {
  readonly slots: number
  readonly blockTimeSeconds: number
  /** So long it has nothing to do before it is measured, and while it is. */
  readonly settleMs: number
  readonly spanMs: number
}

const CHAIN_ID = 31_350
const MARKET = { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 1 }
const WINDOWS = { snapshotBlocks: 10, batchBlocks: 30, attestationBlocks: 60 }

/** What a process of `./weft node` takes, snapshotter and collector, on a market that releases no epoch, with the sequencer beside it. */
export async function measureIdle({ slots, blockTimeSeconds, settleMs, spanMs }: IdleOptions): Promise<Idle> {
  const home = mkdtempSync(join(tmpdir(), 'weft-bench-idle-'))
  const started = createStarted()
  const run = (name: string, shared: object, parts: Readonly<Record<string, object>>): WeftProcess => {
    const path = join(home, `${name}.json`)
    writeFileSync(path, JSON.stringify({ dataDir: name, settings: { ...shared, healthListen: '127.0.0.1:0' }, parts }))
    const node = runWeft(['node', '--config', path])
    started.add(name, {
      async stop() {
        node.child.kill('SIGINT')
        await node.exited
      },
    })
    return node
  }
  try {
    const anchor = await startAnvil({ chainId: CHAIN_ID, blockTimeSeconds })
    started.add('anchor', anchor)
    const source = await startAnvil({ chainId: 1 })
    started.add('source', source)
    const { market } = await deployUniswap({ rpcUrl: source.rpcUrl })
    const [signer, sequencer] = [devAccount('signer'), devAccount('sequencer')]
    const network = await deploy({ rpcUrl: anchor.rpcUrl, slots, signer, sequencer })
    for (const [name, { keyText }] of Object.entries({ signer, sequencer })) writeFileSync(join(home, name), keyText, { mode: 0o600 })
    writeFileSync(join(home, 'market.json'), JSON.stringify({ computes: [{ name: uniswapV2.name, config: market }] }))
    const { chainId: anchorChainId, protocolState, dataMarket } = network
    const shared = { anchorRpcUrl: anchor.rpcUrl, anchorChainId, protocolState, dataMarket, namespace: 'IDLE', windowUnit: 'blocks' }
    const listens = { p2pListen: ['/ip4/127.0.0.1/tcp/0'], httpListen: '127.0.0.1:0' }
    const { p2p, ipfs } = await placesOf(run('sequencing', shared, { sequencer: { signerKey: 'file:sequencer', ...listens } }))
    const [port] = await freePorts(1)
    const node = run(
      'node',
      { ...shared, sourceRpcUrl: source.rpcUrl, market: 'market.json' },
      {
        collector: { sequencers: p2p, grpcListen: `127.0.0.1:${port}` },
        snapshotter: { slots: [`1-${slots}`], signerKey: 'file:signer', ipfsPeers: ipfs, signedDir: join(home, 'signed') },
      },
    )
    const urls = [(await placesOf(node)).health, (await placesOf(node, 'snapshotter')).health]
    await pause(settleMs)
    const before = await countsAt(urls)
    await pause(spanMs)
    const after = await countsAt(urls)
    return {
      cpuPercent: (100_000 * (after.cpuSeconds - before.cpuSeconds)) / spanMs,
      postsPerMinute: (60_000 * (after.posts - before.posts)) / spanMs,
    }
  } finally {
    await started.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function deploy({
  rpcUrl,
  slots,
  signer,
  sequencer,
}: {
  readonly rpcUrl: string
  readonly slots: number
  readonly signer: DevAccount
  readonly sequencer: DevAccount
}) {
  const owner = devAccount('owner')
  const network = await deployProtocol({
    ...{ rpcUrl, deployerKey: owner.key, market: MARKET, windows: WINDOWS },
    slots: Array.from({ length: slots }, () => signer.address),
    sequencers: [sequencer.address],
    validators: [],
    epochManager: owner.address,
  })
  await fundAccounts(rpcUrl, [sequencer.address])
  return network
}

interface Started {
  readonly role: string
  readonly msg: string
  readonly health: string
  readonly p2p: readonly string[]
  readonly ipfs: readonly string[]
}

/** What a part says of where it is when it has started, the first without a name. */
async function placesOf(node: WeftProcess, role?: string): Promise<Started> {
  const found = (): Started | undefined =>
    node
      .output()
      .split('\n')
      .filter((line) => line.includes('"msg":"started"'))
      .map((line) => JSON.parse(line) as Started)
      .find((line) => role === undefined || line.role === role)
  await node.until(`the start of ${role ?? 'its first part'}`, () => found() !== undefined)
  return found() as Started
}

/** The process is the same at every one of them, the requests are counted at one each. */
async function countsAt(urls: readonly string[]): Promise<{ readonly cpuSeconds: number; readonly posts: number }> {
  const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()))
  const sum = (text: string, metric: string): number =>
    [...text.matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce((all, [, value]) => all + Number(value), 0)
  return {
    cpuSeconds: sum(texts[0] ?? '', 'process_cpu_seconds_total'),
    posts: texts.reduce((all, text) => all + sum(text, 'weft_rpc_requests_total'), 0),
  }
}
