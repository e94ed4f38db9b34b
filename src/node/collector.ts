import { WeftError } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { type Collector, createCollector } from '#roles/collector/collector.ts'
import type { Wire } from './role.ts'

export const wireCollector: Wire<Collector> = async (settings, home, started) => {
  const dialer = await createSubmissionDialer({ identity: home.identity() })
  started.add(dialer)
  const collector = createCollector(
    { addresses: settings.sequencers },
    { store: home.store, dialer, clock: systemClock, random: systemRandom, report: home.report },
  )
  const server = await serveSubmissions({ ...hostAndPort(settings.grpcListen), handler: collector.handler })
  started.add({ stop: () => server.close() })
  return { places: { grpc: [server.endpoint] }, handle: collector, run: (signal) => collector.run(signal) }
}

function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535)
    throw new WeftError('SETTINGS_INVALID', { problems: [`--grpc-listen (WEFT_GRPC_LISTEN): '${text}' is not host:port`] })
  return { host, port: Number(port) }
}
