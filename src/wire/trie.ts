import { decodeRlp, type Rlp } from './rlp.ts'

/** Reads the tries in which a block keeps accounts, and accounts their storage (yellow paper, appendix D). */

/** The root of a trie without anything. */
export const EMPTY_ROOT = '56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421'

const HASH_BYTES = 32
const BRANCH_ITEMS = 17

/**
 * The value under `key` in the trie with the root `root`: `undefined` when the trie has none, which is proved as well. `nodeOf` gives the node
 * that has a hash (hex without `0x`), and answers for that: `lacking` names the hash of one that it does not have, or that is no node.
 */
export function trieValue(
  root: string,
  key: Uint8Array,
  nodeOf: (hash: string) => Uint8Array | undefined,
): { readonly value: Uint8Array | undefined } | { readonly lacking: string } {
  if (root === EMPTY_ROOT) return { value: undefined }
  const path = [...key].flatMap((byte) => [byte >> 4, byte & 15])
  let hash = root
  let node = nodeAt(hash, nodeOf)
  // Each turn takes at least one half byte of the path, so that no nodes can lead round in a circle.
  for (let depth = 0; depth <= path.length; ) {
    const next = node === undefined ? undefined : stepInto(node, path.slice(depth))
    if (next === undefined) break
    if ('value' in next) return next
    depth += next.taken
    if (next.child instanceof Uint8Array) {
      hash = next.child.toHex()
      node = nodeAt(hash, nodeOf)
    } else node = next.child
  }
  return { lacking: hash }
}

function nodeAt(hash: string, nodeOf: (hash: string) => Uint8Array | undefined): readonly Rlp[] | undefined {
  const bytes = nodeOf(hash)
  const node = bytes && decodeRlp(bytes)
  return node instanceof Uint8Array ? undefined : node
}

type Step =
  | { readonly value: Uint8Array | undefined }
  /** The node below, by its hash or itself where it is short, and how much of the path leads there. */
  | { readonly child: Uint8Array | readonly Rlp[]; readonly taken: number }

/** What one node says of the rest of a path; `undefined` of what is no node. */
function stepInto(node: readonly Rlp[], path: readonly number[]): Step | undefined {
  if (node.length === BRANCH_ITEMS) {
    // Keys are of one length here: a branch where one ends is no node.
    const [digit] = path
    return digit === undefined ? undefined : below(node[digit] as Rlp, 1)
  }
  const [packed, rest] = node
  if (node.length !== 2 || !(packed instanceof Uint8Array) || rest === undefined) return undefined
  const own = unpacked(packed)
  if (own === undefined) return undefined
  const isOnWay = own.digits.length <= path.length && own.digits.every((digit, index) => digit === path[index])
  if (own.isLeaf) {
    if (!(rest instanceof Uint8Array)) return undefined
    return { value: isOnWay && own.digits.length === path.length ? rest : undefined }
  }
  if (own.digits.length === 0) return undefined
  return isOnWay ? below(rest, own.digits.length) : { value: undefined }
}

function below(child: Rlp, taken: number): Step | undefined {
  if (!(child instanceof Uint8Array)) return { child, taken }
  if (child.length === 0) return { value: undefined }
  return child.length === HASH_BYTES ? { child, taken } : undefined
}

/** A path with its kind in front (hex prefix encoding, yellow paper, appendix C). */
function unpacked(packed: Uint8Array): { readonly digits: readonly number[]; readonly isLeaf: boolean } | undefined {
  const [first] = packed
  if (first === undefined || first >> 4 > 3) return undefined
  const isOdd = (first & 0x10) !== 0
  if (!isOdd && (first & 15) !== 0) return undefined
  const digits = [...packed].flatMap((byte) => [byte >> 4, byte & 15])
  return { digits: digits.slice(isOdd ? 1 : 2), isLeaf: (first & 0x20) !== 0 }
}
