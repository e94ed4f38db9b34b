import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBacklog } from './backlog.ts'

const KIB = 1_024

/** A reader that takes so many pieces until it holds. `isWhole`: whether anything in them is. */
function open({ isWhole = true }: { readonly isWhole?: boolean } = {}) {
  const pieces: Uint8Array[] = []
  let left = Number.POSITIVE_INFINITY
  const backlog = createBacklog(
    (piece) => {
      left -= 1
      // What it was given changes afterwards.
      pieces.push(new Uint8Array(piece))
      return isWhole
    },
    () => left <= 0,
  )
  return {
    backlog,
    pieces,
    lengths: () => pieces.map(({ length }) => length / KIB),
    hold(afterPieces = 0): void {
      left = afterPieces
    },
  }
}

const filled = (kib: number, from = 0) => Uint8Array.from({ length: kib * KIB }, (_, index) => from + index)

test('what comes is read at once, in pieces', () => {
  const { backlog, pieces, lengths } = open()
  backlog.push(filled(18))
  expect(lengths()).toEqual([4, 4, 4, 6])
  expect(Buffer.concat(pieces)).toEqual(Buffer.from(filled(18)))
  expect([backlog.isEmpty(), backlog.heldBytes()]).toEqual([true, 0])
})

test('where nothing in a piece is whole the next is twice as large', () => {
  const { backlog, lengths } = open({ isWhole: false })
  backlog.push(filled(64))
  expect(lengths()).toEqual([4, 8, 16, 36])
})

test('what waits is read when that is possible, before what comes behind it', () => {
  const { backlog, pieces, lengths, hold } = open()
  hold(1)
  backlog.push(filled(12))
  backlog.push(filled(2, 7))
  expect([lengths(), backlog.isEmpty(), backlog.heldBytes() >= 10 * KIB]).toEqual([[4], false, true])
  hold(1)
  backlog.goOn()
  expect(lengths()).toEqual([4, 4])
  hold(9)
  backlog.goOn()
  backlog.goOn()
  expect(Buffer.concat(pieces)).toEqual(Buffer.concat([filled(12), filled(2, 7)]))
  expect([backlog.isEmpty(), backlog.heldBytes()]).toEqual([true, 0])
})

test('when it has ended it gives what was not read, and reads nothing more', () => {
  const { backlog, pieces, hold } = open()
  hold(1)
  backlog.push(filled(12))
  expect(Buffer.from(backlog.end())).toEqual(Buffer.from(filled(12).subarray(4 * KIB)))
  hold(9)
  backlog.push(filled(1))
  backlog.goOn()
  expect([pieces.length, backlog.heldBytes(), backlog.end().length]).toEqual([1, 0, 0])
})

test('a reader may end it', () => {
  let count = 0
  const backlog = createBacklog(
    () => {
      count += 1
      backlog.end()
      return true
    },
    () => false,
  )
  backlog.push(filled(12))
  expect([count, backlog.isEmpty()]).toEqual([1, true])
})

test('however it comes and whenever it may be read, all of it is, once and in its order', () => {
  const steps = fc.array(fc.record({ bytes: fc.nat(20 * KIB), pieces: fc.nat(5), isWhole: fc.boolean() }), { maxLength: 30 })
  fc.assert(
    fc.property(steps, (all) => {
      const came: Uint8Array[] = []
      const { backlog, pieces, hold } = open()
      all.forEach(({ bytes, pieces: count }, index) => {
        hold(count)
        backlog.goOn()
        const chunk = new Uint8Array(bytes).fill(index)
        came.push(chunk)
        backlog.push(chunk)
      })
      hold(10_000)
      backlog.goOn()
      expect(Buffer.concat(pieces).equals(Buffer.concat(came))).toBe(true)
    }),
  )
})
