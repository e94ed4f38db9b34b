import type { ProtocolSender } from '#io/chain/port.ts'
import { createSubmissionHost, type SubmissionHost } from '#io/p2p/host.ts'
import type { SequencerDeps } from '#roles/sequencer/sequencer.ts'
import { tellRefusals } from './adapters.ts'
import type { Places, RoleHome } from './home.ts'
import { hostLimits } from './intake-limits.ts'
import type { Settings } from './settings.ts'
import type { Started } from './stop.ts'

/** How submissions come in, and calls go out. */
export interface Ways extends Pick<SequencerDeps, 'listener' | 'sender' | 'gather'> {
  /** After each epoch. */
  onEpoch(): void
  places(): Places
  /** What runs beside the role. */
  beside(signal: AbortSignal): Promise<void>
}

/** By libp2p, and from its own account. */
export async function listensItself(
  settings: Settings,
  { home, started, own }: { readonly home: RoleHome; readonly started: Started; readonly own: ProtocolSender },
): Promise<Ways> {
  const host = await submissionHost(settings, home)
  started.add('libp2p host', host)
  return {
    listener: host,
    sender: own,
    gather: undefined,
    onEpoch: tellRefusals(host, home),
    places: () => ({ p2p: host.addresses() }),
    beside: () => Promise.resolve(),
  }
}

/** Where collectors deliver. */
export const submissionHost = (settings: Settings, home: RoleHome): Promise<SubmissionHost> =>
  createSubmissionHost({ identity: home.identity(), listen: settings.p2pListen, relays: settings.relays, ...hostLimits(settings) })
