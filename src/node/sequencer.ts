import { WeftError } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import { serveHttp } from '#io/http/server.ts'
import { systemRandom } from '#io/keys/random.ts'
import { live } from '#life/live.ts'
import { sequencerPages, sequencerRoutes } from '#roles/sequencer/http/routes.ts'
import { createSequencer, type Sequencer, type SequencerDeps } from '#roles/sequencer/sequencer.ts'
import { anchorChain, anchorRpc, ipfsPlace, recovererPool } from './adapters.ts'
import { slotLimits } from './intake-limits.ts'
import { isLoopback, ownNames } from './loopback.ts'
import { openMarket } from './market.ts'
import { createMoney } from './money.ts'
import type { Wire } from './role.ts'
import type { SealingElsewhere } from './scale-out.ts'
import { hasSettled, protocolSender } from './sender.ts'
import type { Settings } from './settings/settings.ts'
import { signerOf } from './signer.ts'
import { twinsOf, withTwins } from './twins.ts'
import { countSealed, sequencerVitals } from './vitals.ts'
import { listensItself, type Ways } from './ways.ts'

/** Bitswap moves a batch of this size in about a second; a browser still opens it. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024

/** Whoever reaches the routes may ask what they like, so beyond this machine they must know the token, and without one call this machine by its name. Throws `SETTINGS_INVALID`. */
export function httpPlace({ httpListen, authReadToken, httpHosts }: Pick<Settings, 'httpListen' | 'authReadToken' | 'httpHosts'>) {
  const token = authReadToken.reveal() === '' ? undefined : authReadToken
  if (!isLoopback(httpListen) && token === undefined)
    throw new WeftError('SETTINGS_INVALID', {
      problems: [`--http-listen ${httpListen} is open to other machines: it needs a read token, --auth-read-token (WEFT_AUTH_READ_TOKEN)`],
    })
  return { listen: httpListen, token, isOwnName: token === undefined ? ownNames(httpHosts) : undefined }
}

type Outside = Pick<SequencerDeps, 'chain' | 'sender' | 'listener' | 'recoverer' | 'receiptSigner'>

/** `through` may stand between the role and the outside; the devnet makes a liar with it. In mode `seal` the votes come from the boxes, and calls wait until this process leads. */
export const wireSequencer =
  (through: (outside: Outside) => Outside = (outside) => outside): Wire<Sequencer> =>
  async (settings, home, started, signal) => {
    const place = httpPlace(settings)
    const rpc = anchorRpc(settings, home)
    const account = { rpc, chain: await anchorChain(settings, home, { rpc, signal }), sender: protocolSender(settings, home, rpc) }
    // The sealers of a sequencer in parts take turns with one account, each with a journal of its own.
    const twins = settings.mode === 'all' ? twinsOf(settings, home, account) : undefined
    const { chain, sender: own } = twins ?? account
    const ipfs = await ipfsPlace(settings, home, started)
    const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
    const { listener, sender, gather, onEpoch, places, refusedFrames, beside } =
      settings.mode === 'seal'
        ? await sealedElsewhere(settings, { home, started, chain, own, isSettled: () => hasSettled(rpc, own.address) })
        : await listensItself(settings, { home, started, own, signal })
    const countEpoch = countSealed(home.notes.recorder)
    const recoverer = recovererPool(home, started)
    const isSigning = settings.signedReceipts === 'on'
    const signer = isSigning ? signerOf(settings) : undefined
    const receiptSigner = signer && (twins?.guarded(signer) ?? signer)
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
        ...through({ chain, sender, listener, recoverer, receiptSigner }),
        store: home.store,
        rules: market.rules,
        ipfs: ipfs.copies.ipfs,
        copies: ipfs.copies,
        clock: systemClock,
        random: systemRandom,
        report: home.report,
        tracer: home.tracer,
        gather,
        onEpoch(record) {
          countEpoch(record)
          onEpoch()
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
      places: { ...places(), ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl], ...ipfs.carPlaces, http: [http.url] },
      handle: sequencer,
      vitals: {
        ...withTwins(sequencerVitals(sequencer.stats, refusedFrames), twins),
        money: createMoney(sender.address, { rpc: rpc.rpc, nowMs: systemClock.nowMs, report: home.report }),
      },
      run: market.beside((signal) =>
        live(signal, (life) => {
          void life.spawn(sequencer.run(life.signal))
          void life.spawn(beside(life.signal))
        }),
      ),
    }
  }

/** Only who needs NATS loads it. */
async function sealedElsewhere(settings: Settings, how: SealingElsewhere): Promise<Ways> {
  return (await import('./scale-out.ts')).sealingFrom(settings, how)
}
