import { ANSWER_BYTES_MAX, COOKIE_BYTES_MAX, NAMESPACE_BYTES_MAX, type Registered, type RendezvousStatus } from '#wire/rendezvous-frame.ts'

export interface RegistrationLimits {
  /** In all: 20 MB of records at most. */
  readonly registrationsMax: number
  /** Peers under one name: the sequencers of a market, many times over. */
  readonly perNamespaceMax: number
  /** Names of one peer. */
  readonly perPeerMax: number
  /** Of all peers of one address, so that nobody takes every place with identities, which are free. */
  readonly perAddressMax: number
  /** Seconds: what is asked for is refused outside of these, as the specification has it; what nobody asks for is the default. */
  readonly ttlSecondsMin: number
  readonly ttlSecondsMax: number
  readonly ttlSecondsDefault: number
  /** Peers told of in one answer. */
  readonly discoveredMax: number
}

export const REGISTRATION_LIMITS: RegistrationLimits = {
  registrationsMax: 10_000,
  perNamespaceMax: 1_000,
  perPeerMax: 16,
  perAddressMax: 64,
  ttlSecondsMin: 60,
  ttlSecondsMax: 72 * 60 * 60,
  ttlSecondsDefault: 2 * 60 * 60,
  discoveredMax: 100,
}

/** Who asks. `address`: the part of its network address that somebody has to own. */
export interface Registrant {
  readonly peer: string
  readonly address: string
}

export interface Registrations {
  /** In place of what the peer has registered under that name before. Whether the record is the peer's own is seen before. */
  register(
    who: Registrant,
    what: { readonly namespace: string; readonly record: Uint8Array; readonly ttlSeconds: number | undefined },
  ): { readonly status: RendezvousStatus; readonly ttlSeconds: number }
  unregister(peer: string, namespace: string): void
  /** Oldest first; with the cookie of an answer, what came after it. */
  discover(asked: {
    readonly namespace: string | undefined
    readonly limit: number | undefined
    readonly cookie: Uint8Array | undefined
  }): {
    readonly status: RendezvousStatus
    readonly registrations: readonly Registered[]
    readonly cookie: Uint8Array
  }
  count(): number
}

interface Entry extends Registrant {
  readonly namespace: string
  readonly record: Uint8Array
  readonly expiresMs: number
  /** Each registration has a higher one than all before it. */
  readonly number: number
}

/** Beside the record its name, and few fields. */
const bytesOf = ({ record }: Entry): number => record.length + NAMESPACE_BYTES_MAX + 32
const keyOf = (peer: string, namespace: string): string => `${peer} ${namespace}`

/**
 * Who is registered under which name, until it expires: also after the peer is gone, as the specification has it. What is full refuses those
 * that come, and pushes nobody out. `run`: eight bytes of this run, so that a cookie of another is known as such.
 */
export function createRegistrations(
  limits: RegistrationLimits,
  { nowMs, run }: { readonly nowMs: () => number; readonly run: Uint8Array },
): Registrations {
  /** Oldest first. */
  const entries = new Map<string, Entry>()
  const cookies = createCookies(run)
  let lastNumber = 0

  /** With some thousand entries a walk over them costs less than what it took to check the record that it is for. */
  function forgetExpired(): void {
    for (const [key, { expiresMs }] of entries) if (expiresMs <= nowMs()) entries.delete(key)
  }

  function hasRoom({ peer, address }: Registrant, namespace: string): boolean {
    if (entries.has(keyOf(peer, namespace))) return true
    const count = (isCounted: (entry: Entry) => boolean) => entries.values().filter(isCounted).toArray().length
    return (
      entries.size < limits.registrationsMax &&
      count((entry) => entry.namespace === namespace) < limits.perNamespaceMax &&
      count((entry) => entry.peer === peer) < limits.perPeerMax &&
      count((entry) => entry.address === address) < limits.perAddressMax
    )
  }

  return {
    register(who, { namespace, record, ttlSeconds = limits.ttlSecondsDefault }) {
      if (!isNamespace(namespace)) return { status: 'E_INVALID_NAMESPACE', ttlSeconds: 0 }
      if (ttlSeconds < limits.ttlSecondsMin || ttlSeconds > limits.ttlSecondsMax) return { status: 'E_INVALID_TTL', ttlSeconds: 0 }
      forgetExpired()
      if (!hasRoom(who, namespace)) return { status: 'E_UNAVAILABLE', ttlSeconds: 0 }
      const key = keyOf(who.peer, namespace)
      lastNumber += 1
      entries.delete(key)
      entries.set(key, { ...who, namespace, record, expiresMs: nowMs() + 1_000 * ttlSeconds, number: lastNumber })
      return { status: 'OK', ttlSeconds }
    },
    unregister: (peer, namespace) => void entries.delete(keyOf(peer, namespace)),
    discover({ namespace, limit = limits.discoveredMax, cookie }) {
      if (namespace !== undefined && !isNamespace(namespace))
        return { status: 'E_INVALID_NAMESPACE', registrations: [], cookie: new Uint8Array(0) }
      const after = cookie === undefined ? 0 : cookies.read(cookie, namespace)
      if (after === undefined) return { status: 'E_INVALID_COOKIE', registrations: [], cookie: new Uint8Array(0) }
      forgetExpired()
      const found: Entry[] = []
      let left = ANSWER_BYTES_MAX - COOKIE_BYTES_MAX
      for (const entry of entries.values()) {
        if (entry.number <= after || (namespace !== undefined && entry.namespace !== namespace)) continue
        left -= bytesOf(entry)
        if (left < 0 || found.length >= Math.min(limit, limits.discoveredMax)) break
        found.push(entry)
      }
      const registrations = found.map((entry) => ({ ...entry, ttlSeconds: Math.ceil((entry.expiresMs - nowMs()) / 1_000) }))
      return { status: 'OK', registrations, cookie: cookies.write(found.at(-1)?.number ?? after, namespace) }
    },
    count() {
      forgetExpired()
      return entries.size
    },
  }
}

const encoder = new TextEncoder()

const isNamespace = (text: string): boolean => text.length > 0 && encoder.encode(text).length <= NAMESPACE_BYTES_MAX

const RUN_BYTES = 8
const NUMBER_BYTES = 8

/** The run, the number up to which was told, the name it was of. */
function createCookies(run: Uint8Array) {
  return {
    write(number: number, namespace: string | undefined): Uint8Array {
      const name = encoder.encode(namespace ?? '')
      const cookie = new Uint8Array(RUN_BYTES + NUMBER_BYTES + name.length)
      cookie.set(run.subarray(0, RUN_BYTES))
      new DataView(cookie.buffer).setBigUint64(RUN_BYTES, BigInt(number))
      cookie.set(name, RUN_BYTES + NUMBER_BYTES)
      return cookie
    },
    /** `undefined` when it was not given out here, or for another name. */
    read(cookie: Uint8Array, namespace: string | undefined): number | undefined {
      if (cookie.length < RUN_BYTES + NUMBER_BYTES || cookie.length > COOKIE_BYTES_MAX) return undefined
      const isOurs = cookie.subarray(0, RUN_BYTES).every((byte, index) => byte === run[index])
      const name = new TextDecoder().decode(cookie.subarray(RUN_BYTES + NUMBER_BYTES))
      if (!isOurs || name !== (namespace ?? '')) return undefined
      return Number(new DataView(cookie.buffer, cookie.byteOffset).getBigUint64(RUN_BYTES))
    },
  }
}
