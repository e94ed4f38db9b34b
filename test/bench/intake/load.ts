import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Client, credentials } from '@grpc/grpc-js'
import { multiaddr } from '@multiformats/multiaddr'
import type { Address, BlockNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { type BlockTime, isPastWindow, windowOf } from '#domain/window.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import { createSubmissionDialer, type CollectorDialer } from '#io/p2p/dialer.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import { startNode } from '#io/p2p/libp2p.ts'
import { type Allowance, createAllowance } from '#roles/collector/allowance.ts'
import { COLLECTOR_LIMITS } from '#roles/collector/collector.ts'
import { createLine, type Line, type Waiter } from '#roles/collector/line.ts'
import { COLLECT_PROTOCOL, encodeCollect } from '#wire/collect-frame.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { encodeCollectJson, encodeSubmission } from '#wire/submission-proto.ts'
import { key, projectOf, snapshotCid } from '../seal/world.ts'
import { serveSteps } from './child.ts'
import { ECHOES } from './echo.ts'

/**
 * The process that loads: as many peers as it is told, each with an identity and a connection of its own, by the collector's own dialer, and sending as a collector does, as much at
 * a time and in the order that it would (C4, C19). What it costs is counted nowhere.
 */

/** Handshakes under way at once: a sequencer takes more pending ones from no address. */
const DIALS_AT_ONCE = 50
const DIAL_TIMEOUT_MS = 60_000
/** How long the next receipt may take. */
const DRAIN_MS = 60_000
const STEP_MS = 4

interface Peer {
  readonly slotId: SlotId
  readonly dialer: CollectorDialer
  readonly line: Line<Waiting>
  readonly allowance: Allowance
  link: SubmissionLink | undefined
}

/** A submission that a peer has to send. */
interface Waiting extends Waiter {
  readonly request: Request
  readonly header: Hash
  ended(code: string): void
}

export interface Market {
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly windowBlocks: number
}

export interface Offer {
  readonly epoch: number
  /** The block of its release, the newest there is. */
  readonly header: BlockTime & { readonly hash: Hash }
  /** Peers that take part, from the first, or from this one. */
  readonly peers: number
  readonly first?: number
  readonly perWrite: number
  /** Submissions of all peers together; the peers take turns. */
  readonly count: number
  /** 0: all at once. */
  readonly perSecond: number
  /** Each peer writes all it has, whatever it is answered, as no collector of ours does. */
  readonly isHeedless?: boolean
}

export interface Outcome {
  /** By receipt code; `expired` was not sent any more, and `lost` had no receipt. */
  readonly codes: Readonly<Record<string, number>>
  /** Of those that were sent, from when each was there to be sent. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** From the first that was there to the last receipt. */
  readonly wallMs: number
}

const peers: Peer[] = []
/** Signed in advance: signatures by epoch, then by slot and project. */
const signatures = new Map<number, Map<string, string>>()
let market: Market
/** Of epochs that have submissions without an end: their release, and those submissions. */
const open = new Map<number, { readonly release: BlockTime; readonly waiting: Map<Waiting, Peer> }>()
let head: BlockTime | undefined
let order = 0

/** The deadline is signed, and the header is not, so that votes are signed before their epoch is there. */
const DEADLINE = 500 as BlockNumber

type Shape = Pick<Offer, 'epoch' | 'peers' | 'first' | 'perWrite' | 'count'>

function* shares({ epoch, peers: count, first = 0, perWrite, count: total }: Shape) {
  // Each epoch goes on where the one before it ended: all peers take part.
  const before = epoch * Math.ceil(total / perWrite)
  for (let done = 0, turn = 0; done < total; turn += 1) {
    const project = Math.floor(turn / count) * perWrite
    const length = Math.min(perWrite, total - done)
    const index = first + ((before + turn) % count)
    yield { index, requests: Array.from({ length }, (_, at) => requestOf(epoch, index, project + at)) }
    done += length
  }
}

const requestOf = (epoch: number, index: number, project: number) => ({
  slotId: (index + 1) as SlotId,
  deadlineBlock: DEADLINE,
  snapshotCid,
  epochId: epoch as EpochId,
  projectId: projectOf(project) as ProjectId,
})
type Request = ReturnType<typeof requestOf>
const nameOf = ({ slotId, projectId }: Request): string => `${slotId} ${projectId}`

const submissionOf = (request: Request, header: Hash) => ({
  request,
  signature: signatures.get(request.epochId)?.get(nameOf(request)) as string,
  header,
  dataMarket: market.dataMarket,
  nodeVersion: 'v1.0',
  protocolState: '' as const,
})

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

const isOver = (epochId: EpochId): boolean => {
  const release = open.get(epochId)?.release
  return (
    release !== undefined && head !== undefined && isPastWindow(windowOf({ release, unit: 'blocks', length: market.windowBlocks }), head)
  )
}

/** What is over is given up where it waits; what is under way has its receipt. */
function expire(): void {
  for (const [epoch, { waiting }] of open)
    if (isOver(epoch as EpochId))
      for (const [one, { line }] of waiting)
        if (one.place !== 'in flight') {
          line.leave(one)
          one.ended('expired')
        }
}

/** As a collector's forwarder. */
function forward(peer: Peer, isHeedless = false): void {
  const { line, allowance } = peer
  while (isHeedless || allowance.room() > 0) {
    const one = line.take(!isHeedless && allowance.isPressed() ? isOver : undefined)
    if (one === undefined) return
    const flight = allowance.begin()
    const delivery = { submissionId: crypto.randomUUID(), payload: encodeSubmission(submissionOf(one.request, one.header)) }
    const receipt = peer.link?.send(delivery) ?? Promise.reject(new Error('no link'))
    const end = (code: string): void => {
      flight.end()
      one.ended(code)
      forward(peer, isHeedless)
    }
    receipt.then(
      (said) => {
        const code = said === 'unacknowledged' ? said : said.code
        flight.answered(code)
        end(code)
      },
      () => end('lost'),
    )
  }
}

async function offer(facts: Offer): Promise<Outcome> {
  const { epoch, header } = facts
  const codes: Record<string, number> = {}
  const waits: number[] = []
  const waiting = new Map<Waiting, Peer>()
  open.set(epoch, { release: header, waiting })
  head = header
  expire()
  const [beganMs, shared] = [performance.now(), shares(facts)]
  let [begun, ended] = [0, 0]
  let lastMs = beganMs
  const told = Promise.withResolvers<void>()
  function hand({ index, requests }: { readonly index: number; readonly requests: readonly Request[] }): void {
    const peer = peers[index] as Peer
    const nowMs = performance.now()
    for (const request of requests) {
      const one: Waiting = {
        request,
        header: header.hash,
        epochId: request.epochId,
        order: order++,
        dueMs: 0,
        place: 'ready',
        ended(code) {
          waiting.delete(one)
          codes[code] = (codes[code] ?? 0) + 1
          lastMs = performance.now()
          if (code !== 'expired') waits.push(lastMs - nowMs)
          ended += 1
          if (ended === facts.count) told.resolve()
        },
      }
      waiting.set(one, peer)
      peer.line.push(one, 0)
      begun += 1
    }
    forward(peer, facts.isHeedless)
  }
  while (begun < facts.count) {
    const due = facts.perSecond === 0 ? facts.count : Math.min(facts.count, ((performance.now() - beganMs) / 1_000) * facts.perSecond)
    while (begun < due) hand(shared.next().value as { index: number; requests: Request[] })
    await new Promise((resolve) => setTimeout(resolve, STEP_MS))
  }
  const silent = async (): Promise<void> => {
    for (let leftMs = DRAIN_MS; leftMs > 0; leftMs = lastMs + DRAIN_MS - performance.now())
      await new Promise((resolve) => setTimeout(resolve, leftMs).unref())
  }
  await Promise.race([told.promise, silent()])
  open.delete(epoch)
  if (ended < facts.count) codes['lost'] = (codes['lost'] ?? 0) + facts.count - ended
  const sorted = Float64Array.from(waits).sort()
  return { codes, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), wallMs: lastMs - beganMs }
}

