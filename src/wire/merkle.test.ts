import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTree, publishedRoot } from './merkle.ts'

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

const texts = fc.array(fc.oneof(fc.string({ maxLength: 12 }), fc.string({ maxLength: 4, unit: 'binary' })), { maxLength: 40 })

describe('the tree', () => {
  test('has the root of the algorithm in the specification', () => {
    fc.assert(
      fc.property(texts, (leaves) => {
        const tree = createTree()
        tree.append(leaves)
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
        tree.append(first)
        tree.publishedRoot()
        tree.append(second)
        expect(tree.publishedRoot()).toBe(publishedRoot([...first, ...second]))
      }),
      { numRuns: 100, ...replayFromEnv },
    )
  })

  test('depends on the order of its leaves', () => {
    expect(publishedRoot(['a', 'b'])).not.toBe(publishedRoot(['b', 'a']))
  })
})
