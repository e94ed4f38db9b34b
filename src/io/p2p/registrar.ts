import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { detailOf } from '#domain/errors.ts'
import { type Claimant, claimAt } from './admission.ts'
import { createAlarm } from './alarm.ts'
import { sealRecord } from './peer-record.ts'
import type { RelayAddress } from './relay-supervisor.ts'
import { registerAt } from './rendezvous-client.ts'

/** How long a registration is to hold: as long as others believe the addresses of one that has died. */
const TTL_SECONDS = 15 * 60
/** How often it is renewed: a place that has started anew knows nobody. */
const RENEW_INTERVAL_MS = 60_000
/** After a failure. */
const RETRY_INTERVAL_MS = 5_000
/** Dialing and asking; a place on the other side of the world takes a second. */
const ATTEMPT_TIMEOUT_MS = 10_000

/** What changed about one place: this peer is to be found there now, or it is not, and why. */
export interface RegistrationChange {
  readonly place: string
  readonly isRegistered: boolean
  /** Empty when it is registered. */
  readonly detail: string
}

export interface RegistrarOptions {
  readonly places: readonly RelayAddress[]
  readonly point: string
  readonly claimant?: Claimant | undefined
  readonly onChange: (change: RegistrationChange) => void
}

export interface RegistrarDeps {
  readonly node: Pick<Libp2p, 'dial' | 'peerId'>
  readonly privateKey: PrivateKey
  /** Where this peer is reached now. */
  readonly addresses: () => readonly string[]
}

/** Keeps this peer registered under a name at every place, with the addresses that it has. */
export interface Registrar {
  /** They have changed, or a place may have started anew. */
  ring(): void
  stop(): Promise<void>
}

/** Nothing about a place makes it fail. */
export function keepRegistered({ places, point, claimant, onChange }: RegistrarOptions, deps: RegistrarDeps): Registrar {
  const stopping = new AbortController()
  const alarm = createAlarm(stopping.signal)
  /** How often it has rung. */
  let rings = 0

  async function register({ address }: RelayAddress): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)])
    const connection = await deps.node.dial(address, { signal })
    if (claimant !== undefined) await claimAt(connection, { peer: deps.node.peerId.toString(), claimant }, signal)
    const record = await sealRecord(deps.addresses(), deps.privateKey)
    await registerAt(connection, { namespace: point, record, ttlSeconds: TTL_SECONDS }, signal)
  }

  async function keepAt(place: RelayAddress): Promise<void> {
    let wasRegistered: boolean | undefined
    while (!stopping.signal.aborted) {
      const ringsBefore = rings
      const failure = await register(place).then(
        () => undefined,
        (cause: unknown) => ({ detail: detailOf(cause) }),
      )
      if (stopping.signal.aborted) return
      const isRegistered = failure === undefined
      if (isRegistered !== wasRegistered) onChange({ place: place.address.toString(), isRegistered, detail: failure?.detail ?? '' })
      wasRegistered = isRegistered
      // Who rings while it is under way means what comes after it.
      if (rings !== ringsBefore) continue
      await alarm.sleep(isRegistered ? RENEW_INTERVAL_MS : RETRY_INTERVAL_MS)
    }
  }

  const running = places.map(keepAt)
  return {
    ring() {
      rings += 1
      alarm.ring()
    },
    async stop() {
      stopping.abort(new Error('stopped'))
      await Promise.allSettled(running)
    },
  }
}
