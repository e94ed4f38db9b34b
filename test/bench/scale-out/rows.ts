import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNatsServer } from '#devnet/nats-server.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { openWorld, projectOf, type WeftRole, type World } from '../../e2e/world.ts'
import { type Row, row } from '../seal/rows.ts'
import { cpuMsOfGroup, cpuMsOfProcess } from './cpu.ts'

export interface ScaleOutOptions {
  readonly slots: number
  /** Votes of each slot, in each of the forms. */
  readonly projects: number
  /** Submissions that a peer sends at once. */
  readonly perWrite: number
}

const PARTITIONS = 2
/** Nothing closes while it is measured. */
const WINDOW_BLOCKS = 600
const FLOOR_SIGNATURES = 5_000

type Parts = Readonly<Record<string, () => number>>

/** The form in one process, then through JetStream with one listener, and with two. */
export async function* rowsOf(options: ScaleOutOptions): AsyncGenerator<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  const nats = await startNatsServer({ directory: folder })
  const world = await openWorld({ chainId: 7_882, windowBlocks: WINDOW_BLOCKS, slots: options.slots })
  try {
    const floorMs = await floor(world)
    yield row('bare signature recovery, CPU', floorMs * 1_000, 'µs')
    const start = (mode: string) =>
      world.startSequencer(undefined, ['--mode', mode, '--nats', nats.url, '--nats-replicas', '1', '--partitions', String(PARTITIONS)])
    const whole = await world.startSequencer()
    yield* costs('one process', await measure(world, [whole], { 'the process': cpuOf([whole]) }, options), floorMs)
    whole.child.kill('SIGKILL')
    await whole.ended()
    const [sealer, ...boxes] = await Promise.all(['seal', 'ballot', 'ballot'].map(start))
    const alike = { 'ballot boxes': cpuOf(boxes), sealer: cpuOf([sealer as WeftRole]), 'NATS server': () => cpuMsOfGroup(nats.groupId) }
    const one = await start('listen')
    const alone = await measure(world, [one], { 'the listener': cpuOf([one]), ...alike }, options)
    yield* costs('through JetStream, one listener', alone, floorMs)
    const other = await start('listen')
    const each = { 'first listener': cpuOf([one]), 'second listener': cpuOf([other]) }
    const both = await measure(world, [one, other], { ...each, ...alike }, options)
    yield* costs('through JetStream, two listeners', both, floorMs)
    const busiest = Math.max(both.cpuMs['first listener'] ?? 0, both.cpuMs['second listener'] ?? 0)
    const scaling = ((alone.cpuMs['the listener'] ?? 0) / alone.accepted / busiest) * both.accepted
    // Told as what is lost of twice as many, so that less is better, as everywhere.
    yield row('one listener to two, by CPU of the busier one: lost of twice as many', 100 * (1 - scaling / 2), '%', 15)
  } finally {
    await world.close()
    await nats.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const cpuOf = (roles: readonly WeftRole[]) => (): number => roles.reduce((sum, { child }) => sum + cpuMsOfProcess(child.pid ?? 0), 0)

interface Measured {
  readonly cpuMs: Readonly<Record<string, number>>
  readonly offered: number
  readonly accepted: number
  readonly wallMs: number
  readonly p99Ms: number
}

function* costs(form: string, { cpuMs, offered, accepted, wallMs, p99Ms }: Measured, floorMs: number): Generator<Row> {
  const all = Object.values(cpuMs).reduce((sum, part) => sum + part, 0)
  yield row(`CPU per accepted, durable submission, ${form}`, all / accepted / floorMs, '× recovery')
  if (Object.keys(cpuMs).length > 1)
    for (const [part, ms] of Object.entries(cpuMs)) yield row(`  of it ${part}, ${form}`, ms / accepted / floorMs, '× recovery')
  yield row(`accepted, ${form}`, (accepted / wallMs) * 1_000, '/s')
  yield row(`receipt p99, ${form}`, p99Ms, 'ms')
  yield row(`not accepted, ${form}`, offered - accepted, 'submissions', 0)
}

/** CPU of a bare recovery in this process, in milliseconds. */
async function floor({ deployment, sign, chain }: World): Promise<number> {
  const header = await chain.head()
  const { request, signature } = sign({ project: projectOf('floor'), header, epochId: 1 })
  const digest = createSubmissionHasher(deployment).digest(request)
  const parsed = parseSignature(signature) as Uint8Array
  const before = process.threadCpuUsage()
  for (let done = 0; done < FLOOR_SIGNATURES; done += 1) recoverer.recover(digest, parsed)
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000 / FLOOR_SIGNATURES
}

/** A peer for each slot, which sends as many as it sends at once when the last of them are answered. */
async function measure(
  world: World,
  doors: readonly WeftRole[],
  parts: Parts,
  { slots, projects, perWrite }: ScaleOutOptions,
): Promise<Measured> {
  const { epochId, header } = await world.releaseEpoch()
  const peers = await Promise.all(
    Array.from({ length: slots }, async (_, index) => {
      const dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
      const link = await dialer.dial(doors[index % doors.length]?.places['p2p']?.[0] as string, AbortSignal.timeout(60_000))
      const payloads = Array.from({ length: projects }, (_project, project) =>
        encodeSubmission(world.sign({ project: projectOf(String(project)), header, epochId, slotId: index + 1 })),
      )
      return { dialer, link, payloads }
    }),
  )
  const waits: number[] = []
  let accepted = 0
  async function send(link: SubmissionLink, payloads: readonly Uint8Array[]): Promise<void> {
    for (let from = 0; from < payloads.length; from += perWrite) {
      const sentMs = performance.now()
      const sending = payloads.slice(from, from + perWrite).map((payload) => link.send({ submissionId: crypto.randomUUID(), payload }))
      for (const receipt of await Promise.all(sending)) if (receipt !== 'unacknowledged' && receipt.code === 'accepted') accepted += 1
      waits.push(performance.now() - sentMs)
    }
  }
  const before = Object.entries(parts).map(([name, cpu]) => [name, cpu()] as const)
  const beganMs = performance.now()
  await Promise.all(peers.map(({ link, payloads }) => send(link, payloads)))
  const wallMs = performance.now() - beganMs
  const cpuMs = Object.fromEntries(before.map(([name, ms]) => [name, (parts[name]?.() ?? 0) - ms]))
  for (const { dialer } of peers) await dialer.stop()
  const p99Ms = waits.sort((left, right) => left - right)[Math.floor(waits.length * 0.99)] ?? 0
  return { cpuMs, offered: slots * projects, accepted, wallMs, p99Ms }
}
