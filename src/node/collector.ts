import type { Address } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { createGatewayReader } from '#io/ipfs/gateway-reader.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import type { Rendezvous } from '#io/p2p/port.ts'
import { type Collector, createCollector } from '#roles/collector/collector.ts'
import type { Meeting } from '#roles/collector/find.ts'
import { persist } from '#life/persist.ts'
import { anchorChain, anchorRpc, GATEWAY_TIMEOUT_MS, gatewaysTold } from './adapters.ts'
import { claimantOf } from './claimant.ts'
import type { RoleHome } from './home.ts'
import { finalPeerIn } from './peer-address.ts'
import type { PublishedDeps } from './published-list.ts'
import { relayersOf } from './relayers.ts'
import type { Wire } from './role.ts'
import type { Settings } from './settings/settings.ts'
import { isPeerId, trustedSequencers } from './trusted-sequencers.ts'
import { collectorVitals } from './vitals.ts'

export const wireCollector: Wire<Collector> = async (settings, home, started, signal) => {
  const chain = hasChain(settings) ? await anchorChain(settings, home, { rpc: anchorRpc(settings, home), signal }) : undefined
  const sequencerId = chain === undefined || !isNameNeeded(settings) ? '' : await sequencerIdOf(chain, home, signal)
  const addresses = await destinations(settings, sequencerId, { home, signal })
  const dialer = await createSubmissionDialer({ identity: await home.identity(), claimant: claimantOf(settings, settings.slots?.[0]) })
  started.add('libp2p dialer', dialer)
  const meeting = await meetingOf(settings, { dialer, addresses, sequencerId }, { home, signal })
  const limits = {
    openMax: settings.outboxMax,
    openPerSlotMax: settings.outboxPerSlotMax,
    ageMaxMs: 1_000 * settings.outboxAgeMax,
  }
  const collector = createCollector(
    { addresses, alsoTo: settings.alsoTo, limits },
    {
      store: home.store,
      dialer,
      clock: systemClock,
      random: systemRandom,
      report: home.report,
      tracer: home.tracer,
      ...(chain && { anchor: { chain, recoverer } }),
      ipfs: batchesAt(settings.gateways, home),
      meeting,
      // An orchestrator sends nobody here before.
      onReady: () => server.setServing(true),
    },
  )
  const server = await serveSubmissions({ ...hostAndPort(settings.grpcListen), handler: collector.handler })
  started.add('gRPC server', { stop: () => server.close() })
  const vitals = collectorVitals(collector.stats)
  return { places: { grpc: [server.endpoint] }, handle: collector, vitals, run: (signal) => collector.run(signal) }
}

/** Where the batches of an epoch are read, if anywhere. */
const batchesAt = (urls: readonly string[], home: RoleHome) =>
  urls.length === 0 ? undefined : createGatewayReader({ urls, timeoutMs: GATEWAY_TIMEOUT_MS }, gatewaysTold(home))

/** It is the one role that may be without, and then lacks all that comes with it. */
const hasChain = (settings: { readonly anchorRpcUrl: string | undefined }): boolean => settings.anchorRpcUrl !== undefined

/** Whether the peer id that the chain has for the sequencer says anything here. */
const isNameNeeded = ({ trustedSequencers, rendezvousPoint, relayers }: Settings): boolean =>
  `${trustedSequencers}${rendezvousPoint}${relayers}` !== ''

function sequencerIdOf(chain: AnchorChain, home: RoleHome, signal: AbortSignal): Promise<string> {
  const deps = { clock: systemClock, random: systemRandom, report: home.report }
  return persist({ doing: 'read_market', attempt: () => chain.sequencerId(), signal }, deps)
}

/** Where submissions go: what the operator named, then what the trusted list says. */
async function destinations(settings: Settings, sequencerId: string, deps: PublishedDeps): Promise<readonly string[]> {
  if (settings.trustedSequencers === '') return settings.sequencers
  const dataMarket: Address = settings.dataMarket
  return [...new Set([...settings.sequencers, ...(await trustedSequencers(settings, { dataMarket, sequencerId }, deps))])]
}

interface Known {
  readonly dialer: Rendezvous
  readonly addresses: readonly string[]
  readonly sequencerId: string
}

/** Where more addresses are found of peers that are known to be sequencers of the market. */
async function meetingOf(settings: Settings, { dialer, addresses, sequencerId }: Known, deps: PublishedDeps): Promise<Meeting | undefined> {
  const relayers = await relayersOf(settings, deps)
  const places = [...new Set([...settings.rendezvousAt, ...relayers.addresses])]
  const peers = [finalPeerIn(sequencerId) ?? sequencerId, ...addresses.map((address) => finalPeerIn(address) ?? '')].filter(isPeerId)
  return relayers.point === undefined || places.length === 0 ? undefined : { rendezvous: dialer, places, point: relayers.point, peers }
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}
