import { digest, digest2Bytes32 } from '@chainsafe/as-sha256'
import type { Hash } from '#domain/ids.ts'
import { keccak256 } from './keccak.ts'

/**
 * The tree of spec/06 §7: append-only, height 32, SHA-256; leaf = sha256(utf8(text)); missing subtrees count as zeros.
 * What is published is keccak256 of its root.
 */

/** Levels between a leaf and the root; 2^32 leaves fit, far more than fit into memory. */
export const HEIGHT = 32
export const HASH_BYTES = 32

const encoder = new TextEncoder()

export const leafOf = (text: string): Uint8Array => digest(encoder.encode(text))
export const parentOf = (left: Uint8Array, right: Uint8Array): Uint8Array => digest2Bytes32(left, right)

/** `ZEROS[level]` is the root of an empty subtree of that height: the neighbour of a last node on that level. */
export const ZEROS: readonly Uint8Array[] = zeros()
function zeros(): Uint8Array[] {
  const list: Uint8Array[] = [new Uint8Array(HASH_BYTES)]
  while (list.length < HEIGHT) list.push(parentOf(list.at(-1) as Uint8Array, list.at(-1) as Uint8Array))
  return list
}

/** A tree that grows. Appending costs two hashes on average, a root 32 more. */
export interface MerkleTree {
  readonly size: number
  append(text: string): void
  /** Root over everything appended so far. The protocol gives the empty tree an empty root: no bytes. */
  root(): Uint8Array
  /** The form written into batches and sent on chain: `0x` and keccak256 of the root. */
  publishedRoot(): Hash
}

export function createTree(): MerkleTree {
  /** `frontier[level]` is the complete subtree of that height that waits for its right neighbour: there is one where `size` has that bit. */
  // Stryker disable next-line ArrayDeclaration: each level is written before it is read.
  const frontier: Uint8Array[] = []
  let size = 0

  function appendOne(leaf: Uint8Array): void {
    let node = leaf
    let level = 0
    // Each one-bit of the size is a complete left subtree: join it, as a carry runs through an addition.
    for (let index = size; index % 2 === 1; index = (index - 1) / 2) node = parentOf(frontier[level++] as Uint8Array, node)
    frontier[level] = node
    size += 1
  }

  function root(): Uint8Array {
    if (size === 0) return new Uint8Array()
    let node = ZEROS[0] as Uint8Array
    let index = size
    for (const [level, zero] of ZEROS.entries()) {
      node = index % 2 === 1 ? parentOf(frontier[level] as Uint8Array, node) : parentOf(node, zero)
      index = Math.floor(index / 2)
    }
    return node
  }

  return {
    get size() {
      return size
    },
    append: (text) => appendOne(leafOf(text)),
    root,
    publishedRoot: () => publish(root()),
  }
}

/** What is written into batches and sent on chain for a root. */
export function publish(root: Uint8Array): Hash {
  return `0x${keccak256(root).toHex()}` as Hash
}

/** Published root of one tree over `texts`. */
export function publishedRoot(texts: readonly string[]): Hash {
  const tree = createTree()
  for (const text of texts) tree.append(text)
  return tree.publishedRoot()
}
