import type { Address } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { type Collector, createCollector } from '#roles/collector/collector.ts'
import { persist } from '#life/persist.ts'
import { anchorChain, anchorRpc } from './adapters.ts'
import type { RoleHome } from './home.ts'
import type { Wire } from './role.ts'
import type { Settings } from './settings.ts'
import { trustedSequencers } from './trusted-sequencers.ts'

export const wireCollector: Wire<Collector> = async (settings, home, started, signal) => {
  const chain = hasChain(settings) ? await anchorChain(settings, home, { rpc: anchorRpc(settings, home), signal }) : undefined
  const addresses = await destinations(settings, { home, chain, signal })
  const dialer = await createSubmissionDialer({ identity: await home.identity() })
  started.add('libp2p dialer', dialer)
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
      ...(chain && { anchor: { chain, recoverer } }),
      // An orchestrator sends nobody here before.
      onReady: () => server.setServing(true),
    },
  )
  const server = await serveSubmissions({ ...hostAndPort(settings.grpcListen), handler: collector.handler })
  started.add('gRPC server', { stop: () => server.close() })
  return { places: { grpc: [server.endpoint] }, handle: collector, run: (signal) => collector.run(signal) }
}

/** It is the one role that may be without, and then lacks all that comes with it. */
const hasChain = (settings: { readonly anchorRpcUrl: string | undefined }): boolean => settings.anchorRpcUrl !== undefined

/** Where submissions go: what the operator named, then what the trusted list says. */
async function destinations(
  settings: Settings,
  { home, chain, signal }: { readonly home: RoleHome; readonly chain: AnchorChain | undefined; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  if (settings.trustedSequencers === '') return settings.sequencers
  const deps = { clock: systemClock, random: systemRandom, report: home.report }
  const readId = () => chain?.sequencerId() ?? Promise.resolve('')
  const sequencerId = await persist({ doing: 'read_market', attempt: readId, signal }, deps)
  const dataMarket: Address = settings.dataMarket
  return [...new Set([...settings.sequencers, ...(await trustedSequencers(settings, { dataMarket, sequencerId }, { home, signal }))])]
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}
