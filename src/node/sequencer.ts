import type { ProtocolSender } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHost, type SubmissionHost } from '#io/p2p/host.ts'
import { createSequencer, type Sequencer } from '#roles/sequencer/sequencer.ts'
import { anchorChain, ipfsPlace, protocolSender } from './adapters.ts'
import type { RoleHome } from './home.ts'
import { openMarket } from './market.ts'
import type { Wire } from './role.ts'

/** Bitswap moves a batch of this size in about a second; a browser still opens it. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024

/** What the adapter refused is told when there is more of it. */
export function tellRefusals(host: Pick<SubmissionHost, 'counts'>, home: Pick<RoleHome, 'report'>): () => void {
  let told = '{}'
  return () => {
    const counts = host.counts()
    if (JSON.stringify(counts) !== told) home.report('frames_refused', counts)
    told = JSON.stringify(counts)
  }
}

/** `through` may stand between the role and its account; the devnet makes a liar with it. */
export const wireSequencer =
  (through: (sender: ProtocolSender) => ProtocolSender = (sender) => sender): Wire<Sequencer> =>
  async (settings, home, started, signal) => {
    const chain = await anchorChain(settings, home)
    const sender = through(protocolSender(settings, home))
    const ipfs = await ipfsPlace(settings, home, started)
    const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
    const host = await createSubmissionHost({ identity: home.identity(), listen: settings.p2pListen, relays: settings.relays })
    started.add('libp2p host', host)
    const sequencer = createSequencer(
      {
        batchBytesMax: BATCH_BYTES_MAX,
        epochsKept: settings.epochsKept,
        ipfsEpochsKept: settings.ipfsEpochsKept,
      },
      {
        store: home.store,
        chain,
        rules: market.rules,
        sender,
        ipfs: ipfs.node,
        listener: host,
        clock: systemClock,
        random: systemRandom,
        recoverer,
        report: home.report,
        onEpoch: tellRefusals(host, home),
      },
    )
    return {
      places: { p2p: host.addresses(), ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl] },
      handle: sequencer,
      run: market.beside((signal) => sequencer.run(signal)),
    }
  }
