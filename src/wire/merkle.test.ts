import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keccak256 } from './keccak.ts'
import { createTree, type InclusionProof, inclusionProof, isIncluded, publishedRoot } from './merkle.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()

/** The algorithm as spec/06 §7 writes it down: every addition climbs all 32 levels. */
function naiveRoot(texts: readonly string[]): Uint8Array {
  const zero = [Buffer.alloc(32)]
  for (let level = 1; level < 32; level += 1) zero.push(sha256(zero[level - 1] as Buffer, zero[level - 1] as Buffer))
  const left: Uint8Array[] = []
  let root = Buffer.alloc(0)
  texts.forEach((text, position) => {
    let cur = sha256(Buffer.from(text))
    let index = position
    for (let level = 0; level < 32; level += 1) {
      if (index % 2 === 0) {
        left[level] = cur
        cur = sha256(cur, zero[level] as Buffer)
      } else cur = sha256(left[level] as Uint8Array, cur)
      index >>= 1
    }
    root = cur
  })
  return root
}

const texts = fc.array(fc.string({ maxLength: 12 }), { maxLength: 40 })

describe('the tree', () => {
  test('has the root of the algorithm in the specification', () => {
    fc.assert(
      fc.property(texts, (leaves) => {
        const tree = createTree()
        for (const leaf of leaves) tree.append(leaf)
        expect(tree.root().toHex()).toBe(Buffer.from(naiveRoot(leaves)).toString('hex'))
        expect(tree.size).toBe(leaves.length)
      }),
      { numRuns: 100, ...replayFromEnv },
    )
  })

  test('goes on where an earlier batch stopped', () => {
    fc.assert(
      fc.property(texts, texts, (first, second) => {
        const tree = createTree()
        for (const leaf of first) tree.append(leaf)
        tree.publishedRoot()
        for (const leaf of second) tree.append(leaf)
        expect(tree.publishedRoot()).toBe(publishedRoot([...first, ...second]))
      }),
      { numRuns: 100, ...replayFromEnv },
    )
  })

  test('depends on the order of its leaves', () => {
    expect(publishedRoot(['a', 'b'])).not.toBe(publishedRoot(['b', 'a']))
  })
})

describe('an inclusion proof', () => {
  const leaves = ['a', 'b', 'c', 'd', 'e']
  const root = publishedRoot(leaves)

  test.each([0, 1, 2, 3, 4])('shows leaf %i and no other', (index) => {
    const proof = inclusionProof(leaves, index)
    expect(proof?.siblings).toHaveLength(32)
    expect(leaves.map((leaf) => proof && isIncluded(leaf, proof, root))).toEqual(leaves.map((_, other) => other === index))
  })

  test('fails with another root, index or length', () => {
    const proof = inclusionProof(leaves, 2)
    if (proof === undefined) throw new Error('no proof')
    expect(isIncluded('c', proof, publishedRoot(['c']))).toBe(false)
    expect(isIncluded('c', { ...proof, index: 3 }, root)).toBe(false)
    expect(isIncluded('c', { ...proof, index: 2 + 2 ** 32 }, root)).toBe(false)
    expect(isIncluded('c', { ...proof, siblings: proof.siblings.slice(1) }, root)).toBe(false)
    expect(isIncluded('c', proof, root.toUpperCase().replace('0X', '0x'))).toBe(true)
  })

  test.each([0, 31, 33])('of %i levels shows nothing, though its hashes lead to the root', (height) => {
    const siblings = Array.from({ length: height }, () => Buffer.alloc(32, 1))
    const top = siblings.reduce((node, sibling) => sha256(node, sibling), sha256(Buffer.from('x')))
    expect(isIncluded('x', { index: 0, siblings }, `0x${keccak256(top).toHex()}`)).toBe(false)
  })

  test.each([31, 33])('with a neighbour of %i bytes shows nothing', (length) => {
    // The left one's last byte would be overwritten unseen.
    const proof = inclusionProof(leaves, 1) as InclusionProof
    const [first = new Uint8Array(), ...rest] = proof.siblings
    const resized = new Uint8Array(length)
    resized.set(first.subarray(0, length))
    expect(isIncluded('b', proof, root)).toBe(true)
    expect(isIncluded('b', { ...proof, siblings: [resized, ...rest] }, root)).toBe(false)
    expect(isIncluded('b', { ...proof, siblings: [first, ...rest.slice(1), resized] }, root)).toBe(false)
  })

  test.each([-1, 5, 0.5])('does not exist at %d', (index) => expect(inclusionProof(leaves, index)).toBeUndefined())
})
