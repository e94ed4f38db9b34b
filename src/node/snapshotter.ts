import type { ComputeSet } from '#domain/compute.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { createSnapshotter, type Snapshotter } from '#roles/snapshotter/snapshotter.ts'
import { anchorChain, anchorRpc, ipfsPlace, sourceChain } from './adapters.ts'
import { openMarket } from './market.ts'
import type { Wire } from './role.ts'
import { snapshotterTerms } from './snapshotter-terms.ts'

/** `prepare` may change the computes before they run; the devnet makes a liar with it. */
export function wireSnapshotter(prepare: (computes: ComputeSet) => ComputeSet = (computes) => computes): Wire<Snapshotter> {
  return async (settings, home, started, signal) => {
    const rpc = anchorRpc(settings, home)
    const chain = await anchorChain(settings, home, { rpc, signal })
    const source = await sourceChain(settings, { chain, report: home.report }, signal)
    const ipfs = await ipfsPlace(settings, home, started)
    const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
    const collector = createSubmissionClient({ endpoint: settings.collector })
    started.add('gRPC client', { stop: () => collector.close() })
    const snapshotter = createSnapshotter(
      { slotIds: settings.slots, ipfsEpochsKept: settings.ipfsEpochsKept },
      {
        chain,
        source,
        ipfs: ipfs.copies.ipfs,
        store: home.store,
        clock: systemClock,
        random: systemRandom,
        signer: createSigner(parsePrivateKey(settings.signerKey.reveal())),
        collector,
        terms: snapshotterTerms(market, prepare),
        report: home.report,
      },
    )
    return {
      places: { ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl], ...ipfs.carPlaces },
      handle: snapshotter,
      run: market.beside((signal) => snapshotter.run(signal)),
    }
  }
}
