import { systemClock } from '#io/clock/system.ts'
import { createRelay } from '#io/p2p/relay.ts'
import { createRelayRole, type RelayRole } from '#roles/relay/relay.ts'
import type { Wire } from './role.ts'

/** Often enough to see a relay fill up, seldom enough to leave the log readable. */
const STATS_INTERVAL_MS = 60_000

export const wireRelay: Wire<RelayRole> = async (settings, home, started) => {
  const relay = await createRelay({
    identity: await home.identity(),
    listen: settings.p2pListen,
    limits: { reservationsMax: settings.reservationsMax },
  })
  started.add('libp2p relay', relay)
  const role = createRelayRole({ statsIntervalMs: STATS_INTERVAL_MS }, { relay, clock: systemClock, report: home.report })
  return { places: { p2p: relay.addresses() }, handle: role, run: (signal) => role.run(signal) }
}
