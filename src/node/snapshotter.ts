import { readFileSync } from 'node:fs'
import { uniswapV2, type UniswapV2Config } from 'weft/computes/uniswap-v2'
import type { ComputeSet } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { parseSlotId } from '#domain/ids.ts'
import { systemClock } from '#io/clock/system.ts'
import { createSubmissionClient } from '#io/grpc/client.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { type Snapshotter, startSnapshotter } from '#roles/snapshotter/snapshotter.ts'
import { anchorChain, ipfsPlace, sourceChain } from './adapters.ts'
import type { Wire } from './start.ts'

/** `prepare` may change the computes before they run; the devnet makes a liar with it. */
export function wireSnapshotter(prepare: (computes: ComputeSet) => ComputeSet = (computes) => computes): Wire<Snapshotter> {
  return async (settings, home, started) => {
    const chain = await anchorChain(settings, home)
    const source = await sourceChain(settings)
    const ipfs = await ipfsPlace(settings, home, started)
    const collector = createSubmissionClient({ endpoint: settings.collector })
    started.add({ stop: () => collector.close() })
    const snapshotter = await startSnapshotter(
      { namespace: settings.namespace, slotIds: settings.slots.map(parseSlotId), windowUnit: settings.windowUnit as 'blocks' | 'seconds' },
      {
        chain,
        source,
        ipfs: ipfs.node,
        store: home.store,
        clock: systemClock,
        random: systemRandom,
        signer: createSigner(parsePrivateKey(settings.signerKey.reveal())),
        collector,
        computes: prepare(uniswapV2(readMarket(settings.market))),
        onEpoch: (summary) => home.report('epoch_done', { ...summary }),
        onTrouble: (failure) => home.report('trouble', { code: failure.code, detail: failure.message }),
      },
    )
    return {
      places: { ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl] },
      handle: snapshotter,
      async run(signal) {
        signal.addEventListener('abort', () => void snapshotter.stop().catch((failure: unknown) => home.report('stop_failed', { detail: String(failure) })), { once: true })
        await snapshotter.ended
      },
    }
  }
}

/** The market's contracts and pairs. Throws `SETTINGS_INVALID`. */
export function readMarket(path: string): UniswapV2Config {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as UniswapV2Config
  } catch (failure) {
    throw new WeftError('SETTINGS_INVALID', { problems: [`--market (WEFT_MARKET): ${path} cannot be read as JSON`] }, failure)
  }
}
