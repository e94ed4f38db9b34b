import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { uniswapV2 } from 'weft/computes/uniswap-v2'
import { devAccount } from '#devnet/accounts.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import { deployUniswap } from '#devnet/source-chain/deploy.ts'
import { readConfig } from '#node/node-config.ts'
import { readParts } from '#node/node.ts'
import { startRole } from '#node/start.ts'
import { createStarted } from '#node/stop.ts'
import { freePorts } from '../../e2e/free-ports.ts'
import { runWeft } from '../../e2e/world.ts'

const SLOTS = 100
const SETTLE_MS = 15_000

async function counting(url: string) {
  let [posts, calls] = [0, 0]
  const kinds = new Map<string, number>()
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request))
    posts += 1
    const list = [JSON.parse(body.toString())].flat() as { method: string; params: unknown[] }[]
    calls += list.length
    const kind = list.map((c) => c.method + (c.method === 'eth_getBlockByNumber' && c.params[0] === 'latest' ? ':latest' : '')).sort().join(' ')
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    response.setHeader('content-type', 'application/json').end(Buffer.from(await answer.arrayBuffer()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked() {
      const got = { posts, calls, kinds: Object.fromEntries(kinds) }
      posts = 0
      calls = 0
      kinds.clear()
      return got
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const blockSeconds = Number(process.env['BLOCK'] ?? 2)
const forMs = Number(process.env['FOR'] ?? 60) * 1_000
const extra = (process.env['PARTS'] ?? '').split(',').filter((s) => s !== '')
const home = mkdtempSync(join(tmpdir(), 'weft-idle-'))
const started = createStarted()
try {
  const [anchor, source] = await Promise.all([startAnvil({ chainId: 31_350, blockTimeSeconds: blockSeconds }), startAnvil({ chainId: 1 })])
  started.add('anchor', anchor)
  started.add('source', source)
  const { market } = await deployUniswap({ rpcUrl: source.rpcUrl })
  const [owner, signer, sequencer, validator] = ['owner', 'signer', 'sequencer', 'validator'].map(devAccount) as any[]
  const network = await deployProtocol({
    rpcUrl: anchor.rpcUrl,
    deployerKey: owner.key,
    market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 1 },
    windows: { snapshotBlocks: 10, batchBlocks: 30, attestationBlocks: 60 },
    slots: Array.from({ length: SLOTS }, () => signer.address),
    sequencers: [sequencer.address],
    validators: [validator.address],
    epochManager: owner.address,
  })
  await fundAccounts(anchor.rpcUrl, [sequencer.address, validator.address])
  const anchorProxy = await counting(anchor.rpcUrl)
  const sourceProxy = await counting(source.rpcUrl)
  started.add('p1', anchorProxy)
  started.add('p2', sourceProxy)
  for (const [name, { keyText }] of Object.entries({ signer, sequencer, validator }) as any) writeFileSync(join(home, name), keyText, { mode: 0o600 })
  writeFileSync(join(home, 'market.json'), JSON.stringify({ computes: [{ name: uniswapV2.name, config: market }] }))
  const shared = {
    anchorChainId: network.chainId,
    protocolState: network.protocolState,
    dataMarket: network.dataMarket,
    namespace: 'IDLE',
    windowUnit: 'blocks',
  }
  const write = (name: string, parts: object, settings: object): string => {
    const path = join(home, `${name}.json`)
    writeFileSync(path, JSON.stringify({ dataDir: join(home, name), settings, parts }))
    return path
  }
  const seq = { role: 'sequencer', signerKey: 'file:sequencer', p2pListen: ['/ip4/127.0.0.1/tcp/0'], httpListen: '127.0.0.1:0' }
  const [part] = readParts(readConfig(write('seq', { sequencer: { ...seq, listenEpochs: 0 } }, { ...shared, anchorRpcUrl: anchor.rpcUrl, healthListen: 'off' })), {})
  const running = await startRole('sequencer', part!.settings, { part: 'sequencer', logTo: join(home, 'seq.log') })
  started.add('sequencer', running)
  const { p2p = [], ipfs: ipfsPeers = [] } = running.places
  const [grpcPort] = await freePorts(1)
  const own: Record<string, object> = {
    collector: { role: 'collector', sequencers: p2p, grpcListen: `127.0.0.1:${grpcPort}` },
    snapshotter: { role: 'snapshotter', slots: ['1-100'], signerKey: 'file:signer', ipfsPeers, signedDir: join(home, 'signed') },
    ...(extra.includes('relay') && { relay: { role: 'relay', p2pListen: ['/ip4/127.0.0.1/tcp/0'], admission: 'slots' } }),
    ...(extra.includes('validator') && { validator: { role: 'validator', signerKey: 'file:validator', ipfsPeers } }),
    ...(extra.includes('api') && { api: { role: 'api', httpListen: '127.0.0.1:0', ipfsPeers } }),
  }
  const path = write('node', own, {
    ...shared,
    anchorRpcUrl: anchorProxy.url,
    sourceRpcUrl: sourceProxy.url,
    market: 'market.json',
    healthListen: '127.0.0.1:0',
  })
  const env: Record<string, string> = process.env['PROF'] ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${process.env['PROF']}` } : {}
  const node = runWeft(['node', '--config', path], env)
  try {
    await node.until('all parts', () => (node.output().match(/"msg":"started"/g)?.length ?? 0) >= Object.keys(own).length)
    await pause(SETTLE_MS)
    const before = cpuMsOf(node.child.pid!)
    anchorProxy.asked()
    sourceProxy.asked()
    const t0 = performance.now()
    await pause(forMs)
    const spent = cpuMsOf(node.child.pid!) - before
    const elapsed = performance.now() - t0
    console.log(JSON.stringify({ blockSeconds, parts: Object.keys(own), percent: +((100 * spent) / elapsed).toFixed(3), anchor: anchorProxy.asked(), source: sourceProxy.asked() }, null, 1))
    if (process.env['SHOW']) console.log(node.output().slice(0, 6000))
  } catch (failure) {
    console.log(node.output().slice(-4000))
    throw failure
  } finally {
    node.child.kill('SIGINT')
    await node.exited
  }
} finally {
  await started.stop()
  rmSync(home, { recursive: true, force: true })
}
