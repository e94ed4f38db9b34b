import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createRelay } from '#io/p2p/relay.ts'
import { type Admission, createAdmission } from '#roles/relay/admit.ts'
import { createRelayRole, type RelayRole } from '#roles/relay/relay.ts'
import { anchorChain, anchorRpc } from './adapters.ts'
import type { RoleHome } from './home.ts'
import { doorLimits } from './intake-limits.ts'
import { relayLimits } from './relay-limits.ts'
import type { Wire } from './role.ts'
import type { Settings } from './settings/settings.ts'
import { relayVitals } from './vitals.ts'

/** Often enough to see a relay fill up, seldom enough to leave the log readable. */
const STATS_INTERVAL_MS = 60_000

export const wireRelay: Wire<RelayRole> = async (settings, home, started, signal) => {
  const admission = settings.admission === 'slots' ? await admissionBy(settings, home, signal) : undefined
  const relay = await createRelay({
    identity: await home.identity(),
    listen: settings.p2pListen,
    announce: settings.p2pAnnounce,
    limits: relayLimits(settings),
    door: doorLimits(settings),
    judge: admission?.judge,
    isRendezvous: settings.rendezvous === 'on',
  })
  started.add('libp2p relay', relay)
  const role = createRelayRole(
    { statsIntervalMs: STATS_INTERVAL_MS, drainMs: 1_000 * settings.drainSeconds },
    { relay, admission, clock: systemClock, report: home.report },
  )
  const vitals = relayVitals(role.stats, settings.reservationsMax)
  return { places: { p2p: relay.addresses() }, handle: role, vitals, run: (stopping) => role.run(stopping) }
}

async function admissionBy(settings: Settings, home: RoleHome, signal: AbortSignal): Promise<Admission> {
  const chain = await anchorChain(settings, home, { rpc: anchorRpc(settings, home), signal })
  return createAdmission({ chain, recoverer, clock: systemClock, random: systemRandom, report: home.report })
}
