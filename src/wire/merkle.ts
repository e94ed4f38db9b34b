import type { Hash } from '#domain/ids.ts'
import { keccak256 } from './keccak.ts'
import { HASH_BYTES, inputOf, sha256Of } from './sha256.ts'

/**
 * The tree of spec/06 §7: append-only, height 32, SHA-256; leaf = sha256(utf8(text)); missing subtrees count as zeros.
 * What is published is keccak256 of its root.
 */

/** Levels between a leaf and the root; 2^32 leaves fit, far more than fit into memory. */
const HEIGHT = 32

const encoder = new TextEncoder()

/** Of UTF-8 a code unit takes three bytes at most. */
const leafOf = (text: string): Uint8Array => sha256Of(encoder.encodeInto(text, inputOf(3 * text.length)).written)

function parentOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = inputOf(2 * HASH_BYTES)
  pair.set(left)
  pair.set(right, HASH_BYTES)
  return sha256Of(2 * HASH_BYTES)
}

/** `ZEROS[level]` is the root of an empty subtree of that height: the neighbour of a last node on that level. */
const ZEROS: readonly Uint8Array[] = zeros()
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

function publish(root: Uint8Array): Hash {
  return `0x${keccak256(root).toHex()}` as Hash
}

/** Published root of one tree over `texts`. */
export function publishedRoot(texts: readonly string[]): Hash {
  const tree = createTree()
  for (const text of texts) tree.append(text)
  return tree.publishedRoot()
}

/** Shows that a text stands at `index` of the tree with a given published root. */
export interface InclusionProof {
  readonly index: number
  /** The 32 neighbours on the way up, from the leaf. */
  readonly siblings: readonly Uint8Array[]
}

/** `texts` are all leaves of the tree; for a tree that continues earlier batches, theirs come first. `undefined` outside of it. */
export function inclusionProof(texts: readonly string[], index: number): InclusionProof | undefined {
  if (!Number.isInteger(index) || index < 0 || index >= texts.length) return undefined
  const siblings: Uint8Array[] = []
  let nodes = texts.map(leafOf)
  let position = index
  for (const zero of ZEROS) {
    siblings.push(nodes[position % 2 === 0 ? position + 1 : position - 1] ?? zero)
    nodes = parents(nodes, zero)
    position = Math.floor(position / 2)
  }
  return { index, siblings }
}

function parents(nodes: readonly Uint8Array[], zero: Uint8Array): Uint8Array[] {
  const above: Uint8Array[] = []
  for (let left = 0; left < nodes.length; left += 2) above.push(parentOf(nodes[left] as Uint8Array, nodes[left + 1] ?? zero))
  return above
}

/** Whether `proof` shows `text` under the published root `root`. False for a proof of another height. */
export function isIncluded(text: string, proof: InclusionProof, root: string): boolean {
  if (proof.siblings.length !== HEIGHT || proof.siblings.some((sibling) => sibling.length !== HASH_BYTES)) return false
  let node = leafOf(text)
  let position = proof.index
  for (const sibling of proof.siblings) {
    node = position % 2 === 0 ? parentOf(node, sibling) : parentOf(sibling, node)
    position = Math.floor(position / 2)
  }
  return position === 0 && publish(node) === root.toLowerCase()
}
