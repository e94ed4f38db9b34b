import { once } from 'node:events'
import { connect } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import type { ReceiptCode } from '#domain/rejection.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { startNode } from '#io/p2p/libp2p.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import type { Submission } from '#domain/submission.ts'
import { COLLECT_PROTOCOL, encodeCollect } from '#wire/collect-frame.ts'
import { decodeSubmission, encodeCollectJson } from '#wire/submission-proto.ts'
import { encodeDelivery, SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'

/** Those who want a sequencer to have no time for others. What they are is free: identities, sockets, streams, bytes. */

export const KINDS = ['signatures', 'copies', 'garbage', 'halfOpen', 'silent', 'late', 'streams'] as const
export type Kind = (typeof KINDS)[number]

export interface Attack {
  readonly kind: Kind
  /** Multiaddr of the sequencer. */
  readonly address: string
  /** Identities, or sockets. */
  readonly count: number
  /** What is sent where the form must be right: a submission with a wrong signature. */
  readonly payload: Uint8Array
  /** A vote of somebody's that counts already. */
  readonly vote: Uint8Array
  /** Votes of slots for an epoch that is open when the attack begins, and soon over. */
  readonly late: readonly Uint8Array[]
  /** Of each receipt, where attackers and attacked are one process. */
  readonly onReceipt?: ((code: ReceiptCode) => void) | undefined
  readonly seed: number
}

/** Deliveries that one identity has under way. */
const IN_FLIGHT = 200

type Stoppable = { stop(): unknown }

/** Those that begin at the same time. */
const BEGIN_AT_ONCE = 16

/** Resolves when all have begun; `stop` ends them. */
export async function attack(what: Attack): Promise<Stoppable> {
  const begin = { signatures: sender, copies: sender, garbage: sender, halfOpen, silent, late: sender, streams }[what.kind]
  const started: Stoppable[] = []
  while (started.length < what.count) {
    const next = Array.from({ length: Math.min(BEGIN_AT_ONCE, what.count - started.length) }, (_, index) => started.length + index)
    started.push(...(await Promise.all(next.map((index) => begin(what, index)))))
  }
  return { stop: async () => void (await Promise.all(started.map((one) => one.stop()))) }
}

const identityOf = ({ seed }: Attack, index: number): Uint8Array => {
  const identity = new Uint8Array(32).fill(seed)
  new DataView(identity.buffer).setUint32(0, index)
  return identity
}

/** Does its work again and again, also when that fails, until it is stopped; resolves when it says that it has begun. `end` ends what it works with. */
async function again(work: (signal: AbortSignal, begun: () => void) => Promise<unknown>, end: () => Promise<unknown>): Promise<Stoppable> {
  const stopping = new AbortController()
  const begun = Promise.withResolvers<void>()
  async function live(): Promise<void> {
    while (!stopping.signal.aborted) {
      await work(stopping.signal, begun.resolve).catch(() => undefined)
      await new Promise(setImmediate)
    }
  }
  const living = live()
  await begun.promise
  return {
    async stop() {
      stopping.abort()
      await end()
      await living
    },
  }
}

/** Sends as fast as it is read from, and comes again when it is thrown out. */
async function sender(what: Attack, index: number): Promise<Stoppable> {
  const dialer = await createSubmissionDialer({ identity: identityOf(what, index) })
  let sent = 0
  const garbage = () => what.payload.map((byte, at) => byte ^ ((at * 31 + index) & 0xff))
  const { late } = what
  const payload = { signatures: what.payload, copies: what.vote }[what.kind as string] ?? garbage()
  // Its share of them, one after the other, and the same again.
  const nextPayload = () => (what.kind === 'late' ? (late[(index + sent * what.count) % late.length] as Uint8Array) : payload)
  const nextId = (): string => `00000000-0000-4000-8000-${(index * 1_000_000_000 + sent++).toString(16).padStart(12, '0')}`

  async function keepSending(link: SubmissionLink, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const receipt = await link.send({ payload: nextPayload(), submissionId: nextId() })
      if (receipt !== 'unacknowledged') what.onReceipt?.(receipt.code)
    }
  }
  return again(async (signal, begun) => {
    const link = await dialer.dial(what.address, signal)
    begun()
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => keepSending(link, signal)))
  }, dialer.stop)
}

const nodeOf = (what: Attack, index: number) =>
  startNode({ identity: identityOf(what, index), listen: [], streamsPerConnectionMax: 1_000, writeBufferBytesMax: 1_000_000 }, {})

/** Of one connection: fewer than a sequencer takes, and opened so many at once, as it keeps few that say nothing. */
const STREAMS = { count: 480, atOnce: 16 }

/** Has very many streams, and on each of them copies of a vote, which is nobody's fault, so that very much waits to be taken; and the same again when it is cut off. */
async function streams(what: Attack, index: number): Promise<Stoppable> {
  const node = await nodeOf(what, index)
  const json = encodeCollectJson(decodeSubmission(what.vote) as Submission)
  const copies = Array.from({ length: 8 }, () => encodeCollect('00000000-0000-4000-8000-000000000000', json))
  return again(
    async (signal, begun) => {
      const connection = await node.dial(multiaddr(what.address), { signal })
      const open = () => connection.newStream(COLLECT_PROTOCOL, { maxOutboundStreams: STREAMS.count })
      const opened: Awaited<ReturnType<typeof open>>[] = []
      while (opened.length < STREAMS.count) {
        opened.push(...(await Promise.all(Array.from({ length: STREAMS.atOnce }, open))))
        begun()
      }
      for (const stream of opened) stream.send(Buffer.concat(copies))
      if (connection.status === 'open') await once(connection, 'close', { signal })
    },
    async () => node.stop(),
  )
}

/** Opens streams of both protocols and begins a frame on each. */
async function halfOpen(what: Attack, index: number): Promise<Stoppable> {
  const node = await nodeOf(what, index)
  const connection = await node.dial(multiaddr(what.address))
  for (const [protocol, bytes] of [
    [SUBMIT_PROTOCOL, encodeDelivery({ submissionId: 'x', payload: what.payload }).subarray(0, 50)],
    [COLLECT_PROTOCOL, new TextEncoder().encode('00000000-0000-4000-8000-000000000000{"a":')],
  ] as const) {
    for (let stream = 0; stream < 4; stream += 1) (await connection.newStream(protocol)).send(bytes)
  }
  return node
}

/** A socket that says nothing, again and again. */
async function silent({ address }: Attack): Promise<Stoppable> {
  const [, host = '', port = ''] = /\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(address) ?? []
  let isStopped = false
  function open(onConnected: () => void): ReturnType<typeof connect> {
    return connect(Number(port), host, onConnected)
      .on('error', onConnected)
      .on('close', () => {
        if (!isStopped) socket = open(() => undefined)
      })
  }
  let socket: ReturnType<typeof connect> | undefined
  await new Promise<void>((resolve) => {
    socket = open(resolve)
  })
  return {
    stop() {
      isStopped = true
      socket?.destroy()
    },
  }
}
