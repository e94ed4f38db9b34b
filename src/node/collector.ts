import { systemClock } from '#io/clock/system.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { type Collector, createCollector } from '#roles/collector/collector.ts'
import type { Wire } from './role.ts'

export const wireCollector: Wire<Collector> = async (settings, home, started) => {
  const dialer = await createSubmissionDialer({ identity: home.identity() })
  started.add('libp2p dialer', dialer)
  const collector = createCollector(
    { addresses: settings.sequencers, alsoTo: settings.alsoTo },
    { store: home.store, dialer, clock: systemClock, random: systemRandom, report: home.report },
  )
  const server = await serveSubmissions({ ...hostAndPort(settings.grpcListen), handler: collector.handler })
  started.add('gRPC server', { stop: () => server.close() })
  return { places: { grpc: [server.endpoint] }, handle: collector, run: (signal) => collector.run(signal) }
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}
