import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { live } from '#life/live.ts'
import { type Api, createApi } from '#roles/api/api.ts'
import { anchorChain, anchorRpc, ipfsPlace } from './adapters.ts'
import { openIndex } from './index-database.ts'
import { openMarket } from './market.ts'
import type { Wire } from './role.ts'
import { startServe } from './serve.ts'
import { apiVitals } from './vitals.ts'

export const wireApi: Wire<Api> = async (settings, home, started, signal) => {
  const rpc = anchorRpc(settings, home)
  const chain = await anchorChain(settings, home, { rpc, signal })
  const ipfs = await ipfsPlace(settings, home, started)
  const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
  const index = await openIndex(settings.database, { chain, home }, signal)
  started.add('index', { stop: () => index.database.close() })
  const api = createApi(
    { historyEpochs: settings.historyEpochs },
    {
      chain,
      database: index.database,
      ipfs: ipfs.copies.ipfs,
      store: home.store,
      clock: systemClock,
      random: systemRandom,
      report: home.report,
    },
  )
  const parts = { settings, home, chain, rpc: rpc.rpc, ipfs: ipfs.copies.ipfs, market, index: index.database }
  const { serve, url } = await startServe(parts, started)
  api.onNews(serve.wake)
  return {
    places: { http: [url], index: [index.place], ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl], ...ipfs.carPlaces },
    handle: api,
    vitals: apiVitals(api.stats),
    run: market.beside((signal) =>
      live(signal, (life) => {
        void life.spawn(api.run(life.signal))
        void life.spawn(serve.run(life.signal))
      }),
    ),
  }
}
