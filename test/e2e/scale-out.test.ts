import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, expect, test } from 'vitest'
import { type NatsServer, startNatsServer } from '#devnet/nats-server.ts'
import { isTaken } from '#domain/rejection.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import { readRun } from '#node/run-file.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { freePorts } from './free-ports.ts'
import { LIMIT_MS, until } from './within.ts'
import { openWorld, projectOf, type WeftRole, type World } from './world.ts'

/**
 * A sequencer of six processes on real NATS servers, each of which is killed once. `SCALE_NODES=3` is the exploration: a cluster of three, of which the
 * one that leads the leases is killed and stays away.
 */

const NODES = Number(process.env['SCALE_NODES'] ?? 1)
const SLOTS = 2
const PROJECTS = 15
const WINDOW_BLOCKS = 60

const closing: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
}, 60_000)

interface Servers {
  readonly urls: string
  /** Ends one as a power cut would: of several that which leads the leases, over which they elect for longer than those last. Returns how it comes back. */
  kill(): Promise<() => Promise<void>>
}

async function startServers(): Promise<Servers> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-nats-'))
  const [ports, routes] = [await freePorts(NODES), await freePorts(NODES)]
  const servers = new Map<number, NatsServer>()
  const start = async (node: number): Promise<void> => {
    const cluster = { name: `node-${node}`, port: routes[node] as number, ports: routes }
    const port = ports[node] as number
    servers.set(node, await startNatsServer({ directory: join(folder, String(node)), port, ...(NODES > 1 && { cluster }) }))
  }
  await Promise.all(ports.map((_, node) => start(node)))
  closing.push(async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()))
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    urls: ports.map((port) => `nats://127.0.0.1:${port}`).join(','),
    async kill() {
      const node = NODES === 1 ? 0 : await leadsLeases(ports[0] as number)
      await servers.get(node)?.kill()
      return () => start(node)
    },
  }
}

/** Of the only market that the servers have. */
async function leadsLeases(port: number): Promise<number> {
  const connection = await connect({ servers: `127.0.0.1:${port}` })
  try {
    const jsm = await jetstreamManager(connection)
    for await (const { config, cluster } of jsm.streams.list())
      if (config.name.endsWith('-leases')) return Number(cluster?.leader?.replace('node-', ''))
    throw new Error('no leases')
  } finally {
    await connection.close()
  }
}

const isSaid = (role: WeftRole, event: string): boolean => role.output().includes(`"msg":"${event}"`)

/** A collector in short: sends to one listener after the other until it has a receipt that says that the submission is taken. */
async function openSender(listeners: readonly WeftRole[], told: () => string) {
  const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
  closing.push(() => dialer.stop())
  const links = await Promise.all(listeners.map(({ places }) => dialer.dial(places['p2p']?.[0] as string, AbortSignal.timeout(10_000))))
  const receipted = new Set<string>()
  async function deliver(submissionId: string, payload: Uint8Array, first: number): Promise<void> {
    let last = 'nothing'
    let turn = first
    const isDelivered = async (): Promise<boolean> => {
      const receipt = await (links[turn % links.length] as SubmissionLink).send({ submissionId, payload }).catch(() => undefined)
      turn += 1
      last = receipt === undefined || receipt === 'unacknowledged' ? 'no answer' : receipt.code
      if (receipt === undefined || receipt === 'unacknowledged' || !isTaken(receipt.code)) return false
      expect(receipt.proof, 'signed by the box').toBeDefined()
      receipted.add(submissionId)
      return true
    }
    await until(isDelivered, {
      awaited: 'a receipt',
      limitMs: 2 * LIMIT_MS,
      told: () => `${receipted.size} receipts, last ${last}\n${told()}`,
    })
  }
  return { receipted, deliver }
}

function signedSubmissions(world: World, { epochId, header }: Awaited<ReturnType<World['releaseEpoch']>>): Map<string, Uint8Array> {
  const submissions = new Map<string, Uint8Array>()
  for (let project = 0; project < PROJECTS; project += 1)
    for (let slotId = 1; slotId <= SLOTS; slotId += 1)
      submissions.set(crypto.randomUUID(), encodeSubmission(world.sign({ project: projectOf(String(project)), header, epochId, slotId })))
  return submissions
}

test('G1, S28: listener, ballot box, NATS server killed and the leading sealer asleep: what was acknowledged is in the batches, and each call is made once', async () => {
  const servers = await startServers()
  const world = await openWorld({ chainId: 7_881, windowBlocks: WINDOW_BLOCKS, slots: SLOTS })
  closing.push(world.close)
  const start = (mode: string, dataDir = world.freshDir()) =>
    world.startSequencer(dataDir, ['--mode', mode, '--nats', servers.urls, '--nats-replicas', String(NODES), '--partitions', '2'])
  const sealer = await start('seal')
  await sealer.until('the lead', () => isSaid(sealer, 'leading'))
  // Two at a time: more of them start no sooner on two cores.
  const [standby, one] = await Promise.all([start('seal'), start('listen')])
  const [other, firstBox] = await Promise.all([start('listen'), start('ballot')])
  const secondBox = await start('ballot')
  for (const box of [firstBox, secondBox]) await box.until('a partition', () => isSaid(box, 'partition_taken'))

  const released = await world.releaseEpoch()
  const submissions = signedSubmissions(world, released)
  const { receipted, deliver } = await openSender([one, other], world.outputs)
  const kills = [
    async () => void one.child.kill('SIGKILL'),
    async () => {
      secondBox.child.kill('SIGKILL')
      await secondBox.ended()
      await start('ballot', secondBox.dataDir)
    },
    async () => {
      const back = await servers.kill()
      if (NODES === 1) await back()
      else closing.push(back)
    },
  ]
  const share = Math.floor(submissions.size / (kills.length + 1))
  const mending: Promise<unknown>[] = []
  const sending = [...submissions].map(async ([submissionId, payload], index) => {
    const afterKill = Math.floor(index / share)
    if (afterKill > 0)
      await until(() => receipted.size >= Math.min(afterKill, kills.length) * share, {
        awaited: 'receipts before the next kill',
        limitMs: 2 * LIMIT_MS,
        told: world.outputs,
      })
    // With the first of a share still on its way.
    const receipt = deliver(submissionId, payload, index)
    if (index % share === 0 && afterKill > 0) mending.push(kills[afterKill - 1]?.() ?? Promise.resolve())
    await receipt
  })
  await Promise.all(sending)
  await Promise.all(mending)
  expect(receipted.size).toBe(submissions.size)
  const told = await (await fetch(`${readRun(other.dataDir)?.url}/metrics`)).text()
  expect(told, 'a part says how it fares').toMatch(/weft_sequencer_receipts_total\{[^}]*code="accepted"/)

  sealer.child.kill('SIGSTOP')
  await standby.until('the lead of the standby', () => isSaid(standby, 'leading'))
  await world.mine(WINDOW_BLOCKS)
  const batched = await world.batched(released.epochId, standby)
  expect([...receipted].filter((id) => !batched.has(id))).toEqual([])
  sealer.child.kill('SIGCONT')
  await sealer.until('its end of the epoch', () => isSaid(sealer, 'leading_lost') && isSaid(sealer, 'epoch_sealed'))
  const batches = await world.chain.batchCids(released.epochId)
  expect(await world.callsOf(world.accounts.sequencer, 'pending'), 'each batch and the end, once').toBe(batches.length + 1)
}, 150_000)
