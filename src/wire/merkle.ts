import { digest, digest2Bytes32, hashInto } from '@chainsafe/as-sha256'
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

/** Of nodes one behind the other, in pairs: many at once take half the time. */
export function parentsOf(nodes: Uint8Array): Uint8Array {
  const parents = new Uint8Array(nodes.length / 2)
  hashInto(nodes, parents)
  return parents
}

/** `ZEROS[level]` is the root of an empty subtree of that height: the neighbour of a last node on that level. */
export const ZEROS: readonly Uint8Array[] = zeros()
function zeros(): Uint8Array[] {
  const list: Uint8Array[] = [new Uint8Array(HASH_BYTES)]
  while (list.length < HEIGHT) list.push(parentOf(list.at(-1) as Uint8Array, list.at(-1) as Uint8Array))
  return list
}

/** A tree that grows. Appending costs two hashes for each text on average, a root 32 more. */
export interface MerkleTree {
  readonly size: number
  append(texts: readonly string[]): void
  /** Root over everything appended so far. The protocol gives the empty tree an empty root: no bytes. */
  root(): Uint8Array
  /** The form written into batches and sent on chain: `0x` and keccak256 of the root. */
  publishedRoot(): Hash
}

/** Leaves, one behind the other. ASCII, which nearly all is, is encoded at once. */
export function leavesOf(texts: readonly string[]): Uint8Array {
  const leaves = new Uint8Array(HASH_BYTES * texts.length)
  const all = texts.join('')
  const bytes = encoder.encode(all)
  const isAscii = bytes.length === all.length
  let start = 0
  for (const [index, text] of texts.entries()) {
    const end = start + text.length
    leaves.set(isAscii ? digest(bytes.subarray(start, end)) : leafOf(text), HASH_BYTES * index)
    start = end
  }
  return leaves
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}

export function createTree(): MerkleTree {
  /** `frontier[level]` is the complete subtree of that height that waits for its right neighbour: there is one where `size` has that bit. */
  // Stryker disable next-line ArrayDeclaration: each level is written before it is read.
  const frontier: Uint8Array[] = []
  let size = 0

  function append(texts: readonly string[]): void {
    let nodes = leavesOf(texts)
    for (let [level, index] = [0, size]; nodes.length > 0; level += 1, index = Math.floor(index / 2)) {
      if (index % 2 === 1) nodes = joined(frontier[level] as Uint8Array, nodes)
      const pairsBytes = nodes.length - (nodes.length % (2 * HASH_BYTES))
      if (pairsBytes < nodes.length) frontier[level] = nodes.slice(pairsBytes)
      nodes = parentsOf(nodes.subarray(0, pairsBytes))
    }
    size += texts.length
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
    append,
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
  tree.append(texts)
  return tree.publishedRoot()
}
