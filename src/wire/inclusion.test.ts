import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkInclusion, type InclusionProof, inclusionInBatch, inclusionProof } from './inclusion.ts'
import { keccak256 } from './keccak.ts'
import { createTree, publishedRoot } from './merkle.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const runs = { numRuns: 100, ...replayFromEnv }
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()

const ids = fc.uniqueArray(fc.uuid({ version: 4 }), { minLength: 1, maxLength: 40 })
/** The ids of an epoch, cut into batches, and one of them. */
const epoch = fc
  .tuple(ids, fc.array(fc.nat(), { maxLength: 4 }), fc.nat())
  .map(([all, cuts, pick]) => ({ all, before: (cuts[0] ?? 0) % all.length, pick }))
  .map(({ all, before, pick }) => ({ before: all.slice(0, before), own: all.slice(before), index: pick % (all.length - before) }))

const proofOf = (texts: readonly string[], index: number): InclusionProof => {
  const proof = inclusionProof(texts, index)
  return proof ?? expect.fail('no proof')
}

describe('an inclusion proof', () => {
  const leaves = ['a', 'b', 'c', 'd', 'e']
  const root = publishedRoot(leaves)

  test('is there for every leaf of a tree of any size, under the root of that tree, and for no other text', () => {
    fc.assert(
      fc.property(ids, fc.nat(), fc.string(), (texts, pick, other) => {
        const index = pick % texts.length
        const proof = proofOf(texts, index)
        expect(proof).toMatchObject({ text: texts[index], index, root: publishedRoot(texts) })
        expect(proof.siblings).toHaveLength(32)
        expect(checkInclusion(proof, publishedRoot(texts))).toBe(true)
        if (other !== proof.text)
          expect(checkInclusion({ ...proof, text: other, leaf: sha256(Buffer.from(other)).toString('hex') }, proof.root)).toBe(false)
      }),
      runs,
    )
  })

  test('with any one bit of it turned shows nothing', () => {
    fc.assert(
      fc.property(ids, fc.nat(), fc.nat({ max: 31 }), fc.nat({ max: 63 }), (texts, pick, level, digit) => {
        const proof = proofOf(texts, pick % texts.length)
        const turned = (hex: string) =>
          hex.slice(0, digit) + (Number.parseInt(hex[digit] ?? '', 16) ^ 1).toString(16) + hex.slice(digit + 1)
        const siblings = proof.siblings.map((sibling, at) => (at === level ? turned(sibling) : sibling))
        expect(checkInclusion({ ...proof, siblings }, proof.root)).toBe(false)
        expect(checkInclusion({ ...proof, leaf: turned(proof.leaf) }, proof.root)).toBe(false)
        expect(checkInclusion({ ...proof, index: proof.index ^ (1 << (level % 31)) }, proof.root)).toBe(false)
        expect(checkInclusion(proof, `0x${turned(proof.root.slice(2))}`)).toBe(false)
      }),
      runs,
    )
  })

  test('fails with another root, index, length or form', () => {
    const proof = proofOf(leaves, 2)
    expect(checkInclusion(proof, publishedRoot(['c']))).toBe(false)
    expect(checkInclusion({ ...proof, index: 3 }, root)).toBe(false)
    expect(checkInclusion({ ...proof, index: 2 + 2 ** 32 }, root)).toBe(false)
    expect(checkInclusion({ ...proof, index: 2.5 }, root)).toBe(false)
    expect(checkInclusion({ ...proof, index: -2 }, root)).toBe(false)
    expect(checkInclusion({ ...proof, siblings: proof.siblings.slice(1) }, root)).toBe(false)
    expect(checkInclusion({ ...proof, siblings: proof.siblings.map((each) => each.toUpperCase()) }, root)).toBe(false)
    expect(checkInclusion({ ...proof, siblings: proof.siblings.map((each) => `${each}00`) }, root)).toBe(false)
    expect(checkInclusion(proof, root.toUpperCase().replace('0X', '0x'))).toBe(true)
  })

  test.each([0, 31, 33])('of %i levels shows nothing, though its hashes lead to the root', (height) => {
    const siblings = Array.from({ length: height }, () => Buffer.alloc(32, 1))
    const leaf = sha256(Buffer.from('x'))
    const top = siblings.reduce((node, sibling) => sha256(node, sibling), leaf)
    const proof = { text: 'x', leaf: leaf.toString('hex'), index: 0, siblings: siblings.map((each) => each.toString('hex')) }
    expect(checkInclusion(proof, `0x${keccak256(top).toHex()}`)).toBe(false)
  })

  test.each([-1, 5, 0.5])('does not exist at %d', (index) => expect(inclusionProof(leaves, index)).toBeUndefined())
})

describe('a submission id in its batch', () => {
  test('is proved under the root of the file, in a tree that continues the epoch as in one of its own', () => {
    fc.assert(
      fc.property(epoch, ({ before, own, index }) => {
        const tree = createTree()
        tree.append([...before, ...own])
        const cumulative = inclusionInBatch({ ids: own, root: tree.publishedRoot() }, { index, before })
        expect(cumulative).toMatchObject({ text: own[index], index: before.length + index, root: tree.publishedRoot() })
        expect(cumulative && checkInclusion(cumulative, tree.publishedRoot())).toBe(true)
        const fresh = inclusionInBatch({ ids: own, root: publishedRoot(own) }, { index, before })
        expect(fresh).toMatchObject({ text: own[index], index, root: publishedRoot(own) })
        expect(fresh && checkInclusion(fresh, publishedRoot(own))).toBe(true)
      }),
      runs,
    )
  })

  test('has no proof when the file names a root that is neither', () => {
    expect(inclusionInBatch({ ids: ['a', 'b'], root: publishedRoot(['b']) }, { index: 1, before: ['c'] })).toBeUndefined()
    expect(inclusionInBatch({ ids: ['a', 'b'], root: publishedRoot(['a', 'b']) }, { index: 2, before: [] })).toBeUndefined()
  })
})
