import { setTimeout as pause } from 'node:timers/promises'
import { createRecovererPool } from '#io/keys/recoverer-pool.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { PAIR_BYTES, pairsOf } from '#wire/signed-pairs.ts'
import { type Row, row } from '../seal/rows.ts'
import { key, projectOf, snapshotCid } from '../seal/world.ts'
import type { Child } from './child.ts'
import type { Calls, Offer, Outcome } from './load.ts'
import { type Measured, type Network, startCollector, startEcho, startNetwork, startRelay } from './network.ts'

/** How much is done. Rates are what is offered a second; what is reached is told. */
export interface TableOptions {
  readonly peers: number
  /** For the row with 20 per write. */
  readonly peersOfMany: number
  readonly fewPeers: number
  /** Submissions in a row, at most. */
  readonly count: number
  readonly burst: number
  readonly idleMs: number
  /** One-second epochs of the long run. */
  readonly epochs: number
  readonly perSecond: number
  readonly relayedPeers: number
  readonly signatures: number
}

/** What cannot be run here, and why. */
export const NOT_RUN: readonly { readonly name: string; readonly why: string }[] = [
  { name: 'through JetStream, two listeners', why: 'it has a benchmark of its own, ./weft bench scale-out' },
  { name: 'deployed Go listener, Redis and dequeuer, same work', why: 'their programs are not part of this repository' },
]

/** The rows of the benchmark. */
export async function* table(options: TableOptions): AsyncGenerator<Row> {
  yield* lived(options)
  yield* sustained(options)
  yield await threads(options.signatures)
}

/** What one network lives through, nothing of which is sealed. */
export async function* lived(options: TableOptions): AsyncGenerator<Row> {
  const projects = Math.max(1_000, Math.ceil((2 * options.burst) / options.fewPeers))
  const relay = startRelay()
  const { addresses: relays } = await relay.ask<{ addresses: string[] }>('addresses')
  const network = await startNetwork({ slots: options.peers, projects, relays, recoveries: options.signatures / 2 })
  yield row('bare signature recovery, CPU', network.floorUs, 'µs')
  yield* connecting(network, options)
  yield* handingOver(network, options)
  yield* steady(network, options)
  yield* overload(network, options)
  yield* collecting(network, options)
  yield* relayed(network, options)
  yield* returning(network, options)
  yield* refusing(network, options)
  await network.stop()
  await relay.kill()
}

/** Calls of a snapshotter under way at once: as many as it has slots and projects at the end of an epoch. */
const CALLS_IN_FLIGHT = 100

/**
 * A collector, from the call of a snapshotter to the receipt of the sequencer, beside a server that does nothing but answer, with as many calls at once; and beside one that
 * recovers a signer and writes the bytes down before it answers, which no collector can do without.
 */
async function* handingOver({ load, sequencer, nextEpoch, address }: Network, { peers, count }: TableOptions): AsyncGenerator<Row> {
  const calls = Math.ceil(count / 4)
  const [collector, echo] = [startCollector(), startEcho()]
  const { endpoint } = await collector.ask<{ endpoint: string }>('open', { address: await address('direct'), slots: peers })
  const { endpoint: echoEndpoint } = await echo.ask<{ endpoint: string }>('open')
  async function cpuUs(server: Child, work: () => Promise<unknown>): Promise<number> {
    const before = await server.ask<{ cpuUs: number }>('usage')
    await work()
    return (await server.ask<{ cpuUs: number }>('usage')).cpuUs - before.cpuUs
  }
  async function all() {
    const shape = { epoch: nextEpoch(), peers, count: calls }
    await load.ask('sign', { ...shape, perWrite: 1 })
    const header = await sequencer.ask<Offer['header']>('release', shape)
    const facts: Omit<Calls, 'endpoint'> = { ...shape, header, inFlight: CALLS_IN_FLIGHT }
    const echoed = (method: string) => cpuUs(echo, () => load.ask('echo', { ...facts, method, endpoint: echoEndpoint }))
    return {
      echoUs: await echoed('echo'),
      keptUs: await echoed('keep'),
      collectorUs: await cpuUs(collector, () => load.ask('handOver', { ...facts, endpoint })),
    }
  }
  // The first time warms up.
  await all()
  const { echoUs, keptUs, collectorUs } = await all()
  const { proved } = await collector.ask<{ proved: number }>('usage')
  await Promise.all([collector.kill(), echo.kill()])
  yield row('bare gRPC unary echo, CPU', echoUs / calls, 'µs')
  yield row('one recovery and a durable write before the answer, CPU beside a bare gRPC unary echo', keptUs / echoUs, 'times')
  yield row('collector, gRPC in to receipt, CPU beside a bare gRPC unary echo', collectorUs / echoUs, 'times', 2)
  yield row('collector, gRPC in to receipt, CPU beside a call with one recovery and a durable write', collectorUs / keptUs, 'times')
  yield row('collector: without a signed receipt', 2 * calls - proved, 'submissions', 0)
}

