import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import { systemClock } from '#io/clock/system.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { createSubmissionHost } from '#io/p2p/host.ts'
import { identity, isRelayed } from '#io/p2p/suite.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { announcedAt } from '#node/home.ts'
import { createCollector } from '#roles/collector/collector.ts'
import { submission } from '#roles/collector/collector.test-world.ts'
import { LIMIT_MS, until } from './within.ts'
import { runWeft, type WeftProcess } from './world.ts'

/** G1 and G12 with relays as processes: one is ended by SIGKILL, or by Ctrl-C, while submissions go through it. */

/** Submissions a second, a step at a time. */
const RATE = 500
const STEP_MS = 20
const RECEIPT_MS = 50
/** By then what was on its way must have come by the other relay. */
const FAILOVER_MS_MAX = 3_000

const folders: string[] = []
const processes: WeftProcess[] = []
const started: { stop(): unknown }[] = []
let stopping = new AbortController()
afterEach(async () => {
  stopping.abort()
  for (const thing of started.splice(0).reverse()) await thing.stop()
  for (const { child } of processes.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  stopping = new AbortController()
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'weft-relays-'))
  folders.push(made)
  return made
}

async function startRelay(dataDir: string, listen = '/ip4/127.0.0.1/tcp/0') {
  const relay = runWeft(['relay', '--data-dir', dataDir, '--p2p-listen', listen, '--rendezvous', 'on', '--log-format', 'json'])
  processes.push(relay)
  await relay.said('"msg":"started"')
  return { ...relay, dataDir, address: announcedAt(dataDir)['p2p']?.[0] as string }
}

/** When each delivery has come first. A receipt takes as long as a group commit on a busy disk, so that some are always on their way. */
function takeFrom(host: SubmissionListener, signal: AbortSignal) {
  const arrived = new Map<string, number>()
  let deliveries = 0
  const take = async () => {
    for await (const batch of host.inbound(signal)) {
      deliveries += batch.length
      for (const { submissionId } of batch) if (!arrived.has(submissionId)) arrived.set(submissionId, performance.now())
      setTimeout(() => {
        for (const { submissionId, respond } of batch) respond({ submissionId: submissionId as SubmissionId, code: 'accepted', reason: '' })
      }, RECEIPT_MS)
    }
  }
  void take()
  return { arrived, deliveries: () => deliveries }
}

/** A host that takes what comes, and a collector that reaches it through two relays only. */
async function startBetween(relays: readonly string[]) {
  const host = await createSubmissionHost({ identity: identity(1), relays, point: 'e2e' })
  started.push(host)
  const taking = takeFrom(host, stopping.signal)
  const reached = () => host.addresses().filter(isRelayed)
  await until(() => reached().length === 2, {
    awaited: 'a place on both relays',
    limitMs: LIMIT_MS,
    told: () => host.addresses().join('\n'),
  })
  const dialer = await createSubmissionDialer({ identity: identity(2) })
  started.push(dialer)
  const collector = createCollector(
    { addresses: relays.map((relay) => `${relay}/p2p-circuit/p2p/${host.peerId}`), limits: { improveIntervalMs: 500 } },
    { store: createFakeStore(), dialer, clock: systemClock, random: createSeededRandom(1), report: () => undefined },
  )
  const running = collector.run(stopping.signal)
  started.push({ stop: () => running })
  let handed = 0
  return {
    host,
    collector,
    ...taking,
    reached,
    handed: () => handed,
    /** Hands over at `RATE` until told to stop. Every one must be answered Success. */
    async load(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const step = Array.from({ length: (RATE * STEP_MS) / 1_000 }, () => {
          handed += 1
          return collector.handler(submission(handed))
        })
        expect(new Set(await Promise.all(step))).toEqual(new Set(['Success']))
        await sleep(STEP_MS)
      }
    },
  }
}
type Between = Awaited<ReturnType<typeof startBetween>>

const acknowledged = ({ collector }: Between) => collector.stats().endings.acknowledged
async function untilGrown(between: Between, by: number): Promise<void> {
  const from = acknowledged(between)
  const told = () => JSON.stringify(between.collector.stats())
  await until(() => acknowledged(between) >= from + by, { awaited: `${by} more receipts`, limitMs: LIMIT_MS, told })
}

test('G1, G12: a relay killed under load loses nothing: the rest arrives by the other within three seconds, and the first has its place when it is back', async () => {
  const [first, second] = await Promise.all([startRelay(folder()), startRelay(folder())])
  const between = await startBetween([first.address, second.address])
  const { collector, arrived, handed, reached } = between
  const over = new AbortController()
  const loading = between.load(over.signal)
  await untilGrown(between, RATE / 2)
  expect(collector.stats().address).toContain(first.address)

  first.child.kill('SIGKILL')
  const killedMs = performance.now()
  const onTheWay = collector.stats().open
  expect(onTheWay).toBeGreaterThan(0)
  await until(() => collector.stats().address?.startsWith(second.address) === true, {
    awaited: 'the other relay in use',
    limitMs: LIMIT_MS,
    told: () => JSON.stringify(collector.stats()),
  })
  await untilGrown(between, RATE / 2)
  const gapMs = longestGapMs([...arrived.values()], killedMs)
  expect(reached()).toHaveLength(1)

  await startRelay(first.dataDir, first.address.split('/p2p/')[0])
  await until(() => reached().length === 2, {
    awaited: 'a place on the first relay again',
    limitMs: LIMIT_MS,
    told: () => reached().join('\n'),
  })
  over.abort()
  await loading
  await until(() => acknowledged(between) === handed(), {
    awaited: 'a receipt for each',
    limitMs: LIMIT_MS,
    told: () => JSON.stringify(collector.stats()),
  })
  console.log(
    `relay killed with ${onTheWay} of ${handed()} submissions on their way: nothing arrived for ${Math.round(gapMs)} ms, ${handed() - arrived.size} lost`,
  )
  expect(arrived.size).toBe(handed())
  expect(gapMs).toBeLessThan(FAILOVER_MS_MAX)
})

/** How long nothing came after a moment, at most. */
function longestGapMs(times: readonly number[], fromMs: number): number {
  const after = [fromMs, ...times.filter((time) => time > fromMs)].sort((left, right) => left - right)
  return Math.max(...after.slice(1).map((time, index) => time - (after[index] as number)))
}

test('R7: a relay stopped by Ctrl-C under load lets everybody go first: no link is lost, and it ends by itself', async () => {
  const [first, second] = await Promise.all([startRelay(folder()), startRelay(folder())])
  const between = await startBetween([first.address, second.address])
  const over = new AbortController()
  const loading = between.load(over.signal)
  await untilGrown(between, RATE / 2)
  first.child.kill('SIGINT')
  expect(await first.ended()).toBe(0)
  expect(first.output()).toMatch(/"circuits":1,.*"msg":"relay_draining"/)
  expect(first.output()).toMatch(/"circuits":0,"msg":"relay_drained"/)
  await untilGrown(between, RATE / 2)
  over.abort()
  await loading
  await until(() => acknowledged(between) === between.handed(), {
    awaited: 'a receipt for each',
    limitMs: LIMIT_MS,
    told: () => JSON.stringify(between.collector.stats()),
  })
  // Each went once: none had to be sent again because its link was lost.
  expect([between.arrived.size, between.deliveries()]).toEqual([between.handed(), between.handed()])
  expect(between.collector.stats().address).toContain(second.address)
})