/** Deployed peers that have written all they had, and stay: who stops now throws away what the sequencer has not read yet. */
const collectors: { stop(): unknown }[] = []

/** Deployed peers: each writes to one stream of `/collect`, waits when it is told to, and hears nothing. */
async function collect({ epoch, header, peers: count, perWrite, count: total, perSecond, address }: Offer & { readonly address: string }) {
  const nodes = await Promise.all(
    Array.from({ length: count }, () =>
      startNode({ identity: randomBytes(32), listen: [], streamsPerConnectionMax: 16, writeBufferBytesMax: 64 * 1024 * 1024 }, {}),
    ),
  )
  collectors.push(...nodes)
  const streams = await Promise.all(nodes.map((node) => node.dialProtocol(multiaddr(address), COLLECT_PROTOCOL)))
  const beganMs = performance.now()
  const waiting: (Promise<unknown> | undefined)[] = []
  let sent = 0
  for (const { index, requests } of shares({ epoch, peers: count, perWrite, count: total })) {
    const stream = streams[index] as (typeof streams)[number]
    await waiting[index]
    const messages = requests.map((request) => encodeCollect(crypto.randomUUID(), encodeCollectJson(submissionOf(request, header.hash))))
    waiting[index] = stream.send(Buffer.concat(messages)) ? undefined : once(stream, 'drain')
    sent += requests.length
    const aheadMs = (sent / perSecond) * 1_000 - (performance.now() - beganMs)
    if (aheadMs > STEP_MS) await new Promise((resolve) => setTimeout(resolve, aheadMs))
  }
  await Promise.all(waiting)
  return { wallMs: performance.now() - beganMs }
}