/** What a peer may send at once, and hardly anything after that. Under the limits as they come nobody is refused for its rate: a bucket is full again before its peer has to be told. */
const SOON_SPENT = { tokensPerSecond: 0.001, tokensMax: 5 }

/** The sequencer is killed and started again. */
async function* returning(network: Network, { peers }: TableOptions): AsyncGenerator<Row> {
  const { load } = network
  const address = await network.address('direct')
  const beganMs = performance.now()
  await network.restart(SOON_SPENT)
  const before = await network.usage()
  await load.ask('bereft')
  await load.ask('connect', { count: peers, address })
  yield row(`all ${peers} peers back after the sequencer was killed and started again`, (performance.now() - beganMs) / 1_000, 's', 30)
  yield row(`${peers} peers back, CPU each`, ((await network.usage()).cpuUs - before.cpuUs) / peers / 1_000, 'ms', 4)
}

/** Deliveries that are read of a peer at once, of one half of them and of the other: what one costs whose connection is awake anyway is the difference. */
const [REFUSED_OF_EACH, REFUSED_OF_OTHERS] = [8, 40]

/** All peers send at once what none of them may send any more. Each is read once: what it sent after that would lie unread for ten seconds. */
async function* refusing(network: Network, { peers }: TableOptions): AsyncGenerator<Row> {
  await network.measured({ peers, perWrite: 5, count: 5 * peers, perSecond: 0 })
  const half = Math.floor(peers / 2)
  const each = await network.measured({ peers: half, perWrite: 5, count: REFUSED_OF_EACH * half, perSecond: 0, isHeedless: true })
  const others = await network.measured({
    first: half,
    peers: half,
    perWrite: 5,
    count: REFUSED_OF_OTHERS * half,
    perSecond: 0,
    isHeedless: true,
  })
  const percent = (us: number, refused: number): number => (100 * us) / refused / network.floorUs
  yield row('a refusal, CPU beside a recovery', percent(each.totalUs, each.refused), '%', 5)
  const more = percent(others.totalUs - each.totalUs, others.refused - each.refused)
  yield row('one more refusal of what is read of a peer at once, CPU beside a recovery', more, '%')
  yield row('accepted of what was to be refused', each.accepted + others.accepted, 'submissions', 0)
}

/** Signatures alone, on two threads beside one. */
async function threads(count: number): Promise<Row> {
  const hasher = createSubmissionHasher({ chainId: 1, protocolState: key.address })
  const request = { slotId: 1, deadlineBlock: 1, snapshotCid, epochId: 1, projectId: projectOf(1) } as Parameters<typeof hasher.digest>[0]
  const digest = Uint8Array.from(hasher.digest(request))
  const signed = pairsOf(Array.from({ length: count }, () => ({ digest, signature: parseSignature(key.sign(digest)) as Uint8Array })))
  const wallMs = async (threads: number): Promise<number> => {
    const pool = createRecovererPool({ threads })
    await pool.recoverMany(signed.slice(0, 1_024 * PAIR_BYTES))
    const beganMs = performance.now()
    await pool.recoverMany(signed)
    const tookMs = performance.now() - beganMs
    await pool.stop()
    return tookMs
  }
  const one = await wallMs(1)
  return row('verification alone: time on two threads, of that on one', (await wallMs(2)) / one, 'times', 0.56)
}

