import { expect, test } from 'vitest'
import { createServed } from './served.ts'

const block = (bytes: number) => new Uint8Array(bytes).fill(bytes)

test('holds so many bytes at most: the oldest make room, and one larger than all of it is not held', () => {
  const served = createServed(10)
  served.put('a', block(4))
  served.put('b', block(4))
  served.put('a', block(4))
  served.put('c', block(4))
  expect(['a', 'b', 'c'].map((name) => served.get(name)?.length)).toEqual([4, undefined, 4])
  served.put('d', block(11))
  expect(['a', 'c', 'd'].map((name) => served.get(name))).toEqual([undefined, undefined, undefined])
  served.put('e', block(10))
  expect(served.get('e')).toEqual(block(10))
})

test('what is forgotten gives its room back', () => {
  const served = createServed(10)
  served.put('a', block(10))
  served.forget('a')
  served.forget('never held')
  served.put('b', block(5))
  served.put('c', block(5))
  expect(['a', 'b', 'c'].map((name) => served.get(name)?.length)).toEqual([undefined, 5, 5])
})

test('a piece of a message does not hold the message', () => {
  const served = createServed()
  served.put('a', new Uint8Array(1_000).subarray(0, 10))
  expect(served.get('a')?.buffer.byteLength).toBe(10)
})
