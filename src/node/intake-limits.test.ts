import { expect, test } from 'vitest'
import { DOOR_LIMITS } from '#domain/door.ts'
import { INBOX_LIMITS } from '#io/p2p/inbox.ts'
import { SLOT_LIMITS } from '#roles/sequencer/intake/slot-rates.ts'
import { hostLimits, slotLimits } from './intake-limits.ts'
import { SETTINGS } from './settings/settings.ts'

const fallbacks = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, row]) => [name, 'fallback' in row ? row.fallback : undefined]),
) as never

test('what nobody sets is what the roles have by themselves', () => {
  expect(hostLimits(fallbacks)).toEqual({ limits: INBOX_LIMITS, door: DOOR_LIMITS })
  expect(slotLimits(fallbacks)).toEqual(SLOT_LIMITS)
})

test('each setting is the limit that it names', () => {
  const set = {
    deliveriesPerPeer: 2,
    deliveriesPerAddress: 3,
    inboxLength: 4,
    connectionsPerAddress: 5,
    handshakesPerAddress: 6,
    handshakeMs: 7,
  }
  expect(hostLimits(set)).toMatchObject({
    limits: { tokensPerSecond: 2, tokensMax: 20, perAddress: { tokensPerSecond: 3, tokensMax: 30 }, lengthMax: 4 },
    door: { connectionsPerAddressMax: 5, pendingPerAddressMax: 6, handshakeMs: 7 },
  })
  expect(slotLimits({ deliveriesPerSlot: 8, deliveriesPerSlotEpoch: 900 })).toEqual({
    perSlot: { tokensPerSecond: 8, tokensMax: 80 },
    perSlotAndEpoch: { tokensPerSecond: 9, tokensMax: 900 },
  })
})
