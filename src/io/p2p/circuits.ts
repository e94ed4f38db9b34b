import type { Stream } from '@libp2p/interface'
import { createAddressCounts } from '#domain/address-limits.ts'

export interface CircuitLimits {
  /** Circuits in all: each costs two streams and their buffers, about 100 KiB at worst. */
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
}

export const CIRCUIT_LIMITS: CircuitLimits = {
  circuitsMax: 10_000,
  circuitsPerPeerMax: 16,
  circuitsPerAddressMax: 2_048,
  circuitBytesMax: 0,
  circuitMsMax: 0,
  circuitIdleMsMax: 120_000,
}

/** Who asked for a circuit. `address`: the part of its network address that somebody has to own, if it counts. */
export interface Caller {
  readonly peer: string
  readonly address: string | undefined
}

/** Its two streams: to whom asked for it, and to whom it leads. */
export interface Ends {
  readonly near: Pick<Stream, 'addEventListener' | 'abort'>
  readonly far: Pick<Stream, 'addEventListener' | 'abort'>
}

export interface Circuits {
  /** Whether the peer must not have another now. */
  isFull(caller: Caller): boolean
  /** Takes it up, and sees that it keeps to its limits from now on; false when there is no room by now. */
  add(caller: Caller, ends: Ends): boolean
  /** Ends those that have lasted too long, or carried nothing for too long. To be called about once a second. */
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
  end(why: string): void
}

/** The circuits of a relay, each bounded by itself and all of them together. */
export function createCircuits(limits: CircuitLimits, nowMs: () => number): Circuits {
  const circuits = new Set<Circuit>()
  const ofPeer = new Map<string, number>()
  const ofAddress = createAddressCounts(limits.circuitsPerAddressMax)
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
    if (why === undefined) return
    endedCount += 1
    circuit.end(why)
  }

  return {
    isFull,
    add(caller, { near, far }) {
      if (isFull(caller)) return false
      const atMs = nowMs()
      const circuit: Circuit = {
        ...caller,
        sinceMs: atMs,
        lastMs: atMs,
        bytes: 0,
        end(why) {
          for (const stream of [near, far]) stream.abort(new Error(why))
        },
      }
      const forget = () => {
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
    },
    count: () => circuits.size,
    callers: () => new Set(ofPeer.keys()),
    relayedBytes: () => relayedBytes,
    endedCount: () => endedCount,
  }
}
