import { toRlp } from 'viem/utils'
import { keccak256 } from '#wire/keccak.ts'

type Node = Uint8Array | readonly Node[]
interface Item {
  /** Half bytes of the key. */
  readonly path: readonly number[]
  readonly value: Uint8Array
}

const EMPTY = new Uint8Array()
const rlp = (node: Node): Uint8Array => toRlp(node as Parameters<typeof toRlp>[0], 'bytes')

/** A path with its kind in front (hex prefix encoding, yellow paper, appendix C). */
function packed(path: readonly number[], isLeaf: boolean): Uint8Array {
  const flag = (isLeaf ? 2 : 0) + (path.length % 2)
  const digits = path.length % 2 === 0 ? [flag, 0, ...path] : [flag, ...path]
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, index) => (digits[index * 2] as number) * 16 + (digits[index * 2 + 1] as number),
  )
}

/** How a node is named by the one above: itself when it is short, else its hash, and then it is one of `nodes`. */
function named(node: Node, nodes: Uint8Array[]): Node {
  const bytes = rlp(node)
  if (bytes.length < 32) return node
  nodes.push(bytes)
  return keccak256(bytes)
}

/** The node over items that have the path up to `depth` in common; no key is the beginning of another one. */
function nodeOver(items: readonly Item[], depth: number, nodes: Uint8Array[]): Node {
  const [first, ...others] = items as [Item, ...Item[]]
  if (others.length === 0) return [packed(first.path.slice(depth), true), first.value]
  let end = depth
  while (others.every(({ path }) => path[end] === first.path[end])) end += 1
  if (end > depth) return [packed(first.path.slice(depth, end), false), named(nodeOver(items, end, nodes), nodes)]
  const byDigit = Map.groupBy(items, ({ path }) => path[depth] as number)
  const branches = Array.from({ length: 16 }, (_, digit) => {
    const below = byDigit.get(digit)
    return below === undefined ? EMPTY : named(nodeOver(below, depth + 1, nodes), nodes)
  })
  return [...branches, EMPTY]
}

interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** The trie in which each value lies under its key: its root, and its nodes, but for those that stand in the ones above. No key is the beginning of another. */
export function trieOf(entries: readonly Entry[]): { readonly root: Uint8Array; readonly nodes: readonly Uint8Array[] } {
  const items = entries.map(({ key, value }) => ({ path: [...key].flatMap((byte) => [byte >> 4, byte & 15]), value }))
  const nodes: Uint8Array[] = []
  const top = rlp(items.length === 0 ? EMPTY : nodeOver(items, 0, nodes))
  return { root: keccak256(top), nodes: [top, ...nodes] }
}

/** The root of the trie in which each value lies under its number, as blocks have it of receipts. */
export function orderedRoot(values: readonly Uint8Array[]): `0x${string}` {
  const entries = values.map((value, index) => ({
    key: rlp(index === 0 ? EMPTY : Uint8Array.fromHex(index.toString(16).padStart(index < 256 ? 2 : index < 65_536 ? 4 : 6, '0'))),
    value,
  }))
  return `0x${trieOf(entries).root.toHex()}`
}
