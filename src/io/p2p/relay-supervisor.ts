import { RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { detailOf, WeftError } from '#domain/errors.ts'
import { type Claimant, claimAt } from './admission.ts'
import { createAlarm } from './alarm.ts'

/**
 * Keeps a reservation on every given relay, or on so many of them. libp2p itself reserves once, throws when a relay is down at the start, and never
 * reserves again when a relay comes back (js-libp2p#3601, #2833).
 */

/** Pause after a failed attempt. A relay that restarts is missed for this long at most. */
const RETRY_INTERVAL_MS = 1_000
/** How often a held reservation is looked at, besides libp2p's own event: costs a map lookup. */
const CHECK_INTERVAL_MS = 5_000
/** Dialing and reserving; a relay on the other side of the world takes a second. */
const ATTEMPT_TIMEOUT_MS = 10_000

/** The parts of the pinned circuit-relay-v2 transport and of libp2p's transport manager that supervision needs. */
export interface RelayAccess {
  readonly transport: {
    /** Takes a circuit that a relay brings. */
    onStop(stream: Stream, connection: Connection): Promise<void>
    readonly reservationStore: {
      relayFilter: { has(item: Uint8Array): boolean; add(item: Uint8Array): unknown }
      addRelay(peerId: PeerId, type: 'configured'): Promise<unknown>
      hasReservation(peerId: PeerId): boolean
      /** Forgets every reservation, and the timers that would renew them. */
      cancelReservations(): void
      addEventListener(event: 'relay:removed' | 'relay:created-reservation', listener: () => void): void
    }
  }
  readonly transportManager: { listen(addresses: Multiaddr[]): Promise<void> }
}

export interface RelayAddress {
  readonly address: Multiaddr
  readonly peerId: PeerId
}

/** Throws `LISTEN_FAILED` when it is not a multiaddr ending in `/p2p/<id>`. */
export function parseRelayAddress(text: string): RelayAddress {
  try {
    return { address: multiaddr(text), peerId: peerIdFromString(text.slice(text.lastIndexOf('/p2p/') + '/p2p/'.length)) }
  } catch (cause) {
    throw new WeftError(
      'LISTEN_FAILED',
      { address: text, detail: 'a relay is given as a multiaddr that ends in /p2p/ and its peer id' },
      cause,
    )
  }
}

/** What changed about one relay: a slot on it is held now, or it is not, and why. */
export interface RelayChange {
  readonly address: string
  readonly isReserved: boolean
  /** Empty when it is reserved. */
  readonly detail: string
}

export interface SupervisionOptions {
  /** Preferred first. */
  readonly relays: readonly RelayAddress[]
  /** On how many of them a slot is held at a time; on all of them when not given. */
  readonly heldMax?: number
  /** Signs for this peer at relays that ask. */
  readonly claimant?: Claimant | undefined
  /** Circuits that one relay may bring. */
  readonly circuitsMax: number
  readonly onChange: (change: RelayChange) => void
  /** Called for each slot that was granted, also where nobody had noticed that it was lost: what else the relay knew it has forgotten. */
  readonly onReserved?: () => void
}

/**
 * Takes circuits from the given relays only. libp2p takes them from anybody who offers one, reserves a slot with that stranger, keeps
 * a listener for it and announces its address as ours.
 */
async function refuseStrangers({ relays, circuitsMax }: SupervisionOptions, { node, access }: SupervisionDeps): Promise<void> {
  const known = new Set(relays.map(({ peerId }) => peerId.toString()))
  await node.handle(
    RELAY_V2_STOP_CODEC,
    async (stream, connection) => {
      if (!known.has(connection.remotePeer.toString())) return stream.abort(new Error('not a relay of ours'))
      try {
        await access.transport.onStop(stream, connection)
      } catch (cause) {
        stream.abort(new Error('the circuit could not be taken', { cause }))
      }
    },
    { force: true, maxInboundStreams: circuitsMax, runOnLimitedConnection: true },
  )
}

export interface SupervisionDeps {
  readonly node: Libp2p
  readonly access: RelayAccess
}

/**
 * One work after the other: libp2p reserves one slot at a time and, done with it, forgets what waits behind it without a word, so that its
 * promise never settles. The time of each, `attempt`, begins with its turn, or relays that hang would use up that of a good one.
 */
function createTurns(attempt: () => AbortSignal): (work: () => Promise<unknown>) => Promise<void> {
  let turn: Promise<void> = Promise.resolve()
  return (work) => {
    const done = turn.then(async () => {
      const signal = attempt()
      signal.throwIfAborted()
      const leaving = Promise.withResolvers<never>()
      const leave = () => leaving.reject(signal.reason)
      signal.addEventListener('abort', leave, { once: true })
      try {
        await Promise.race([work(), leaving.promise])
      } finally {
        signal.removeEventListener('abort', leave)
      }
    })
    turn = done.catch(() => undefined)
    return done
  }
}

/** Which relays are to be held: the first that work, so many. One that is held stays, also when a preferred one works again. */
function createSpares({ relays, heldMax = relays.length }: SupervisionOptions) {
  const held = new Set<RelayAddress>()
  const failed = new Set<RelayAddress>()
  return {
    areThere: heldMax < relays.length,
    note(relay: RelayAddress, isReserved: boolean): void {
      if (isReserved) held.add(relay)
      else held.delete(relay)
      if (isReserved) failed.delete(relay)
      else failed.add(relay)
    },
    /** Besides those that are held, one that comes before and has not failed yet may be on its way. */
    isNeeded(relay: RelayAddress): boolean {
      if (held.has(relay)) return true
      const before = relays.slice(0, relays.indexOf(relay)).filter((other) => !held.has(other) && !failed.has(other))
      return held.size + before.length < heldMax
    },
  }
}

/** Supervises until stopped. Nothing about a relay makes it fail. */
export async function superviseRelays(options: SupervisionOptions, deps: SupervisionDeps): Promise<{ stop(): Promise<void> }> {
  await refuseStrangers(options, deps)
  const stopping = new AbortController()
  const { reservationStore } = deps.access.transport
  const alarm = createAlarm(stopping.signal)
  // libp2p remembers a relay that failed once and never tries it again.
  reservationStore.relayFilter = { has: () => false, add: () => undefined }
  reservationStore.addEventListener('relay:removed', alarm.ring)
  // A stop leaves what libp2p has under way, and so does libp2p's own: a slot granted then comes with a timer for its renewal, most of an
  // hour long, that nobody would clear and that keeps the process alive.
  reservationStore.addEventListener('relay:created-reservation', () => {
    if (stopping.signal.aborted) reservationStore.cancelReservations()
  })

  /** The time of one attempt, which begins now. */
  const attempt = () => AbortSignal.any([stopping.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)])

  const inTurn = createTurns(attempt)

  /** A function that reserves; after its first success the listener exists and follows later reservations by itself. */
  function reserver(address: Multiaddr, peerId: PeerId): () => Promise<void> {
    let hasListener = false
    return async () => {
      const signal = attempt()
      const connection = await deps.node.dial(address, { signal })
      // The stream shows that the connection lives and that the relay serves; without it a dead connection would be reused.
      const probe = await connection.newStream(RELAY_V2_HOP_CODEC, { signal }).catch(async (cause) => {
        connection.abort(cause)
        throw cause
      })
      probe.abort(new Error('probe done'))
      if (options.claimant !== undefined)
        await claimAt(connection, { peer: deps.node.peerId.toString(), claimant: options.claimant }, signal)
      await inTurn(async () => {
        if (hasListener) await reservationStore.addRelay(peerId, 'configured')
        else await deps.access.transportManager.listen([address.encapsulate('/p2p-circuit')])
        hasListener = true
      })
    }
  }

  const spares = createSpares(options)

  async function supervise(relay: RelayAddress): Promise<void> {
    const { address, peerId } = relay
    const reserve = reserver(address, peerId)
    let wasReserved: boolean | undefined
    /** Tells each change once: a relay that is down for an hour is one event. */
    function tell(isReserved: boolean, detail: string): void {
      const isChanged = isReserved !== wasReserved
      wasReserved = isReserved
      spares.note(relay, isReserved)
      if (isChanged) options.onChange({ address: address.toString(), isReserved, detail })
      if (isChanged && !isReserved && spares.areThere) alarm.ring()
    }
    while (!stopping.signal.aborted) {
      if (!spares.isNeeded(relay)) {
        await alarm.sleep(CHECK_INTERVAL_MS)
        continue
      }
      try {
        const isNew = !reservationStore.hasReservation(peerId)
        if (isNew) await reserve()
        tell(true, '')
        if (isNew) options.onReserved?.()
      } catch (cause) {
        if (!stopping.signal.aborted) tell(false, detailOf(cause))
      }
      await alarm.sleep(wasReserved ? CHECK_INTERVAL_MS : RETRY_INTERVAL_MS)
    }
  }

  const running = options.relays.map(supervise)
  return {
    async stop() {
      stopping.abort(new Error('stopped'))
      await Promise.allSettled(running)
    },
  }
}
