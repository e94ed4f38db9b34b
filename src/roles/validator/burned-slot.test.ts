import { expect, test } from 'vitest'
import { createAnchorView } from '#domain/anchor-view.ts'
import type { Address, BlockNumber, SlotId } from '#domain/ids.ts'
import { createFakeChain } from '#io/chain/fake.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Lanes } from './lanes.ts'
import type { Journal } from './journal.ts'
import { watch } from './watch.ts'

const SIGNER = `0x${'11'.repeat(20)}` as Address
const MARKET = {
  epochSize: 10,
  sourceChainId: 1,
  sourceBlockTimeSeconds: 12,
  snapshotWindowBlocks: 5,
  batchWindowBlocks: 20,
  attestationWindowBlocks: 30,
  attestationsMin: 1,
  epochManager: `0x${'0e'.repeat(20)}` as Address,
  sequencers: [],
  validators: [],
}
const slotId = 1 as SlotId

test('a burned slot has no signer from its burning on; what it signed before is judged as the sequencer judged it', async () => {
  const clock = createVirtualClock()
  const chain = createFakeChain({ clock, market: MARKET, signers: [SIGNER], pollMs: 10 })
  const view = createAnchorView({ unit: 'blocks', length: 5 })
  const lanes = { rollback: () => undefined, isBusy: () => false, forget: () => undefined } as unknown as Lanes
  const journal = { cursor: () => undefined, saveCursor: async () => undefined } as unknown as Journal
  const stopping = new AbortController()
  const watching = watch({ chain, clock, report: () => undefined, market: MARKET, view, journal, lanes }, stopping.signal)
  const reached = (number: number) => clock.runUntil(() => view.head?.number === number, { limitMs: 5_000 })
  const signers = () => [0, 1, 2, 3].map((number) => view.signerAt(slotId, number as BlockNumber))
  await reached(0)
  chain.mine(1)
  await reached(1)
  chain.burnSlot(slotId)
  chain.mine(2)
  await reached(3)
  expect(signers()).toEqual([SIGNER, SIGNER, undefined, undefined])
  chain.reorg(2, { isLosingTransactions: true })
  chain.mine(1)
  await reached(4)
  expect(signers()).toEqual([SIGNER, SIGNER, SIGNER, SIGNER])
  stopping.abort()
  await clock.runUntil(watching, { limitMs: 1_000 })
})
