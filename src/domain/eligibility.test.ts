import { expect, test } from 'vitest'
import { createAnchorView, type Header } from './anchor-view.ts'
import { eligibilityOf } from './eligibility.ts'
import type { Address, BlockNumber, Hash, SlotId, ContractNumber } from './ids.ts'
import { handedTo, released, step } from './steps.test-chain.ts'
import type { Submission } from './submission.ts'
import { windowOf } from './window.ts'

const block = (number: number): Header => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0xab${number}` as Hash,
  timestamp: number * 10,
})
const alice = '0xa' as Address
const bob = '0xb' as Address

/** Epoch 4 was released in block 12; the head is block 20. */
function ask(change: { readonly header?: string; readonly deadlineBlock?: number; readonly unit?: 'blocks' | 'seconds' }) {
  const view = createAnchorView()
  view.setSlots([{ slotId: 7 as SlotId, signer: alice, isActive: true }])
  for (const number of [10, 11]) view.apply(step(block(number)))
  view.apply(step(block(12), released(4)))
  const window = windowOf({ release: block(12), unit: change.unit ?? 'blocks', length: change.unit === 'seconds' ? 30 : 3 })
  view.apply(step(block(13)))
  view.apply(step(block(14), handedTo(7, bob)))
  for (let number = 15; number <= 20; number += 1) view.apply(step(block(number)))
  const { header = '0xab12', deadlineBlock = 20 } = change
  const submission = { request: { slotId: 7, deadlineBlock }, header } as unknown as Submission
  return eligibilityOf(submission, { window, view, deadlineBufferMaxBlocks: 10 })
}

test('who must have signed is who held the slot in the block of the header, not who holds it now', () => {
  expect(['0xab12', '0xab13', '0xab14'].map((header) => ask({ header }))).toEqual([
    { ok: true, signer: alice, headerBlock: 12 },
    { ok: true, signer: alice, headerBlock: 13 },
    { ok: true, signer: bob, headerBlock: 14 },
  ])
})

test.each(['blocks', 'seconds'] as const)('the header lies within the window, both ends included, in %s', (unit) => {
  const inside = [11, 12, 15, 16].map((number) => ask({ header: `0xab${number}`, unit }).ok)
  expect(inside).toEqual([false, true, true, false])
})

test('the header is known in any case of its digits', () => {
  expect(ask({ header: '0xAB12' }).ok).toBe(true)
})

test('the deadline is counted from the header, not from the release or the head', () => {
  const why = (deadlineBlock: number) => {
    const answer = ask({ header: '0xab14', deadlineBlock })
    return answer.ok || answer.why
  }
  expect([13, 14, 24, 25].map(why)).toEqual(['deadline_passed', true, true, 'deadline_too_far'])
})
