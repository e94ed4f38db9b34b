import type { Address } from '#domain/ids.ts'
import { SLOTS, statesSuite } from '#io/chain/suite/states.ts'
import { createFakeStates, type FakeAccount } from './states.ts'

const account = `0x${'ac'.repeat(20)}` as Address
const other = `0x${'0b'.repeat(20)}` as Address
const code = Uint8Array.of(1, 2, 3)

statesSuite('fake', async () => {
  const states = createFakeStates()
  const holding = (first: bigint): FakeAccount => ({
    code,
    slots: new Map([
      [SLOTS.first, first],
      [SLOTS.last, 300n],
    ]),
  })
  states.mine(new Map([[other, { code: new Uint8Array(), slots: new Map() }]]))
  states.mine(new Map([[account, holding(7n)]]))
  return {
    states,
    account,
    code,
    next: async () => states.mine(new Map([[account, holding(8n)]])),
    goAway: async () => states.setReachable(false),
  }
})
