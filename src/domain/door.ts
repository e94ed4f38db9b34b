import { isOwnMachine } from './address-block.ts'
import { type BucketLimits, createBuckets } from './buckets.ts'

/**
 * Who may come in. A connection knocks when its socket is there, and enters when its handshake is done: silent sockets never do. Where too many knock at
 * once, the one that has been at it for longest gives way, not the one that comes: a handshake takes milliseconds, and whoever is still there after many others
 * came has nothing to say. Of connections each address has so many.
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
  // While a restarted sequencer is found again by all, this many handshakes of 3 ms are a second and a half of one core.
  pendingMax: 500,
  handshakeMs: 10_000,
  // A company's snapshotters behind one NAT, and as many again that are replaced before the old ones are seen to be dead.
  connectionsPerAddressMax: 2_048,
  knocks: { tokensPerSecond: 200, tokensMax: 1_000 },
}

export interface Door {
  /** `undefined` when it is not let in. `turnAway` is called when it must go after all; it may call `leave`. An address that is not known has no limits of its own. */
  knock(address: string | undefined, turnAway: (why: string) => void): Guest | undefined
}

export interface Guest {
  /** The handshake is done. False when its address has enough connections. */
  enter(): boolean
  /** It is gone. To be called once or more. */
  leave(): void
}

interface Pending {
  readonly address: string | undefined
  readonly sinceMs: number
  turnAway(why: string): void
}

export function createDoor(limits: DoorLimits, nowMs: () => number): Door {
  const knocks = createBuckets(limits.knocks, nowMs)
  /** In the order of their coming. */
  const pending = new Set<Pending>()
  const pendingPerAddress = new Map<string | undefined, number>()
  const connections = new Map<string | undefined, number>()

  function sendAway(one: Pending | undefined, why: string): void {
    if (one === undefined) return
    forget(one)
    one.turnAway(why)
  }

  function forget(one: Pending): void {
    if (pending.delete(one)) change(pendingPerAddress, one.address, -1)
  }

  function makeRoom(address: string | undefined): void {
    for (const one of pending) {
      if (nowMs() - one.sinceMs < limits.handshakeMs) break
      sendAway(one, 'the handshake took too long')
    }
    if (address !== undefined && (pendingPerAddress.get(address) ?? 0) >= limits.pendingPerAddressMax)
      sendAway(oldestOf(pending, address), 'too many handshakes of its address are under way')
    if (pending.size >= limits.pendingMax) sendAway(oldestOf(pending, busiest(pendingPerAddress)), 'too many handshakes are under way')
  }

  return {
    knock(address, turnAway) {
      const isStranger = address !== undefined && !isOwnMachine(address)
      if (isStranger && !knocks.take(address, 1)) return undefined
      makeRoom(address)
      const one: Pending = { address, sinceMs: nowMs(), turnAway }
      pending.add(one)
      change(pendingPerAddress, address, 1)
      let isInside = false
      return {
        enter() {
          forget(one)
          if (isStranger && (connections.get(address) ?? 0) >= limits.connectionsPerAddressMax) return false
          isInside = true
          change(connections, address, 1)
          return true
        },
        leave() {
          forget(one)
          if (isInside) change(connections, address, -1)
          isInside = false
        },
      }
    },
  }
}

function oldestOf(pending: ReadonlySet<Pending>, address: string | undefined): Pending | undefined {
  for (const one of pending) if (one.address === address) return one
  return undefined
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
