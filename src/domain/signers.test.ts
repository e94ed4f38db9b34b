import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, SlotId } from './ids.ts'
import { createSigners, type Signers } from './signers.ts'

const alice = '0xa' as Address
const bob = '0xb' as Address
const carol = '0xc' as Address
const slotId = 7 as SlotId
const other = 8 as SlotId
const at = (number: number) => number as BlockNumber

const SLOTS = [
  { slotId, signer: alice, isActive: true },
  { slotId: other, signer: carol, isActive: true },
]

function signersWith(slots = SLOTS): Signers {
  const signers = createSigners()
  signers.set(slots)
  return signers
}

/** Who signs for the slot in blocks 9 to 14. */
const history = (signers: Signers) => [9, 10, 11, 12, 13, 14].map((number) => signers.at(slotId, at(number)))

describe('who signs for a slot', () => {
  test('without a change, whom the table names, in every block', () => {
    expect(history(signersWith())).toEqual(Array(6).fill(alice))
  })

  test('each new signer from the block of the change on, never for an earlier one', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.change(slotId, carol, at(13))
    expect(history(signers)).toEqual([alice, alice, bob, bob, carol, carol])
    expect(signers.at(other, at(12))).toBe(carol)
  })

  test('of two changes in one block the later', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.change(slotId, carol, at(11))
    expect(history(signers)).toEqual([alice, alice, carol, carol, carol, carol])
    signers.undoAbove(at(10))
    expect(history(signers)).toEqual(Array(6).fill(alice))
  })

  test('a table read again tells of now; changes seen before still tell of the past', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.set([{ slotId, signer: bob, isActive: true }])
    expect(history(signers)).toEqual([alice, alice, bob, bob, bob, bob])
    expect(signers.at(other, at(12))).toBeUndefined()
  })

  test('nobody for a slot that is not active, also when it has changed hands', () => {
    expect(history(signersWith([{ slotId, signer: alice, isActive: false }]))).toEqual(Array(6).fill(undefined))
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.set([{ slotId, signer: bob, isActive: false }])
    expect(history(signers)).toEqual([alice, alice, undefined, undefined, undefined, undefined])
  })

  test('nobody from the block on in which the slot was burned', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.change(slotId, undefined, at(13))
    signers.set([])
    expect(history(signers)).toEqual([alice, alice, bob, bob, undefined, undefined])
  })

  test('of a slot that is new, from its first change on', () => {
    const signers = signersWith([])
    signers.change(slotId, bob, at(11))
    expect(history(signers)).toEqual([undefined, undefined, bob, bob, bob, bob])
  })

  test('nothing is known of before a change that the table had already seen', () => {
    const signers = signersWith([{ slotId, signer: bob, isActive: true }])
    signers.change(slotId, bob, at(11))
    expect(history(signers)).toEqual([undefined, undefined, bob, bob, bob, bob])
  })

  test('the signer of the change before, when the table was read ahead of the changes that are followed', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.set([{ slotId, signer: carol, isActive: true }])
    signers.change(slotId, carol, at(13))
    signers.undoAbove(at(12))
    expect(history(signers)).toEqual([alice, alice, bob, bob, bob, bob])
  })

  test('nobody again, once the first change of a new slot is undone', () => {
    const signers = signersWith([])
    signers.change(slotId, bob, at(11))
    signers.undoAbove(at(10))
    expect(history(signers)).toEqual(Array(6).fill(undefined))
  })

  test('the same as before, once a change to the same signer is undone', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.change(slotId, bob, at(13))
    signers.undoAbove(at(12))
    expect(history(signers)).toEqual([alice, alice, bob, bob, bob, bob])
  })

  test('is remembered no further back than asked: of the changes below a block only the last', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(10))
    signers.change(slotId, carol, at(12))
    signers.change(slotId, alice, at(14))
    signers.forgetBelow(at(13))
    expect(history(signers)).toEqual([bob, bob, bob, carol, carol, alice])
    signers.undoAbove(at(12))
    expect(history(signers)).toEqual([bob, bob, bob, carol, carol, carol])
    signers.forgetBelow(at(12))
    expect(history(signers)).toEqual([bob, bob, bob, carol, carol, carol])
    signers.undoAbove(at(11))
    expect(history(signers)).toEqual(Array(6).fill(bob))
  })

  test('is as it was when nothing lies below', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.change(slotId, carol, at(13))
    signers.forgetBelow(at(10))
    expect(history(signers)).toEqual([alice, alice, bob, bob, carol, carol])
  })

  test('as if a change had never been, once it is undone', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.change(slotId, undefined, at(13))
    signers.undoAbove(at(13))
    expect(history(signers)).toEqual([alice, alice, bob, bob, undefined, undefined])
    signers.undoAbove(at(12))
    expect(history(signers)).toEqual([alice, alice, bob, bob, bob, bob])
    signers.undoAbove(at(10))
    expect(history(signers)).toEqual(Array(6).fill(alice))
    signers.change(slotId, carol, at(12))
    expect(history(signers)).toEqual([alice, alice, alice, carol, carol, carol])
  })

  test('who signed before an undone change is known still when the table already has it again', () => {
    const signers = signersWith()
    signers.change(slotId, bob, at(11))
    signers.undoAbove(at(10))
    signers.set([{ slotId, signer: bob, isActive: true }])
    signers.change(slotId, bob, at(12))
    expect(history(signers)).toEqual([alice, alice, alice, bob, bob, bob])
    signers.undoAbove(at(11))
    signers.set(SLOTS)
    expect(history(signers)).toEqual(Array(6).fill(alice))
  })

  test('of a change that the table was ahead of, and that is undone, the table read again tells', () => {
    const signers = signersWith([{ slotId, signer: bob, isActive: true }])
    signers.change(slotId, bob, at(11))
    signers.undoAbove(at(10))
    signers.set(SLOTS)
    expect(history(signers)).toEqual(Array(6).fill(alice))
  })
})
