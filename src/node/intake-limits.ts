import { DOOR_LIMITS, type DoorLimits } from '#domain/door.ts'
import { INBOX_LIMITS, type InboxLimits } from '#io/p2p/inbox.ts'
import type { SlotLimits } from '#roles/sequencer/intake/slot-rates.ts'
import type { Settings } from './settings/settings.ts'

/** What one sender may save up while it is silent, as collectors are between two epochs. */
const SAVED_SECONDS = 10

const bucketOf = (tokensPerSecond: number) => ({ tokensPerSecond, tokensMax: tokensPerSecond * SAVED_SECONDS })

type GivenDoor = Pick<Settings, 'connectionsPerAddress' | 'handshakesPerAddress' | 'handshakeMs'>
type Given = GivenDoor & Pick<Settings, 'deliveriesPerPeer' | 'deliveriesPerAddress' | 'inboxLength'>

/** Who may come in over libp2p. */
export const doorLimits = (settings: GivenDoor): DoorLimits => ({
  ...DOOR_LIMITS,
  connectionsPerAddressMax: settings.connectionsPerAddress,
  pendingPerAddressMax: settings.handshakesPerAddress,
  handshakeMs: settings.handshakeMs,
})

/** Limits of whoever takes submissions over libp2p. */
export function hostLimits(settings: Given): { readonly limits: InboxLimits; readonly door: DoorLimits } {
  return {
    limits: {
      ...INBOX_LIMITS,
      ...bucketOf(settings.deliveriesPerPeer),
      perAddress: bucketOf(settings.deliveriesPerAddress),
      lengthMax: settings.inboxLength,
    },
    door: doorLimits(settings),
  }
}

/** Limits of a slot, whoever sends for it. All that it may send for an epoch may come at once, and a hundredth of it each second after that. */
export function slotLimits(settings: Pick<Settings, 'deliveriesPerSlot' | 'deliveriesPerSlotEpoch'>): SlotLimits {
  const tokensMax = settings.deliveriesPerSlotEpoch
  return { perSlot: bucketOf(settings.deliveriesPerSlot), perSlotAndEpoch: { tokensPerSecond: tokensMax / 100, tokensMax } }
}
