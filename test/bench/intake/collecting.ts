import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFakeChain } from '#io/chain/fake/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { type Collector, createCollector } from '#roles/collector/collector.ts'
import { key, marketOfBench } from '../seal/world.ts'
import { ownCpuUs, serveSteps } from './child.ts'

/**
 * A whole collector in a process of its own: gRPC, every check, SQLite with fsync, libp2p, signed receipts that it checks and keeps. Its chain is the fake
 * one, on which no epoch is released: what is ahead of it by a few epochs is taken.
 */

/** As the sequencer's. */
const WINDOW_BLOCKS = 100
const STEP_MS = 5
let collector: Collector

await serveSteps({
  async open({ address, slots }: { address: string; slots: number }) {
    const chain = createFakeChain({
      clock: systemClock,
      // Receipts are signed with everybody's key.
      market: { ...marketOfBench(WINDOW_BLOCKS), sequencers: [key.address] },
      signers: Array.from({ length: slots }, () => key.address),
      pollMs: 200,
    })
    const ready = Promise.withResolvers<void>()
    collector = createCollector(
      { addresses: [address] },
      {
        store: openSqliteStore({ path: join(tmpdir(), 'outbox.sqlite') }),
        dialer: await createSubmissionDialer({ identity: randomBytes(32) }),
        clock: systemClock,
        random: systemRandom,
        report: () => undefined,
        anchor: { chain, recoverer },
        onReady: ready.resolve,
      },
    )
    const { endpoint } = await serveSubmissions({ host: '127.0.0.1', port: 0, handler: collector.handler })
    await Promise.race([ready.promise, collector.run(new AbortController().signal)])
    return { endpoint }
  },
  /** When all that was taken has its end. */
  async usage() {
    while (collector.stats().open > 0) await systemClock.sleep(STEP_MS)
    return { cpuUs: ownCpuUs(), proved: collector.stats().signedReceipts.kept }
  },
})
