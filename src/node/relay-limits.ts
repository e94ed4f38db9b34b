import { RELAY_LIMITS, type RelayLimits } from '#io/p2p/relay.ts'
import type { Settings } from './settings/settings.ts'

const MIB = 1024 * 1024

type Given = Pick<
  Settings,
  | 'reservationsMax'
  | 'reservationsPerAddress'
  | 'reservationSeconds'
  | 'circuitsMax'
  | 'circuitsPerPeer'
  | 'circuitsPerAddress'
  | 'circuitMib'
  | 'circuitSeconds'
  | 'circuitIdleSeconds'
  | 'peersPerSlot'
>

export const relayLimits = (settings: Given): RelayLimits => ({
  ...RELAY_LIMITS,
  reservationsMax: settings.reservationsMax,
  reservationsPerAddressMax: settings.reservationsPerAddress,
  reservationTtlMs: 1_000 * settings.reservationSeconds,
  peersPerSlotMax: settings.peersPerSlot,
  circuitsMax: settings.circuitsMax,
  circuitsPerPeerMax: settings.circuitsPerPeer,
  circuitsPerAddressMax: settings.circuitsPerAddress,
  circuitBytesMax: MIB * settings.circuitMib,
  circuitMsMax: 1_000 * settings.circuitSeconds,
  circuitIdleMsMax: 1_000 * settings.circuitIdleSeconds,
})
