import type { Stream } from '@libp2p/interface'
import { networkOf } from '#domain/address-block.ts'
import { createAddressCounts } from '#domain/address-limits.ts'
import { createHoldings, type Holding } from './holdings.ts'

export interface CircuitLimits {
  /** Circuits in all: each costs two streams, some 20 KiB, and what waits in it. */
  readonly circuitsMax: number
  /** Circuits one peer may hold open: a collector needs one per sequencer, and a spare. */
  readonly circuitsPerPeerMax: number
  /** The same for all peers of one address, but for those of this machine. */
  readonly circuitsPerAddressMax: number
  /** Bytes, both ways together, that one circuit may carry; 0 for as many as it likes. */
  readonly circuitBytesMax: number
  /** How long one may last; 0 for as long as it likes. */
  readonly circuitMsMax: number
  /** One that carries nothing for so long ends: two peers that are there ping each other through it every 30 s. */
  readonly circuitIdleMsMax: number
  /** Bytes that wait in all of them for peers that do not read. Where there are more, those of the address with the most end. */
  readonly circuitHeldBytesMax: number
}

export const CIRCUIT_LIMITS: CircuitLimits = {
  circuitsMax: 10_000,
  circuitsPerPeerMax: 16,
  circuitsPerAddressMax: 2_048,
  circuitBytesMax: 0,
  circuitMsMax: 0,
  circuitIdleMsMax: 120_000,
  circuitHeldBytesMax: 256 * 1024 * 1024,
}

/** Who asked for a circuit. `address`: the part of its network address that somebody has to own, if it counts. */
export interface Caller {
  readonly peer: string
  readonly address: string | undefined
}

type End = Pick<Stream, 'addEventListener' | 'abort' | 'readBufferLength' | 'writeBufferLength'>

/** Its two streams, to whom asked for it and to whom it leads, and what waits between them. */
export interface Ends {
  readonly near: End
  readonly far: End
  heldBytes(): number
}

export interface Circuits {
  /** Whether the peer must not have another now. */
  isFull(caller: Caller): boolean
  /** Takes it up, and sees that it keeps to its limits from now on; false when there is no room by now. */
  add(caller: Caller, ends: Ends): boolean
  /** Ends those that have lasted too long, or carried nothing for too long, or hold too much. To be called about once a second. */
  sweep(): void
  count(): number
  /** Of those that are there now. */
  callers(): ReadonlySet<string>
  /** Since the start. */
  relayedBytes(): number
  /** How many were ended for a limit, since the start. */
  endedCount(): number
}

interface Circuit extends Caller {
  readonly sinceMs: number
  lastMs: number
  bytes: number
  readonly holding: Holding
  heldBytes(): number
  end(why: string): void
}

/** Who answers for what waits in it. Programs of this machine are each their own. */
const ownerOf = ({ peer, address }: Caller): string => (address === undefined ? peer : (networkOf(address) ?? address))

/** The circuits of a relay, each bounded by itself and all of them together. */
export function createCircuits(limits: CircuitLimits, nowMs: () => number): Circuits {
  const circuits = new Set<Circuit>()
  const ofPeer = new Map<string, number>()
  const ofAddress = createAddressCounts(limits.circuitsPerAddressMax)
  const holdings = createHoldings({ strangerBytesMax: limits.circuitHeldBytesMax, knownBytesMax: 0 })
  let relayedBytes = 0
  let endedCount = 0

  function isFull({ peer, address }: Caller): boolean {
    return (
      circuits.size >= limits.circuitsMax || (ofPeer.get(peer) ?? 0) >= limits.circuitsPerPeerMax || ofAddress.full(address) !== undefined
    )
  }

  function change({ peer, address }: Caller, by: 1 | -1): void {
    ofAddress.change(address, by)
    const next = (ofPeer.get(peer) ?? 0) + by
    if (next === 0) ofPeer.delete(peer)
    else ofPeer.set(peer, next)
  }

  /** Why it must end now. */
  function excess({ bytes, sinceMs, lastMs }: Circuit): string | undefined {
    if (limits.circuitBytesMax > 0 && bytes > limits.circuitBytesMax) return 'it has carried all that it may'
    if (limits.circuitMsMax > 0 && nowMs() - sinceMs >= limits.circuitMsMax) return 'it has lasted as long as it may'
    return nowMs() - lastMs >= limits.circuitIdleMsMax ? 'it carries nothing' : undefined
  }

  function endIfOver(circuit: Circuit): void {
    const why = excess(circuit)
    if (why !== undefined) endFor(why, circuit)
  }

  function endFor(why: string, circuit: Circuit): void {
    endedCount += 1
    circuit.end(why)
  }

  return {
    isFull,
    add(caller, { near, far, heldBytes }) {
      if (isFull(caller)) return false
      const atMs = nowMs()
      const circuit: Circuit = {
        ...caller,
        sinceMs: atMs,
        lastMs: atMs,
        bytes: 0,
        holding: holdings.open(ownerOf(caller), () => endFor('it holds more than there is room for', circuit)),
        heldBytes: () => [near, far].reduce((sum, end) => sum + end.readBufferLength + end.writeBufferLength, heldBytes()),
        end(why) {
          for (const stream of [near, far]) stream.abort(new Error(why))
        },
      }
      const forget = () => {
        circuit.holding.end()
        if (circuits.delete(circuit)) change(caller, -1)
      }
      circuits.add(circuit)
      change(caller, 1)
      for (const stream of [near, far]) {
        stream.addEventListener('message', ({ data }) => {
          circuit.lastMs = nowMs()
          circuit.bytes += data.byteLength
          relayedBytes += data.byteLength
          if (limits.circuitBytesMax > 0) endIfOver(circuit)
        })
        stream.addEventListener('close', forget)
      }
      return true
    },
    sweep() {
      for (const circuit of [...circuits]) endIfOver(circuit)
      // What one lets go of, others may have: each is asked only while it is there.
      for (const circuit of [...circuits]) if (circuits.has(circuit)) circuit.holding.set(circuit.heldBytes())
    },
    count: () => circuits.size,
    callers: () => new Set(ofPeer.keys()),
    relayedBytes: () => relayedBytes,
    endedCount: () => endedCount,
  }
}
