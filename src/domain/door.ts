import { addressBlock, isOwnMachine, networkOf } from './address-block.ts'
import { createAddressBuckets, createAddressCounts } from './address-limits.ts'
import type { BucketLimits } from './buckets.ts'

/**
 * Who may come in. A connection knocks when its socket is there, and enters when its handshake is done: silent sockets never do. Where too many knock at
 * once, the oldest that has said nothing gives way to the one that comes, or one that has been at it for half of its time; where all are in the midst of it the one that
 * comes is refused, since to throw those out would waste what they cost. Of connections each address has so many, and a network of IPv6 a few times as many.
 */
export interface DoorLimits {
  /** Handshakes under way at once, from one address and in all. */
  readonly pendingPerAddressMax: number
  readonly pendingMax: number
  /** How long one may take. */
  readonly handshakeMs: number
  readonly connectionsPerAddressMax: number
  /** Sockets that one address may open. */
  readonly knocks: BucketLimits
}

export const DOOR_LIMITS: DoorLimits = {
  pendingPerAddressMax: 64,
  // While a restarted sequencer is found again by all, this many handshakes of 3 ms are six seconds of one core.
  pendingMax: 2_000,
  handshakeMs: 10_000,
  // A company's snapshotters behind one NAT, and as many again that are replaced before the old ones are seen to be dead.
  connectionsPerAddressMax: 2_048,
  knocks: { tokensPerSecond: 200, tokensMax: 1_000 },
}

export interface Door {
  /** `undefined` when it is not let in. An address that is not known, and this machine, have no limits of their own. */
  knock(address: string | undefined, visitor: Visitor): Guest | undefined
}

interface Visitor {
  /** Whether nothing at all has come from it. */
  isSilent(): boolean
  /** It must go after all. May call `leave`. */
  turnAway(why: string): void
}

export interface Guest {
  /** The handshake is done. False when its address has enough connections. */
  enter(): boolean
  /** It is gone. To be called once or more. */
  leave(): void
}

interface Pending {
  readonly address: string | undefined
  readonly network: string | undefined
  readonly sinceMs: number
  readonly visitor: Visitor
}

export function createDoor(limits: DoorLimits, nowMs: () => number): Door {
  const knocks = createAddressBuckets(limits.knocks, nowMs)
  /** In the order of their coming. */
  const pending = new Set<Pending>()
  /** By address, of IPv6 by network. */
  const pendingPerOwner = new Map<string | undefined, number>()
  const connections = createAddressCounts(limits.connectionsPerAddressMax)
  const handshakes = createAddressCounts(limits.pendingPerAddressMax)

  function forget(one: Pending): void {
    if (!pending.delete(one)) return
    change(pendingPerOwner, one.network ?? one.address, -1)
    handshakes.change(one.address, -1)
  }

  /** `from`: an address, or a network. False when nobody from there gives way. */
  function makeRoom(from: string | undefined): boolean {
    const own = [...pending].filter(({ address, network }) => address === from || (network !== undefined && network === from))
    const patienceMs = limits.handshakeMs / 2
    const one = own.find(({ visitor }) => visitor.isSilent()) ?? own.find(({ sinceMs }) => nowMs() - sinceMs >= patienceMs)
    if (one === undefined) return false
    forget(one)
    one.visitor.turnAway('too many handshakes are under way')
    return true
  }

  return {
    knock(address, visitor) {
      const isStranger = address !== undefined && !isOwnMachine(address)
      if (isStranger && !knocks.take(address, 1)) return undefined
      const full = isStranger ? handshakes.full(address) : undefined
      if (full !== undefined && !makeRoom(full)) return undefined
      if (pending.size >= limits.pendingMax && !makeRoom(busiest(pendingPerOwner))) return undefined
      const network = address === undefined ? undefined : networkOf(address)
      const one: Pending = { address, network, sinceMs: nowMs(), visitor }
      pending.add(one)
      change(pendingPerOwner, network ?? address, 1)
      handshakes.change(address, 1)
      let isInside = false
      return {
        enter() {
          forget(one)
          if (isStranger && connections.full(address) !== undefined) return false
          isInside = true
          connections.change(address, 1)
          return true
        },
        leave() {
          forget(one)
          if (isInside) connections.change(address, -1)
          isInside = false
        },
      }
    },
  }
}

/** What the door sees of a connection of libp2p. */
interface Caller {
  readonly remoteAddr: { toString(): string }
  addEventListener(event: 'close', listener: () => void): void
  abort(reason: Error): void
}

/** What has come over TCP. The library has the socket and does not say so: `libp2p.test.ts` sees that silent ones give way. */
function bytesFrom(caller: Caller): number | undefined {
  return (caller as { readonly socket?: { readonly bytesRead?: number } }).socket?.bytesRead
}

/** The door, as libp2p's connection gater asks at it: before the handshake of a connection that comes, and when it is done. */
export function createGater(limits: DoorLimits, nowMs: () => number) {
  const door = createDoor(limits, nowMs)
  const guests = new WeakMap<Caller, Guest>()
  return {
    denyInboundConnection(caller: Caller): boolean {
      const guest = door.knock(addressBlock(caller.remoteAddr.toString()), {
        isSilent: () => bytesFrom(caller) === 0,
        turnAway: (why) => caller.abort(new Error(why)),
      })
      if (guest === undefined) return true
      guests.set(caller, guest)
      caller.addEventListener('close', () => guest.leave())
      return false
    },
    denyInboundUpgradedConnection: (_: unknown, caller: Caller): boolean => guests.get(caller)?.enter() === false,
  }
}

function busiest(counts: ReadonlyMap<string | undefined, number>): string | undefined {
  let most: readonly [string | undefined, number] = [undefined, 0]
  for (const entry of counts) if (entry[1] > most[1]) most = entry
  return most[0]
}

function change(counts: Map<string | undefined, number>, address: string | undefined, by: number): void {
  const next = (counts.get(address) ?? 0) + by
  if (next === 0) counts.delete(address)
  else counts.set(address, next)
}
