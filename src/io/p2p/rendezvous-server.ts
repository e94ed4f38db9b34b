import type { Connection, Stream } from '@libp2p/interface'
import { type BucketLimits, createBuckets } from '#domain/buckets.ts'
import { encodeAnswer, parseRequest, REQUEST_BYTES_MAX, type RendezvousAnswer, type RendezvousRequest } from '#wire/rendezvous-frame.ts'
import { closeWithin } from './ending.ts'
import { framed } from './framed.ts'
import { openRecord } from './peer-record.ts'
import type { Registrant, Registrations } from './registrations.ts'

/** A question costs a walk over the registrations, a registration one check of a signature besides. */
const REQUESTS: BucketLimits = { tokensPerSecond: 5, tokensMax: 50 }
/** The same for all peers of one address. */
const REQUESTS_OF_ADDRESS: BucketLimits = { tokensPerSecond: 50, tokensMax: 500 }
/** A stream may carry several requests; it does not stay for the next occasion. */
const STREAM_MS_MAX = 30_000

export interface RendezvousDeps {
  readonly registrations: Registrations
  readonly nowMs: () => number
  /** Whether the peer may register now. Asking is for everybody. */
  mayRegister(peer: string): boolean
  addressOf(connection: Connection): string
  /** Called for each registration that is refused. */
  onRefused(): void
}

/** Answers the streams of `/rendezvous/1.0.0`. Never throws. */
export function createRendezvousServer(deps: RendezvousDeps): (stream: Stream, connection: Connection) => Promise<void> {
  const peers = createBuckets(REQUESTS, deps.nowMs)
  const addresses = createBuckets(REQUESTS_OF_ADDRESS, deps.nowMs)

  async function register(request: Extract<RendezvousRequest, { kind: 'register' }>, who: Registrant): Promise<RendezvousAnswer> {
    const refused = (status: 'E_NOT_AUTHORIZED' | 'E_INVALID_SIGNED_PEER_RECORD') =>
      ({ kind: 'registered', status, ttlSeconds: 0 }) as const
    if (!deps.mayRegister(who.peer)) return refused('E_NOT_AUTHORIZED')
    const record = await openRecord(request.record)
    if (record === undefined) return refused('E_INVALID_SIGNED_PEER_RECORD')
    // Nobody speaks for another, not even with a record that the other has signed once.
    if (record.peerId !== who.peer) return refused('E_NOT_AUTHORIZED')
    return { kind: 'registered', ...deps.registrations.register(who, request) }
  }

  /** Nothing is answered to `unregister`. */
  async function answer(request: RendezvousRequest, who: Registrant): Promise<RendezvousAnswer | undefined> {
    const isInTime = peers.take(who.peer, 1) && addresses.take(who.address, 1)
    switch (request.kind) {
      case 'register': {
        const told = isInTime ? await register(request, who) : ({ kind: 'registered', status: 'E_UNAVAILABLE', ttlSeconds: 0 } as const)
        if (told.status !== 'OK') deps.onRefused()
        return told
      }
      case 'unregister':
        deps.registrations.unregister(who.peer, request.namespace)
        return undefined
      case 'discover': {
        if (isInTime) return { kind: 'discovered', ...deps.registrations.discover(request) }
        return { kind: 'discovered', status: 'E_UNAVAILABLE', registrations: [], cookie: new Uint8Array(0) }
      }
    }
  }

  return async (stream, connection) => {
    const who = { peer: connection.remotePeer.toString(), address: deps.addressOf(connection) }
    const frames = framed(stream, { frameBytesMax: REQUEST_BYTES_MAX, signal: AbortSignal.timeout(STREAM_MS_MAX) })
    try {
      for (let frame = await frames.nextOrEnd(); frame !== undefined; frame = await frames.nextOrEnd()) {
        const request = parseRequest(frame)
        if (request === undefined) throw new Error('no request of the protocol')
        const told = await answer(request, who)
        if (told !== undefined) stream.send(encodeAnswer(told))
      }
      await closeWithin(stream, STREAM_MS_MAX)
    } catch (cause) {
      stream.abort(new Error('the request was not understood, or its stream is lost', { cause }))
    }
  }
}
