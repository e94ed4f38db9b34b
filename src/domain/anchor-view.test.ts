import { describe, expect, test } from 'vitest'
import { type AnchorView, createAnchorView, type Header } from './anchor-view.ts'
import type { ProtocolEvent } from './chain-step.ts'
import { eligibilityOf } from './eligibility.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, SlotId, ContractNumber } from './ids.ts'
import { back, burned, handedTo, released, step } from './steps.test-chain.ts'
import type { Submission } from './submission.ts'
import { windowOf } from './window.ts'

const block = (number: number, fork = ''): Header => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0xblock${number}${fork}` as Hash,
  timestamp: number * 10,
})
const epochId = 4 as EpochId
const slotId = 7 as SlotId
const alice = '0xa' as Address
const bob = '0xb' as Address

/** Blocks from 10 on, with what some of them bring. */
function viewUpTo(last: number, told: Readonly<Record<number, readonly { readonly kind: ProtocolEvent['kind'] }[]>> = {}): AnchorView {
  const view = createAnchorView()
  view.setSlots([
    { slotId, signer: alice, isActive: true },
    { slotId: 8 as SlotId, signer: bob, isActive: false },
  ])
  for (let number = 10; number <= last; number += 1) view.apply(step(block(number), ...(told[number] ?? [])))
  return view
}

describe('the view of the chain', () => {
  test('forgets what contracts saw before a number, by the first block in which they see it, and never the head', () => {
    const view = createAnchorView()
    for (const number of [10, 11, 12, 13, 14])
      view.apply(step({ ...block(number), contractNumber: Math.floor(number / 2) as ContractNumber }))
    view.forgetBefore(6 as ContractNumber)
    expect([view.header('0xblock11'), view.header('0xblock12')?.contractNumber]).toEqual([undefined, 6])
    view.forgetBefore(99 as ContractNumber)
    expect([view.header('0xblock13'), view.head?.number]).toEqual([undefined, 14])
  })

  test('forgets what a rollback voids, and says which releases are gone', () => {
    const view = viewUpTo(12, { 12: [released(4)] })
    expect(view.apply(back(block(11))).undone.map((epoch) => epoch.epochId)).toEqual([epochId])
    view.apply(step(block(12, 'b')))
    expect([view.header('0xblock12'), view.header('0xblock12b')?.number, view.epoch(epochId)]).toEqual([undefined, 12, undefined])
  })
  test('keeps the block it goes back to, and every release in it or before', () => {
    const view = viewUpTo(12, { 11: [released(4)], 12: [released(5), released(6)] })
    expect(view.apply(back(block(11))).undone.map((epoch) => epoch.epochId)).toEqual([5, 6])
    expect([view.head?.number, view.epoch(epochId)?.release.number, view.header('0xblock11')?.number]).toEqual([11, 11, 11])
  })
  test('forgets headers and epochs below a block, and nothing in it or above', () => {
    const view = viewUpTo(14, { 10: [released(1)], 11: [released(2)], 12: [released(3)] })
    view.forgetBelow(11 as BlockNumber)
    expect([...view.epochs()].map((epoch) => epoch.epochId)).toEqual([2, 3])
    expect([10, 11, 14].map((number) => view.header(`0xblock${number}`)?.number)).toEqual([undefined, 11, 14])
    view.forgetBelow(5 as BlockNumber)
    expect([...view.epochs()]).toHaveLength(2)
  })
  test('has the later of two releases of one epoch', () => {
    const view = createAnchorView()
    expect(view.apply(step(block(10), released(4))).released).toEqual([{ epochId, release: block(10) }])
    view.apply(step(block(11), released(4)))
    expect(view.epoch(epochId)?.release.number).toBe(11)
  })
  test('has nothing to forget before its first block', () => {
    const view = createAnchorView()
    expect(view.head).toBeUndefined()
    view.forgetBelow(5 as BlockNumber)
    expect([view.head, [...view.epochs()]]).toEqual([undefined, []])
  })
  test('always keeps its head', () => {
    const view = viewUpTo(12)
    view.forgetBelow(99 as BlockNumber)
    expect([view.head?.number, view.header('0xblock11')]).toEqual([12, undefined])
  })
  test('knows who signed for a slot in which block', () => {
    const view = viewUpTo(12, { 12: [handedTo(slotId, bob)] })
    expect([view.signerAt(slotId, 11 as BlockNumber), view.signerAt(slotId, 12 as BlockNumber)]).toEqual([alice, bob])
    view.apply(back(block(11)))
    expect(view.signerAt(slotId, 12 as BlockNumber)).toBe(alice)
  })
  test('remembers who signed a thousand blocks further back than headers, and no further', () => {
    const carol = '0xc' as Address
    const view = viewUpTo(12, { 11: [handedTo(slotId, bob)], 12: [handedTo(slotId, carol)] })
    const earlier = () => view.signerAt(slotId, 10 as BlockNumber)
    for (let number = 13; number <= 1_012; number += 1) view.apply(step(block(number)))
    view.forgetBelow(1_011 as BlockNumber)
    expect(earlier()).toBe(alice)
    view.forgetBelow(1_012 as BlockNumber)
    expect(earlier()).toBe(bob)
  })
  test('a slot that is not active has no signer', () => {
    expect(viewUpTo(12).signerAt(8 as SlotId, 12 as BlockNumber)).toBeUndefined()
  })
})

describe('a step along the chain', () => {
  const batchCid = 'batch' as Cid
  const nothing = { released: [], undone: [], announced: [], areSlotsStale: false, firstChanges: [] }

  test('brings its block, its releases and who signs from then on', () => {
    const view = viewUpTo(12)
    const { released: epochs, ...rest } = view.apply(step(block(13), released(4), handedTo(slotId, bob), released(5)))
    const firstChanges = [{ slotId, blockNumber: 13 }]
    expect([epochs, { released: [], ...rest }]).toEqual([
      [view.epoch(epochId), view.epoch(5 as EpochId)],
      { ...nothing, areSlotsStale: true, firstChanges },
    ])
    expect([view.head?.number, epochs[0]?.release.number]).toEqual([13, 13])
    expect([12, 13].map((number) => view.signerAt(slotId, number as BlockNumber))).toEqual([alice, bob])
  })
  test('takes the signer of a slot that is burned, whose table is as it was', () => {
    const view = viewUpTo(12)
    expect(view.apply(step(block(13), burned(slotId)))).toEqual({ ...nothing, firstChanges: [{ slotId, blockNumber: 13 }] })
    expect([12, 13].map((number) => view.signerAt(slotId, number as BlockNumber))).toEqual([alice, undefined])
  })
  test('names the first change only of each slot, and takes from the chain who signed before it', () => {
    const view = viewUpTo(12)
    // Read from a head that has the burning already.
    view.setSlots([])
    const change = { slotId, blockNumber: 13 as BlockNumber }
    expect(view.apply(step(block(13), burned(slotId))).firstChanges).toEqual([change])
    expect(view.apply(step(block(14), handedTo(slotId, bob))).firstChanges).toEqual([])
    view.setSignerBefore(change, alice)
    view.setSignerBefore({ ...change, blockNumber: 14 as BlockNumber }, bob)
    expect(view.signerAt(slotId, 12 as BlockNumber)).toBe(alice)
  })
  test('announces a batch with the epoch that it is of, as far as that was followed', () => {
    const view = viewUpTo(12)
    view.apply(step(block(13), released(4)))
    const late = { kind: 'DelayedBatchSubmitted', epochId, batchCid } as const
    const told = [3, 4].map((id) => ({ kind: 'SnapshotBatchSubmitted', epochId: id, batchCid }) as const)
    expect(view.apply(step(block(14), ...told, late))).toEqual({
      ...nothing,
      announced: [
        { epochId: 3, batchCid, epoch: undefined, blockNumber: 14, contractNumber: 14 },
        { epochId: 4, batchCid, epoch: view.epoch(epochId), blockNumber: 14, contractNumber: 14 },
      ],
    })
  })
  test('leaves out the releases that are not wanted', () => {
    const view = viewUpTo(12)
    const asked: unknown[] = []
    const applied = view.apply(step(block(13), released(4), released(5)), (id, release) => {
      asked.push([id, release.number])
      return id === 5
    })
    expect(asked).toEqual([
      [4, 13],
      [5, 13],
    ])
    expect([applied.released.map((epoch) => epoch.epochId), view.epoch(epochId)]).toEqual([[5], undefined])
  })
  test('back undoes blocks, releases and signers, and what was read of the slots is no longer so', () => {
    const view = viewUpTo(12)
    const [first] = view.apply(step(block(13), released(4))).released
    const [second] = view.apply(step(block(14), released(5), burned(slotId))).released
    expect(view.apply(back(block(12)))).toEqual({ ...nothing, undone: [first, second], areSlotsStale: true })
    expect([view.head?.number, view.epoch(epochId), view.signerAt(slotId, 14 as BlockNumber)]).toEqual([12, undefined, alice])
  })
})

describe('whether the chain lets a submission in', () => {
  const view = viewUpTo(20, { 12: [released(4)] })
  const window = windowOf({ release: block(12), unit: 'blocks', length: 3 })
  const submission = (change: { slotId?: number; deadlineBlock?: number; header?: string }): Submission =>
    ({
      request: { slotId: change.slotId ?? 7, deadlineBlock: change.deadlineBlock ?? 15, epochId, snapshotCid: 'c', projectId: 'a:N' },
      header: change.header ?? '0xblock12',
    }) as unknown as Submission

  test.each([
    ['header_unknown', { header: '0xblock11' }],
    ['header_unknown', { header: '0xblock16' }],
    ['header_unknown', { header: '' }],
    ['deadline_passed', { deadlineBlock: 11 }],
    ['deadline_too_far', { deadlineBlock: 23 }],
    ['slot_unknown', { slotId: 8 }],
    ['slot_unknown', { slotId: 9 }],
  ] as const)('%s for %j', (why, change) => {
    expect(eligibilityOf(submission(change), { window, view, deadlineBufferMaxBlocks: 10 })).toEqual({ ok: false, why })
  })
  test.each([[{ deadlineBlock: 12 }], [{ deadlineBlock: 22 }], [{ header: '0xblock15' }]])('yes for %j', (change) => {
    expect(eligibilityOf(submission(change), { window, view, deadlineBufferMaxBlocks: 10 })).toMatchObject({ ok: true, signer: alice })
  })
})
