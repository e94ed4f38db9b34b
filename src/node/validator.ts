import { WeftError } from '#domain/errors.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSubmissionHost } from '#io/p2p/host.ts'
import type { Level } from '#roles/validator/recheck.ts'
import type { Recomputer } from '#roles/validator/recompute.ts'
import { createValidator, type Validator } from '#roles/validator/validator.ts'
import { anchorChain, anchorRpc, ipfsPlace, recovererPool, sourceChain, tellRefusals } from './adapters.ts'
import { holdValidator } from './hold.ts'
import type { RoleHome } from './home.ts'
import { hostLimits } from './intake-limits.ts'
import { type Market, openMarket } from './market.ts'
import { createMoney } from './money.ts'
import { createRecomputer } from './recomputes.ts'
import type { Wire } from './role.ts'
import { protocolSender } from './sender.ts'
import type { Settings } from './settings/settings.ts'
import { snapshotterTerms } from './snapshotter-terms.ts'
import { twinsOf, withTwins } from './twins.ts'
import { countJudged, validatorVitals } from './vitals.ts'

export const wireValidator: Wire<Validator> = async (settings, home, started, signal) => {
  const rpc = anchorRpc(settings, home)
  const twins = twinsOf(settings, home, {
    rpc,
    chain: await anchorChain(settings, home, { rpc, signal }),
    sender: protocolSender(settings, home, rpc),
  })
  const { chain, sender } = twins
  await holdValidator(sender.address, { chain, home, started, signal })
  const ipfs = await ipfsPlace(settings, home, started)
  const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs.node, signal })
  const recomputer = settings.level === 'recompute' ? await recomputerOf(settings, { home, chain, market }, signal) : undefined
  const recoverer = recovererPool(home, started)
  const host =
    settings.hearListen.length > 0
      ? await createSubmissionHost({ identity: await home.identity(), listen: settings.hearListen, ...hostLimits(settings) })
      : undefined
  if (host !== undefined) {
    started.add('libp2p host', host)
    home.notes.peers.set('submissions', host.peers)
  }
  const countBatch = countJudged(home.notes.recorder)
  const tellMore = host === undefined ? () => undefined : tellRefusals(host, home)
  const validator = createValidator(
    {
      level: settings.level as Level,
      recomputeShareBp: settings.recomputeShare,
      epochsKept: settings.epochsKept,
      ipfsEpochsKept: settings.ipfsEpochsKept,
      keepsFinal: settings.keepFinal === 'on',
    },
    {
      store: home.store,
      chain,
      rules: market.rules,
      sender,
      ipfs: ipfs.copies.ipfs,
      peers: [...settings.ipfsPeers, ...settings.gateways.map((url) => new URL(url).origin)],
      clock: systemClock,
      random: systemRandom,
      recoverer,
      ...(recomputer && { recomputer }),
      ...(host && { listener: host }),
      onBatch(record) {
        countBatch(record)
        tellMore()
      },
      report: home.report,
      tracer: home.tracer,
    },
  )
  return {
    places: { ...(host && { p2p: host.addresses() }), ipfs: ipfs.node.addresses(), gateway: [ipfs.gatewayUrl], ...ipfs.carPlaces },
    handle: validator,
    vitals: {
      ...withTwins(
        validatorVitals(validator.stats, () => host?.counts() ?? {}),
        twins,
      ),
      money: createMoney(sender.address, { rpc: rpc.rpc, nowMs: systemClock.nowMs, report: home.report }),
    },
    run: market.beside((signal) => validator.run(signal)),
  }
}

async function recomputerOf(
  settings: Settings,
  {
    home,
    chain,
    market,
  }: { readonly home: Pick<RoleHome, 'report' | 'notes' | 'pools' | 'directory'>; readonly chain: AnchorChain; readonly market: Market },
  signal: AbortSignal,
): Promise<Recomputer> {
  const sourceRpcUrl = settings.recomputeRpcUrl
  if (sourceRpcUrl === '')
    throw new WeftError('SETTINGS_INVALID', { problems: ['--recompute-rpc-url (WEFT_RECOMPUTE_RPC_URL) is needed at level recompute'] })
  const source = await sourceChain({ ...settings, sourceRpcUrl }, { chain, home }, signal)
  const terms = snapshotterTerms(market, (computes) => computes)
  return createRecomputer({ source, terms, clock: systemClock, random: systemRandom, report: home.report })
}
