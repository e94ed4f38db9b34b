import { toRlp } from 'viem'
import { describe, expect, test } from 'vitest'
import { keccak256 } from './keccak.ts'
import { EMPTY_ROOT, trieValue } from './trie.ts'

type Item = Uint8Array | readonly Item[]
const hex = (text: string): Uint8Array => Uint8Array.fromHex(text)
const NOTHING = hex('')
const rlp = (item: Item): Uint8Array => toRlp(item as Parameters<typeof toRlp>[0], 'bytes')
const hashOf = (item: Item): Uint8Array => keccak256(rlp(item))
/** 32 bytes, so that a node with it is named by its hash. */
const VALUE = hex('ab'.repeat(32))
const branch = (children: Readonly<Record<number, Item>>, value = NOTHING): Item => [
  ...Array.from({ length: 16 }, (_, digit) => children[digit] ?? NOTHING),
  value,
]

/** Looks for the key of two bytes. */
function look(key: string, root: Item, ...others: readonly Item[]) {
  const nodes = new Map([root, ...others].map((node) => [hashOf(node).toHex(), rlp(node)]))
  return trieValue(hashOf(root).toHex(), hex(key), (hash) => nodes.get(hash))
}

/** The rest of 1234 behind a branch. */
const LEAF: Item = [hex('3234'), VALUE]
const SHORT: Item = [hex('3234'), hex('07')]
const END = branch({ 4: [hex('20'), hex('05')] })

describe('a trie has a value', () => {
  test.each([
    ['in a leaf at its root', VALUE, [[hex('201234'), VALUE]]],
    ['behind a branch', VALUE, [branch({ 1: hashOf(LEAF) }), LEAF]],
    ['behind a branch, in a node so short that it stands there itself', hex('07'), [branch({ 1: SHORT })]],
    ['behind an extension', hex('05'), [[hex('1123'), hashOf(END)], END]],
  ] as readonly (readonly [string, Uint8Array, readonly Item[]])[])('%s', (_where, value, nodes) => {
    const [root, ...others] = nodes as [Item, ...Item[]]
    expect(look('1234', root, ...others)).toEqual({ value })
  })

  test.each([
    ['when a leaf has another key', [[hex('201235'), VALUE]]],
    ['when a leaf ends too early', [[hex('3123'), VALUE]]],
    ['when an extension leads elsewhere', [[hex('1124'), hashOf(END)], END]],
    ['when a branch has nothing there', [branch({ 2: hashOf(LEAF) }), LEAF]],
  ] as readonly (readonly [string, readonly Item[]])[])('and none %s', (_when, nodes) => {
    const [root, ...others] = nodes as [Item, ...Item[]]
    expect(look('1234', root, ...others)).toEqual({ value: undefined })
  })

  test('none at all when it is empty', () => {
    expect(trieValue(EMPTY_ROOT, hex('1234'), () => undefined)).toEqual({ value: undefined })
    expect(hashOf(NOTHING).toHex()).toBe(EMPTY_ROOT)
  })
})

describe('what is no node proves nothing, neither a value nor that there is none', () => {
  test.each([
    ['a node that is not there', branch({ 1: hashOf(LEAF) })],
    ['a branch of 16', branch({}).slice(0, 16)],
    ['a branch where keys end', [hex('001234'), branch({}, VALUE)]],
    ['an extension of nothing, which could lead round in a circle', [hex('00'), [hex('00'), SHORT]]],
    ['a path of another kind', [hex('401234'), VALUE]],
    ['a path of no bytes', [NOTHING, VALUE]],
    ['an even path with a digit in its first byte', [hex('251234'), VALUE]],
    ['a leaf that holds a list', [hex('201234'), [VALUE]]],
    ['a name of 31 bytes', branch({ 1: VALUE.subarray(1) })],
    ['bytes', VALUE],
  ] as readonly (readonly [string, Item])[])('%s', (_what, root) => {
    const nodeOf = (hash: string) => (hash === hashOf(root).toHex() ? rlp(root) : undefined)
    expect(trieValue(hashOf(root).toHex(), hex('1234'), nodeOf)).toHaveProperty('lacking')
  })

  test('bytes that are no RLP', () => {
    expect(trieValue('11'.repeat(32), hex('1234'), () => hex('c2'))).toEqual({ lacking: '11'.repeat(32) })
  })
})
