import type { Relay } from '#io/p2p/port.ts'
import { createRelay } from '#io/p2p/relay.ts'
import type { Wire } from './start.ts'

export const wireRelay: Wire<Relay> = async (settings, home, started) => {
  const relay = await createRelay({ identity: home.identity(), listen: settings.p2pListen, limits: { reservationsMax: settings.reservationsMax } })
  started.add(relay)
  return { places: { p2p: relay.addresses() }, handle: relay, run: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })) }
}
