import type { ProtocolSender } from '#io/chain/port.ts'
import { createSubmissionHost, type SubmissionHost } from '#io/p2p/host.ts'
import type { RegistrationChange } from '#io/p2p/registrar.ts'
import type { RelayChange } from '#io/p2p/relay-supervisor.ts'
import type { SequencerDeps } from '#roles/sequencer/sequencer.ts'
import { tellRefusals } from './adapters.ts'
import { claimantOf, SLOT_OF_SEQUENCER } from './claimant.ts'
import type { Places, RoleHome } from './home.ts'
import { hostLimits } from './intake-limits.ts'
import { relayersOf } from './relayers.ts'
import type { Settings } from './settings/settings.ts'
import type { Started } from './stop.ts'

/** How submissions come in, and calls go out. */
export interface Ways extends Pick<SequencerDeps, 'listener' | 'sender' | 'gather'> {
  /** After each epoch. */
  onEpoch(): void
  places(): Places
  /** Frames that never became submissions, where it takes any itself. */
  refusedFrames(): Readonly<Record<string, number>>
  /** What runs beside the role. */
  beside(signal: AbortSignal): Promise<void>
}

/** By libp2p, and from its own account. */
export async function listensItself(
  settings: Settings,
  {
    home,
    started,
    own,
    signal,
  }: { readonly home: RoleHome; readonly started: Started; readonly own: ProtocolSender; readonly signal: AbortSignal },
): Promise<Ways> {
  const host = await submissionHost(settings, home, signal)
  started.add('libp2p host', host)
  return {
    listener: host,
    sender: own,
    gather: undefined,
    onEpoch: tellRefusals(host, home),
    places: () => ({ p2p: host.addresses() }),
    refusedFrames: host.counts,
    beside: () => Promise.resolve(),
  }
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

/** Where collectors deliver. */
export async function submissionHost(settings: Settings, home: RoleHome, signal: AbortSignal): Promise<SubmissionHost> {
  const host = await createSubmissionHost({
    identity: await home.identity(),
    listen: settings.p2pListen,
    announce: settings.p2pAnnounce,
    ...hostLimits(settings),
    ...(await waysToHost(settings, home, signal)),
  })
  home.notes.peers.set('submissions', host.peers)
  return host
}
