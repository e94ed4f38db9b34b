import { WeftError } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import { serveHttp } from '#io/http/server.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHost } from '#io/p2p/host.ts'
import type { RegistrationChange } from '#io/p2p/registrar.ts'
import type { RelayChange } from '#io/p2p/relay-supervisor.ts'
import { sequencerPages, sequencerRoutes } from '#roles/sequencer/http/routes.ts'
import { createSequencer, type Sequencer, type SequencerDeps } from '#roles/sequencer/sequencer.ts'
import { anchorChain, anchorRpc, ipfsPlace, protocolSender, tellRefusals } from './adapters.ts'
import { claimantOf, SLOT_OF_SEQUENCER } from './claimant.ts'
import type { RoleHome } from './home.ts'
import { hostLimits, slotLimits } from './intake-limits.ts'
import { isLoopback } from './loopback.ts'
import { openMarket } from './market.ts'
import { createMoney } from './money.ts'
import { relayersOf } from './relayers.ts'
import type { Wire } from './role.ts'
import type { Settings } from './settings.ts'
import { countSealed, sequencerVitals } from './vitals.ts'

/** Bitswap moves a batch of this size in about a second; a browser still opens it. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024

/** Whoever reaches the routes may ask what they like, so beyond this machine they must know the token. Throws `SETTINGS_INVALID`. */
export function httpPlace({ httpListen, authReadToken }: Pick<Settings, 'httpListen' | 'authReadToken'>) {
  if (!isLoopback(httpListen) && authReadToken.reveal() === '')
    throw new WeftError('SETTINGS_INVALID', {
      problems: [`--http-listen ${httpListen} is open to other machines: it needs a read token, --auth-read-token (WEFT_AUTH_READ_TOKEN)`],
    })
  return { listen: httpListen, token: authReadToken.reveal() === '' ? undefined : authReadToken }
}

/** Relays of a list that a place is kept on: when one goes the other is there, and the rest are free for others. */
const RELAYERS_HELD = 2

/** How it is to be reached and found. */
async function waysToHost(settings: Settings, home: RoleHome, signal: AbortSignal) {
  const { point, addresses } = await relayersOf(settings, { home, signal })
  return {
    relays: [...new Set([...settings.relays, ...addresses])],
    relaysHeldMax: settings.relays.length + RELAYERS_HELD,
    claimant: claimantOf(settings, SLOT_OF_SEQUENCER),
    point,
    places: settings.rendezvousAt,
    onRelayChange: ({ address, isReserved, detail }: RelayChange) =>
      isReserved ? home.report('relay_reserved', { address }) : home.report('relay_lost', { address, detail }),
    onRegistrationChange: ({ place, isRegistered, detail }: RegistrationChange) =>
      isRegistered ? home.report('rendezvous_registered', { place }) : home.report('rendezvous_failed', { place, detail }),
  }
}

type Outside = Pick<SequencerDeps, 'chain' | 'sender' | 'listener' | 'recoverer' | 'receiptSigner'>

/** `through` may stand between the role and the outside; the devnet makes a liar with it. */
export const wireSequencer =
  (through: (outside: Outside) => Outside = (outside) => outside): Wire<Sequencer> =>
  async (settings, home, started, signal) => {
    const place = httpPlace(settings)
    const rpc = anchorRpc(settings, home)
    const chain = await anchorChain(settings, home, { rpc, signal })
    const ipfs = await ipfsPlace(settings, home, started)
    const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
    const host = await createSubmissionHost({
      identity: await home.identity(),
      listen: settings.p2pListen,
      ...hostLimits(settings),
      ...(await waysToHost(settings, home, signal)),
    })
    started.add('libp2p host', host)
    const sender = protocolSender(settings, home, rpc)
    const tellMore = tellRefusals(host, home)
    const countEpoch = countSealed(home.notes.recorder)
    const isSigning = settings.signedReceipts === 'on'
    const receiptSigner = isSigning ? createSigner(parsePrivateKey(settings.signerKey.reveal())) : undefined
    const sequencer = createSequencer(
      {
        batchBytesMax: BATCH_BYTES_MAX,
        epochsKept: settings.epochsKept,
        ipfsEpochsKept: settings.ipfsEpochsKept,
        daysKept: settings.daysKept,
        countsEveryEpochs: settings.countsEveryEpochs,
        dayBufferEpochs: settings.dayBufferEpochs,
        slotsPerUpdate: settings.slotsPerUpdate,
        slotLimits: slotLimits(settings),
      },
      {
        ...through({ chain, sender, listener: host, recoverer, receiptSigner }),
        store: home.store,
        rules: market.rules,
        ipfs: ipfs.copies.ipfs,
        copies: ipfs.copies,
        clock: systemClock,
        random: systemRandom,
        report: home.report,
        onEpoch(record) {
          countEpoch(record)
          tellMore()
        },
      },
    )
    const routes = sequencerRoutes({ sequencer, store: home.store, chain })
    const http = await serveHttp(
      { ...place, isPostEnveloped: true, routes, pages: sequencerPages() },
      { nowMs: systemClock.nowMs, report: home.report },
    )
    started.add('HTTP server', http)
    return {
      places: { p2p: host.addresses(), ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl], ...ipfs.carPlaces, http: [http.url] },
      handle: sequencer,
      vitals: {
        ...sequencerVitals(sequencer.stats, host.counts),
        money: createMoney(sender.address, { rpc: rpc.rpc, nowMs: systemClock.nowMs }),
      },
      run: market.beside((signal) => sequencer.run(signal)),
    }
  }
