import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Client, credentials } from '@grpc/grpc-js'
import { multiaddr } from '@multiformats/multiaddr'
import type { Address, BlockNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import { createSubmissionDialer, type CollectorDialer } from '#io/p2p/dialer.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import { startNode } from '#io/p2p/libp2p.ts'
import { COLLECT_PROTOCOL, encodeCollect } from '#wire/collect-frame.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { encodeCollectJson, encodeSubmission } from '#wire/submission-proto.ts'
import { key, projectOf, snapshotCid } from '../seal/world.ts'
import { serveSteps } from './child.ts'
import { ECHOES } from './echo.ts'

/** The process that loads: as many peers as it is told, each with an identity and a connection of its own, by the collector's own dialer. What it costs is counted nowhere. */

/** Handshakes under way at once: a sequencer takes more pending ones from no address. */
const DIALS_AT_ONCE = 50
const DIAL_TIMEOUT_MS = 60_000
/** How long the next receipt may take. */
const DRAIN_MS = 60_000
const STEP_MS = 4

interface Peer {
  readonly slotId: SlotId
  readonly dialer: CollectorDialer
  link: SubmissionLink | undefined
}

export interface Market {
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
}

export interface Offer {
  readonly epoch: number
  readonly header: { readonly hash: Hash; readonly number: number }
  /** Peers that take part, from the first, or from this one. */
  readonly peers: number
  readonly first?: number
  readonly perWrite: number
  /** Submissions of all peers together; the peers take turns. */
  readonly count: number
  /** 0: all at once. */
  readonly perSecond: number
}

export interface Outcome {
  /** By receipt code; `lost` had none. */
  readonly codes: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
  /** From the first write to the last receipt. */
  readonly wallMs: number
}

const peers: Peer[] = []
/** Signed in advance: signatures by epoch, slot and project. */
const signatures = new Map<string, string>()
let market: Market

/** The deadline is signed, and the header is not, so that votes are signed before their epoch is there. */
const DEADLINE = 500 as BlockNumber

type Shape = Pick<Offer, 'epoch' | 'peers' | 'first' | 'perWrite' | 'count'>

function* shares({ epoch, peers: count, first = 0, perWrite, count: total }: Shape) {
  for (let done = 0, turn = 0; done < total; turn += 1) {
    const project = Math.floor(turn / count) * perWrite
    const length = Math.min(perWrite, total - done)
    const index = first + (turn % count)
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
const nameOf = ({ epochId, slotId, projectId }: Request): string => `${epochId} ${slotId} ${projectId}`

const submissionOf = (request: Request, header: Hash) => ({
  request,
  signature: signatures.get(nameOf(request)) as string,
  header,
  dataMarket: market.dataMarket,
  nodeVersion: 'v1.0',
  protocolState: '' as const,
})

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

async function offer(facts: Offer): Promise<Outcome> {
  const codes: Record<string, number> = {}
  const waits = new Float64Array(facts.count)
  const [beganMs, shared] = [performance.now(), shares(facts)]
  let [sent, answered] = [0, 0]
  let lastMs = beganMs
  const told = Promise.withResolvers<void>()
  const note = (code: string, sentMs: number): void => {
    codes[code] = (codes[code] ?? 0) + 1
    lastMs = performance.now()
    waits[answered] = lastMs - sentMs
    answered += 1
    if (answered === facts.count) told.resolve()
  }
  function write({ index, requests }: { readonly index: number; readonly requests: readonly Request[] }): void {
    const nowMs = performance.now()
    for (const request of requests) {
      const delivery = { submissionId: crypto.randomUUID(), payload: encodeSubmission(submissionOf(request, facts.header.hash)) }
      const receipt = (peers[index] as Peer).link?.send(delivery) ?? Promise.reject(new Error('no link'))
      receipt.then(
        (said) => note(said === 'unacknowledged' ? said : said.code, nowMs),
        () => note('lost', nowMs),
      )
      sent += 1
    }
  }
  while (sent < facts.count) {
    const due = facts.perSecond === 0 ? facts.count : Math.min(facts.count, ((performance.now() - beganMs) / 1_000) * facts.perSecond)
    while (sent < due) write(shared.next().value as { index: number; requests: Request[] })
    await new Promise((resolve) => setTimeout(resolve, STEP_MS))
  }
  const silent = async (): Promise<void> => {
    for (let leftMs = DRAIN_MS; leftMs > 0; leftMs = lastMs + DRAIN_MS - performance.now())
      await new Promise((resolve) => setTimeout(resolve, leftMs).unref())
  }
  await Promise.race([told.promise, silent()])
  if (answered < facts.count) codes['lost'] = (codes['lost'] ?? 0) + facts.count - answered
  const sorted = waits.subarray(0, answered).sort()
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
    for (const { requests } of shares(facts))
      for (const request of requests) signatures.set(nameOf(request), key.sign(hasher.digest(request)))
  },
  async offer(facts: Offer) {
    const outcome = await offer(facts)
    // What was sent once is sent no more.
    for (const { requests } of shares(facts)) for (const request of requests) signatures.delete(nameOf(request))
    return outcome
  },
})