async function* connecting({ load, usageCollected: usage, address }: Network, { peers, idleMs }: TableOptions): AsyncGenerator<Row> {
  const to = await address('direct')
  const connect = async (count: number) => {
    const { cpuUs } = await usage()
    const { wallMs } = await load.ask<{ wallMs: number }>('connect', { count, address: to })
    return { cpuUs: (await usage()).cpuUs - cpuUs, wallMs }
  }
  const before = await usage()
  const fifth = Math.ceil(peers / 5)
  const first = await connect(fifth)
  const middle = await connect(peers - fifth)
  const last = await connect(peers)
  const after = await usage()
  yield row(`connecting ${peers} peers, CPU each`, (after.cpuUs - before.cpuUs) / peers / 1_000, 'ms', 4)
  yield row('the last fifth of them beside the first, CPU', last.cpuUs / first.cpuUs, 'times', 1.3)
  yield row(`connecting ${peers} peers`, (first.wallMs + middle.wallMs + last.wallMs) / 1_000, 's', 30)
  yield row('memory of a connected peer', (after.rssBytes - before.rssBytes) / peers / 1_024, 'KiB', 60)
  const quiet = await usage()
  await pause(idleMs)
  const { cpuUs, atMs } = await usage()
  yield row(`idle, ${peers} peers`, (cpuUs - quiet.cpuUs) / (atMs - quiet.atMs) / 10, '% of a core', 2)
}

async function* steady(network: Network, { peers, peersOfMany, fewPeers, count, perSecond }: TableOptions): AsyncGenerator<Row> {
  const shapes = [
    { peers, perWrite: 5, perSecond: perSecond * 0.8, target: 1.4 },
    { peers, perWrite: 1, perSecond: perSecond * 0.4, target: 2 },
    { peers: peersOfMany, perWrite: 20, perSecond: perSecond * 0.8, target: 1.1 },
    { peers: fewPeers, perWrite: 1, perSecond: perSecond / 20, target: 3 },
  ]
  for (const { target, ...shape } of shapes) {
    const whole = { ...shape, count: Math.min(count, shape.perSecond * 5) }
    // The first time warms up: what V8 compiles and throws away again is over in the second.
    await network.measured(whole)
    const measured = await network.measured(whole)
    const name = `${shape.peers} peers, ${shape.perWrite} per write, ${shape.perSecond}/s offered`
    yield row(`CPU per accepted, durable submission, ${name}`, measured.cpuUs / network.floorUs, '× recovery', target)
    yield* told(name, measured)
  }
}

function* told(name: string, { perSecond, p50Ms, p99Ms, refused }: Measured): Generator<Row> {
  yield row(`accepted, ${name}`, perSecond, '/s')
  yield row(`receipt p50, ${name}`, p50Ms, 'ms')
  yield row(`receipt p99, ${name}`, p99Ms, 'ms')
  yield row(`not accepted, ${name}`, refused, 'submissions', 0)
}

async function* overload(network: Network, { peers, burst }: TableOptions): AsyncGenerator<Row> {
  const atOnce = await network.measured({ peers, perWrite: 5, count: burst, perSecond: 0 })
  yield* told(`burst of ${burst} at once`, atOnce)
  const twice = await network.measured({ peers, perWrite: 5, count: 2 * burst, perSecond: 2 * atOnce.perSecond })
  yield row('twice the capacity offered: lost of the goodput', 100 * (1 - twice.perSecond / atOnce.perSecond), '%', 10)
  yield* told('twice the capacity offered', twice)
}

async function* collecting({ load, sequencer, nextEpoch, address }: Network, { fewPeers, burst }: TableOptions): AsyncGenerator<Row> {
  const facts = { epoch: nextEpoch(), peers: fewPeers, perWrite: 5, count: burst, perSecond: burst / 4, address: await address('direct') }
  await load.ask('sign', facts)
  const header = await sequencer.ask<Offer['header']>('release', facts)
  await load.ask('collect', { ...facts, header })
  const recorded = async (): Promise<number> => (await sequencer.ask<{ accepted: number }>('recorded', facts)).accepted
  let before = -1
  let now = await recorded()
  while (now > before && now < facts.count) {
    await pause(1_000)
    ;[before, now] = [now, await recorded()]
  }
  await load.ask('stopCollectors')
  yield row(`/collect above capacity, ${fewPeers} connections: dropped of ${facts.count}`, facts.count - now, 'submissions', 0)
}

/** Of the highest rate that is offered. The last is more than two cores that carry the load as well can take. */
const SHARES_SUSTAINED = [0.5, 0.7, 1]
/** Within that a receipt is there, at a rate that is sustained. */
const RECEIPT_MS_MAX = 500

