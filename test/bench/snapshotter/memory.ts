import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { devAccount } from '#devnet/accounts.ts'
import { createStarted } from '#node/stop.ts'
import { freePorts } from '../../e2e/free-ports.ts'
import { until } from '../../e2e/within.ts'
import { runWeft } from '../../e2e/world.ts'
import { type Markets, openMarkets } from './markets.ts'

const EPOCHS_MS = 240_000

/**
 * The most that a process of `./weft node` has had in memory, in MB, after so many epochs of both shipped sets in each of two markets: of each it runs
 * a snapshotter with so many slots and a collector.
 */
export async function measureMemory({ slots, epochs }: { readonly slots: number; readonly epochs: number }): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-node-'))
  const started = createStarted()
  try {
    const markets = await openMarkets({ slots, folder }, started)
    const node = runWeft(['node', '--config', await writeConfig(folder, { ...markets, slots })])
    started.add('node', {
      async stop() {
        node.child.kill('SIGINT')
        await node.exited
      },
    })
    await until(() => markets.markets.every((_, market) => wholeEpochs(node.output(), partOf('snapshotter', market)) >= epochs), {
      awaited: `${epochs} epochs of each market, with nothing missed`,
      limitMs: EPOCHS_MS,
      told: node.output,
      ended: node.exited,
    })
    const [, kb = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${node.child.pid}/status`, 'utf8')) ?? []
    return Number(kb) / 1_000
  } finally {
    await started.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const partOf = (role: string, market: number): string => `${role}-${market}`

/** Epochs in which the part has handed over everything. */
const wholeEpochs = (log: string, part: string): number =>
  log.split('\n').filter((line) => [`"part":"${part}"`, '"missed":""', '"msg":"epoch_done"'].every((fact) => line.includes(fact))).length

/** A file of `./weft node`; its path. */
async function writeConfig(folder: string, { settings, markets, slots }: Markets & { readonly slots: number }): Promise<string> {
  writeFileSync(join(folder, 'signer'), devAccount('honest snapshotter').keyText, { mode: 0o600 })
  const ports = await freePorts(markets.length)
  const parts = markets.flatMap(({ dataMarket, sequencers, ipfsPeers, terms }, market) => {
    const collector = { role: 'collector', dataMarket, sequencers, grpcListen: `127.0.0.1:${ports[market]}` }
    const snapshotter = { role: 'snapshotter', dataMarket, ipfsPeers, slots: [`1-${slots}`], signerKey: 'file:signer', ...terms }
    return [
      [partOf('collector', market), collector],
      [partOf('snapshotter', market), snapshotter],
    ]
  })
  const path = join(folder, 'weft.json')
  writeFileSync(path, JSON.stringify({ dataDir: 'data', settings, parts: Object.fromEntries(parts) }))
  return path
}
