import { randomUUID } from 'node:crypto'
import { WeftError } from '#domain/errors.ts'
import type { AnchorChain, ProtocolSender } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import { systemRandom } from '#io/keys/random.ts'
import { openJetStream } from '#io/log/jetstream.ts'
import type { Shared } from '#io/log/port.ts'
import type { SubmissionHost } from '#io/p2p/host.ts'
import { createBallotBox } from '#roles/sequencer/scale-out/ballot-box.ts'
import { gatherFrom } from '#roles/sequencer/scale-out/gather.ts'
import { createLeading } from '#roles/sequencer/scale-out/lead.ts'
import { createListening, type Part, type PartDeps } from '#roles/sequencer/scale-out/listen.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { anchorChain, anchorRpc, ipfsPlace, recovererPool, tellRefusals } from './adapters.ts'
import type { Places, RoleHome } from './home.ts'
import { slotLimits } from './intake-limits.ts'
import { type MarketDeps, openMarket } from './market.ts'
import type { Wire } from './role.ts'
import type { Settings } from './settings/settings.ts'
import { signerOf } from './signer.ts'
import { aborted, type Started } from './stop.ts'
import { partVitals } from './vitals.ts'
import { submissionHost, type Ways } from './ways.ts'

/** The parts of a sequencer that is several processes. */

/** A listener, or the ballot box of a partition. */
export const wirePart =
  (mode: 'listen' | 'ballot'): Wire<Part> =>
  async (settings, home, started, signal) => {
    const chain = await anchorChain(settings, home, { rpc: anchorRpc(settings, home), signal })
    const ipfs = settings.ipfsPeers.length + settings.gateways.length === 0 ? undefined : await ipfsPlace(settings, home, started)
    const market = await openMarket(settings, { home, chain, clock: systemClock, ipfs: ipfs?.node ?? NOBODY, signal })
    const shared = await openShared(settings, home, { started, chain })
    const { report, tracer } = home
    const deps = { shared, chain, rules: market.rules, clock: systemClock, random: systemRandom, report, tracer }
    const { part, places, frames } =
      mode === 'listen'
        ? await listener(settings, home, { started, deps, signal })
        : { part: ballotBox(settings, home, deps), places: () => ({}), frames: () => ({}) }
    return {
      places: { ...places(), ...(ipfs && { ipfs: ipfs.node.addresses() }) },
      handle: part,
      vitals: partVitals(part.stats, frames),
      run: market.beside(part.run),
    }
  }

/** It needs content for one thing, manifests that it has in no file; with nobody to ask it runs no node. */
const NOBODY: MarketDeps['ipfs'] = {
  add: snapshotCidOf,
  get: (cid) => Promise.reject(new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })),
}

async function listener(
  settings: Settings,
  home: RoleHome,
  { started, deps, signal }: { readonly started: Started; readonly deps: PartDeps; readonly signal: AbortSignal },
): Promise<{ readonly part: Part; places(): Places; readonly frames: SubmissionHost['counts'] }> {
  const host = await submissionHost(settings, home, signal)
  started.add('libp2p host', host)
  const recoverer = recovererPool(home, started)
  const part = createListening(partOptions(settings), { ...deps, listener: host, recoverer, onRelease: tellRefusals(host, home) })
  return { part, places: () => ({ p2p: host.addresses() }), frames: host.counts }
}

function ballotBox(settings: Settings, { store }: RoleHome, deps: PartDeps): Part {
  const isSigning = settings.signedReceipts === 'on'
  const receiptSigner = isSigning ? signerOf(settings) : undefined
  return createBallotBox(partOptions(settings), { ...deps, store, receiptSigner })
}

const partOptions = (settings: Settings) => ({ partitions: settings.partitions, slotLimits: slotLimits(settings) })

export interface SealingElsewhere {
  readonly home: RoleHome
  readonly started: Started
  readonly chain: AnchorChain
  readonly own: ProtocolSender
  isSettled(): Promise<boolean>
}

/** Of a sealer: its votes come from the boxes, and it sends while it leads. */
export async function sealingFrom(settings: Settings, { home, started, chain, own, isSettled }: SealingElsewhere): Promise<Ways> {
  const shared = await openShared(settings, home, { started, chain })
  const logs = await Promise.all(Array.from({ length: settings.partitions }, (_, partition) => shared.log(partition)))
  const { report } = home
  const leading = createLeading(own, { shared, chain, clock: systemClock, random: systemRandom, report, isSettled })
  return {
    listener: NOBODY_LISTENS,
    sender: leading.sender,
    gather: gatherFrom(logs),
    onEpoch: () => undefined,
    places: () => ({}),
    refusedFrames: () => ({}),
    beside: leading.run,
  }
}

const NOBODY_LISTENS: SubmissionListener = {
  inbound: (signal) => ({
    [Symbol.asyncIterator]: () => ({ next: () => aborted(signal).then(() => ({ done: true, value: undefined })) }),
  }),
}

/** Where it is kept how this process calls itself: after a restart it has at once what it had. */
const HOLDER_KEY = 'holder'

async function openShared(
  { nats, natsReplicas: replicas, partitions }: Settings,
  { store }: Pick<RoleHome, 'store'>,
  { started, chain }: { readonly started: Started; readonly chain: AnchorChain },
): Promise<Shared> {
  const known = store.get(HOLDER_KEY)
  const holder = known === undefined ? randomUUID() : new TextDecoder().decode(known)
  if (known === undefined) await store.commit([{ key: HOLDER_KEY, value: new TextEncoder().encode(holder) }])
  const servers = nats.reveal().split(',')
  const space = `${chain.chainId}-${chain.dataMarket}`
  const shared = await openJetStream({ servers, space, partitions, replicas, holder })
  started.add('NATS connection', shared)
  return shared
}
