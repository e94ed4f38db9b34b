import type { Hash } from '#domain/ids.ts'
import { HASH_BYTES, HEIGHT, leafOf, leavesOf, parentOf, parentsOf, publish, ZEROS } from './merkle.ts'

/**
 * Shows that a text stands in the tree with a given published root: a submission id in that of its batch, a snapshot CID in that which is on
 * chain. Anybody checks it with SHA-256, keccak256 and nothing else. All in hex, to be passed on as JSON.
 */
export interface InclusionProof {
  readonly text: string
  /** sha256 of the text's bytes. */
  readonly leaf: string
  /** From 0, over all leaves: in a tree that continues earlier batches theirs come first. */
  readonly index: number
  /** The 32 neighbours on the way up, from the leaf. One that stands for an empty subtree is written out like the others. */
  readonly siblings: readonly string[]
  readonly root: Hash
}

/** Proves one leaf of a tree that grows; nothing is kept but what lies beside its way up. An append costs two hashes on average, so that a caller can pause between. */
export interface Prover {
  append(text: string): void
  /** Of the tree as it is now; `undefined` while it has no such leaf. */
  proof(): InclusionProof | undefined
}

/** For the leaf at `index`. */
export function createProver(index: number): Prover {
  const neighbours: (Uint8Array | undefined)[] = []
  /** As in a tree: `frontier[level]` is the complete subtree of that height that waits for its right neighbour. */
  const frontier: Uint8Array[] = []
  const ownAt = (level: number): number => Math.floor(index / 2 ** level)
  let size = 0
  let proven: string | undefined

  function append(text: string): void {
    if (size === index) proven = text
    let node = leafOf(text)
    for (let level = 0, position = size; ; level += 1, position = (position - 1) / 2) {
      if (position === (ownAt(level) % 2 === 0 ? ownAt(level) + 1 : ownAt(level) - 1)) neighbours[level] = node
      if (position % 2 === 0) {
        frontier[level] = node
        break
      }
      node = parentOf(frontier[level] as Uint8Array, node)
    }
    size += 1
  }

  /** One that is not complete ends in empty subtrees. */
  function siblings(): readonly Uint8Array[] {
    let edge = ZEROS[0] as Uint8Array
    return ZEROS.map((zero, level) => {
      const last = Math.floor(size / 2 ** level)
      const sibling = neighbours[level] ?? (ownAt(level) + 1 === last ? edge : zero)
      edge = last % 2 === 1 ? parentOf(frontier[level] as Uint8Array, edge) : parentOf(edge, zero)
      return sibling
    })
  }

  return {
    append,
    proof() {
      if (proven === undefined) return undefined
      const [leaf, beside] = [leafOf(proven), siblings()]
      const root = publish(climb(leaf, index, beside))
      return { text: proven, leaf: leaf.toHex(), index, siblings: beside.map((sibling) => sibling.toHex()), root }
    },
  }
}

function climb(leaf: Uint8Array, index: number, siblings: readonly Uint8Array[]): Uint8Array {
  return siblings.reduce(
    (node, sibling, level) => (Math.floor(index / 2 ** level) % 2 === 0 ? parentOf(node, sibling) : parentOf(sibling, node)),
    leaf,
  )
}

/** `texts` are all leaves of the tree; for a tree that continues earlier batches, theirs come first. `undefined` outside of it. */
export function inclusionProof(texts: readonly string[], index: number): InclusionProof | undefined {
  const prover = createProver(index)
  for (const text of texts) prover.append(text)
  return prover.proof()
}

/**
 * The proof of the id at `index` of a batch, under the root that its file names: in a tree of its own, or in one that continues the ids
 * `before`, of the epoch's earlier batches. `undefined` when neither gives that root.
 */