/** Rates that are offered for long, and which of them are taken without loss. */
export async function* sustained(options: TableOptions): AsyncGenerator<Row> {
  let without = 0
  for (const share of SHARES_SUSTAINED) {
    const perSecond = options.perSecond * share
    // Those below are to show whether they hold.
    const epochs = share === 1 ? options.epochs : Math.ceil(options.epochs / 3)
    const long = yield* sustainedAt({ ...options, perSecond, epochs })
    if (long.isWithoutLoss) without = perSecond
  }
  yield row(`sustained without loss, receipt p99 below ${RECEIPT_MS_MAX} ms, of what was offered`, without, '/s')
}

/** Epochs of a second, one after the other, each closed and sealed while the next come in. */
async function* sustainedAt({
  peers,
  epochs,
  perSecond,
  signatures,
}: TableOptions): AsyncGenerator<Row, { readonly isWithoutLoss: boolean }> {
  const network = await startNetwork({
    slots: peers,
    projects: Math.ceil(perSecond / peers) + 5,
    windowBlocks: 2,
    recoveries: signatures / 2,
  })
  const { sequencer, load } = network
  await load.ask('connect', { count: peers, address: await network.address('direct') })
  // The first time warms up. No window closes meanwhile.
  await network.measured({ peers, perWrite: 5, count: perSecond, perSecond: 0 })
  const atOnce = await network.measured({ peers, perWrite: 5, count: perSecond, perSecond: 0 })
  const offers = Array.from({ length: epochs }, () => ({ epoch: network.nextEpoch(), peers, perWrite: 5, count: perSecond, perSecond }))
  for (const offer of offers) await load.ask('sign', offer)
  const before = await network.usage()
  let middle = before
  const beganMs = performance.now()
  const running: Promise<Outcome>[] = []
  for (const [index, offer] of offers.entries()) {
    const header = await sequencer.ask<Offer['header']>('release', offer)
    running.push(load.ask<Outcome>('offer', { ...offer, header }))
    if (index === Math.floor(epochs / 2)) middle = await network.usage()
    await pause(Math.max(0, beganMs + (index + 1) * 1_000 - performance.now()))
  }
  const outcomes = await Promise.all(running)
  const wallMs = performance.now() - beganMs
  const after = await network.usage()
  await network.stop()
  const became = (code: string): number => outcomes.reduce((sum, { codes }) => sum + (codes[code] ?? 0), 0)
  const [accepted, expired, late] = [became('accepted'), became('expired'), became('window_closed')]
  const others = epochs * perSecond - accepted - expired - late
  const p99Ms = Math.max(...outcomes.map((outcome) => outcome.p99Ms))
  const reached = (accepted / wallMs) * 1_000
  const could = Math.min(perSecond, atOnce.perSecond)
  const name = `${peers} peers, ${perSecond}/s for ${epochs} epochs of a second, sealed meanwhile`
  yield row(`accepted, ${name}`, reached, '/s')
  yield row(`lost of the goodput, beside all at once and what is offered, ${name}`, 100 * (1 - reached / could), '%', 10)
  yield row(`time taken beside time given, ${name}`, wallMs / (epochs * 1_000), 'times', 1.05)
  yield row(`expired at the collectors, ${name}`, expired, 'submissions', 0)
  yield row(`sent too late, ${name}`, late, 'submissions', 0)
  yield row(`refused otherwise, or lost, ${name}`, others, 'submissions', 0)
  yield row(`receipt p99, the worst epoch, ${name}`, p99Ms, 'ms', RECEIPT_MS_MAX)
  yield row(
    `CPU per accepted submission, sealing with it, ${name}`,
    (after.cpuUs - before.cpuUs) / accepted / network.floorUs,
    '× recovery',
  )
  yield row(`memory at the end beside the middle, ${name}`, after.rssBytes / middle.rssBytes, 'times', 1.2)
  return { isWithoutLoss: accepted === epochs * perSecond && p99Ms < RECEIPT_MS_MAX }
}

async function* relayed(network: Network, { relayedPeers: peers, count, perSecond }: TableOptions): AsyncGenerator<Row> {
  const load = await network.another()
  const cost = async (way: 'direct' | 'relayed'): Promise<number> => {
    await load.ask('connect', { count: peers, address: await network.address(way) })
    const shape = { peers, perWrite: 5, perSecond: perSecond * 0.4, count: Math.ceil(count / 4) }
    await network.measured(shape, load)
    const { cpuUs } = await network.measured(shape, load)
    await load.ask('disconnect')
    return cpuUs
  }
  const direct = await cost('direct')
  yield row('through a relay beside direct, CPU of the sequencer', (await cost('relayed')) / direct, 'times', 1.3)
}
