import type { ComputeSet } from '#domain/compute.ts'
import { toldOf } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { samePlan } from '#roles/snapshotter/plan.ts'
import { type Snapshotter, startSnapshotter } from '#roles/snapshotter/snapshotter.ts'
import { anchorChain, ipfsPlace, sourceChain } from './adapters.ts'
import type { Wire } from './role.ts'

/** `prepare` may change the computes before they run; the devnet makes a liar with it. */
export function wireSnapshotter(prepare: (computes: ComputeSet) => ComputeSet = (computes) => computes): Wire<Snapshotter> {
  return async (settings, home, started) => {
    // First: computes that do not fit together are told before anything is connected.
    const planOf = samePlan({ ...settings.market, computes: prepare(settings.market.computes) }, settings.namespace)
    const chain = await anchorChain(settings, home)
    const source = await sourceChain(settings)
    const ipfs = await ipfsPlace(settings, home, started)
    const collector = createSubmissionClient({ endpoint: settings.collector })
    started.add('gRPC client', { stop: () => collector.close() })
    const snapshotter = await startSnapshotter(
      { slotIds: settings.slots, windowUnit: settings.windowUnit as 'blocks' | 'seconds' },
      {
        chain,
        source,
        ipfs: ipfs.node,
        store: home.store,
        clock: systemClock,
        random: systemRandom,
        signer: createSigner(parsePrivateKey(settings.signerKey.reveal())),
        collector,
        planOf,
        onEpoch: (summary) => home.report('epoch_done', { ...summary }),
        onTrouble: (failure) => home.report('trouble', toldOf(failure)),
      },
    )
    return {
      places: { ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl] },
      handle: snapshotter,
      async run(signal) {
        signal.addEventListener(
          'abort',
          () => void snapshotter.stop().catch((failure: unknown) => home.report('stop_failed', { detail: String(failure) })),
          { once: true },
        )
        await snapshotter.ended
      },
    }
  }
}