export interface Calls extends Pick<Offer, 'epoch' | 'header' | 'peers' | 'count'> {
  /** Of a gRPC server. */
  readonly endpoint: string
  readonly inFlight: number
}

/** Calls with one submission after the other, so many at a time, each as soon as one before it is answered. */
async function callWith(
  { header, inFlight, ...facts }: Calls,
  call: (submission: ReturnType<typeof submissionOf>) => Promise<unknown>,
): Promise<void> {
  const submissions = shares({ ...facts, perWrite: 1 }).flatMap(({ requests }) =>
    requests.map((request) => submissionOf(request, header.hash)),
  )
  const line = async (): Promise<void> => {
    for (const submission of submissions) await call(submission)
  }
  await Promise.all(Array.from({ length: inFlight }, line))
}

/** To a collector, as a snapshotter does. Returns what was answered, by answer. */
async function handOver(facts: Calls): Promise<Record<string, number>> {
  const client = createSubmissionClient(facts)
  const answers: Record<string, number> = {}
  await callWith(facts, async (submission) => {
    const answer = await client.submitSnapshot(submission, { timeoutMs: DRAIN_MS })
    answers[answer] = (answers[answer] ?? 0) + 1
  })
  await client.close()
  return answers
}

/** The same bytes to a server that sends them back. */
async function echo({ method, ...facts }: Calls & { readonly method: keyof typeof ECHOES }): Promise<void> {
  const { path, requestSerialize, responseDeserialize } = ECHOES[method]
  const client = new Client(facts.endpoint, credentials.createInsecure())
  await callWith(facts, (submission) => {
    const answered = Promise.withResolvers<void>()
    const bytes = Buffer.from(encodeSubmission(submission))
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, bytes, (failure) =>
      failure === null ? answered.resolve() : answered.reject(failure),
    )
    return answered.promise
  })
  client.close()
}

async function connect({ count, address }: { readonly count: number; readonly address: string }): Promise<{ readonly wallMs: number }> {
  while (peers.length < count)
    peers.push({
      slotId: (peers.length + 1) as SlotId,
      dialer: await createSubmissionDialer({ identity: randomBytes(32) }),
      line: createLine(systemClock),
      allowance: createAllowance(COLLECTOR_LIMITS.inFlightMax, systemClock),
      link: undefined,
    })
  const beganMs = performance.now()
  const left = peers.slice(0, count).filter(({ link }) => link === undefined)
  const dial = async (): Promise<void> => {
    for (let peer = left.pop(); peer !== undefined; peer = left.pop()) {
      const own = peer
      try {
        const link = await own.dialer.dial(address, AbortSignal.timeout(DIAL_TIMEOUT_MS))
        own.link = link
        own.allowance.renew()
        void link.ended.then(() => {
          own.link = undefined
        })
      } catch {
        // The sequencer takes so many a second of one address; everybody here has the same.
        left.push(own)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
  await Promise.all(Array.from({ length: DIALS_AT_ONCE }, dial))
  return { wallMs: performance.now() - beganMs }
}

await serveSteps({
  market(facts: Market) {
    market = facts
  },
  connect,
  collect,
  handOver,
  echo,
  /** Resolves when all that were connected have noticed that they are not any more. */
  async bereft() {
    await Promise.all(peers.map(({ link }) => link?.ended))
  },
  async stopCollectors() {
    await Promise.all(collectors.splice(0).map((node) => node.stop()))
  },
  /** Lets go of all connections, which are made anew then. */
  async disconnect() {
    await Promise.all(peers.map(async ({ link }) => link?.close()))
  },
  sign(facts: Shape) {
    const hasher = createSubmissionHasher(market)
    const signed = new Map<string, string>()
    for (const { requests } of shares(facts)) for (const request of requests) signed.set(nameOf(request), key.sign(hasher.digest(request)))
    signatures.set(facts.epoch, signed)
  },
  async offer(facts: Offer) {
    const outcome = await offer(facts)
    // What was sent once is sent no more.
    signatures.delete(facts.epoch)
    return outcome
  },
})