export function inclusionInBatch(
  batch: { readonly ids: readonly string[]; readonly root: string },
  { index, before }: { readonly index: number; readonly before: readonly string[] },
): InclusionProof | undefined {
  const proofs = [() => inclusionProof([...before, ...batch.ids], before.length + index), () => inclusionProof(batch.ids, index)]
  for (const prove of before.length === 0 ? proofs.slice(1) : proofs) {
    const proof = prove()
    if (proof?.root === batch.root.toLowerCase()) return proof
  }
  return undefined
}

const HASH_FORM = new RegExp(`^[0-9a-f]{${2 * HASH_BYTES}}$`)

/** Whether the proof shows its text under the published root `root`, whatever else it says. False for one of another form. */
export function checkInclusion(proof: Pick<InclusionProof, 'text' | 'leaf' | 'index' | 'siblings'>, root: string): boolean {
  const { text, leaf, index, siblings } = proof
  if (!Number.isSafeInteger(index) || index < 0 || siblings.length !== HEIGHT || !siblings.every((each) => HASH_FORM.test(each)))
    return false
  const node = leafOf(text)
  if (node.toHex() !== leaf || index >= 2 ** HEIGHT) return false
  const beside = siblings.map((each) => Uint8Array.fromHex(each))
  return publish(climb(node, index, beside)) === root.toLowerCase()
}

/** A tree that is complete, with the way up of each of its leaves. */
export interface ProvenTree {
  readonly root: Hash
  /** Of each leaf, the neighbours on the way up as far as they are not empty, 32 bytes each, from the leaf. */
  readonly siblings: readonly Uint8Array[]
}

/** Of at least one text. Costs two hashes for each and 32 in all, as a tree of which nothing is proved. */
export function provenTree(texts: readonly string[]): ProvenTree {
  const levels: Uint8Array[] = []
  let nodes = leavesOf(texts)
  for (; nodes.length > HASH_BYTES; nodes = parentsOf(levels.at(-1) as Uint8Array)) levels.push(evenOf(nodes, levels.length))
  return { root: rootOver({ node: nodes, height: levels.length }), siblings: waysUp(levels, texts.length) }
}

/** All in one piece, of which each has its part. */
function waysUp(levels: readonly Uint8Array[], count: number): Uint8Array[] {
  const all = new Uint8Array(HASH_BYTES * levels.length * count)
  let end = 0
  return Array.from({ length: count }, (_, index) => {
    const start = end
    for (const [level, row] of levels.entries()) {
      const beside = (Math.floor(index / 2 ** level) ^ 1) * HASH_BYTES
      for (let at = beside; at < beside + HASH_BYTES; at += 1, end += 1) all[end] = row[at] as number
    }
    return all.subarray(start, end)
  })
}

/** The nodes of a level in pairs: beside the last of an odd number there is an empty subtree. */
function evenOf(nodes: Uint8Array, level: number): Uint8Array {
  if (nodes.length % (2 * HASH_BYTES) === 0) return nodes
  const even = new Uint8Array(nodes.length + HASH_BYTES)
  even.set(nodes)
  even.set(ZEROS[level] as Uint8Array, nodes.length)
  return even
}

/** Where a way up ends: so high above the leaf, with nothing but empty subtrees beside it from there on. */
export interface Top {
  readonly node: Uint8Array
  readonly height: number
}

/** The end of such a way; `undefined` of what is none: part of a hash, more than the tree is high, an index that lies outside of it. */
export function topAbove(text: string, { index, siblings }: { readonly index: number; readonly siblings: Uint8Array }): Top | undefined {
  const height = siblings.length / HASH_BYTES
  if (!Number.isInteger(height) || height > HEIGHT || !Number.isSafeInteger(index) || index < 0 || index >= 2 ** height) return undefined
  const beside = Array.from({ length: height }, (_, level) => siblings.subarray(HASH_BYTES * level, HASH_BYTES * (level + 1)))
  return { node: climb(leafOf(text), index, beside), height }
}

/** The published root to which it leads: for all that hang on it the same. */
export const rootOver = ({ node, height }: Top): Hash => publish(ZEROS.slice(height).reduce(parentOf, node))
