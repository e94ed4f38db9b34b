/** Recursive length prefix, as blocks and tries have it (yellow paper, appendix B): bytes, or a list of such. */
export type Rlp = Uint8Array | readonly Rlp[]

/** Lists within lists: a node of a trie has two, and a stranger's bytes must not fill the stack. */
const DEPTH_MAX = 16

/** From this byte on it is a list; what is below is told in the same way of bytes. */
const LIST = 0xc0
const BYTES = 0x80
/** Lengths up to this stand in the first byte itself. */
const SHORT_MAX = 55

interface Read {
  readonly item: Rlp
  readonly end: number
}

/** `undefined` for what is no RLP of one item, or not its only one: each item has one form. */
export function decodeRlp(bytes: Uint8Array): Rlp | undefined {
  const read = readItem(bytes, 0, 0)
  return read?.end === bytes.length ? read.item : undefined
}

function readItem(bytes: Uint8Array, start: number, depth: number): Read | undefined {
  const first = bytes[start]
  if (first === undefined || depth > DEPTH_MAX) return undefined
  if (first < BYTES) return { item: bytes.subarray(start, start + 1), end: start + 1 }
  const body = bodyOf(bytes, start, first >= LIST ? LIST : BYTES)
  if (body === undefined) return undefined
  if (first >= LIST) return readList(bytes, body, depth)
  const item = bytes.subarray(body.from, body.end)
  // One byte below 0x80 is itself.
  return item.length === 1 && (item[0] as number) < BYTES ? undefined : { item, end: body.end }
}

/** Where the item's content lies; `undefined` when it would end behind the bytes, or its length could be told in a shorter way. */
function bodyOf(bytes: Uint8Array, start: number, base: number): { readonly from: number; readonly end: number } | undefined {
  const told = (bytes[start] as number) - base
  if (told <= SHORT_MAX) return within(bytes, start + 1, told)
  const from = start + 1 + told - SHORT_MAX
  const digits = bytes.subarray(start + 1, from)
  // More than 4 bytes of length are more than anybody has.
  if (digits.length !== told - SHORT_MAX || digits.length > 4 || digits[0] === 0) return undefined
  const length = digits.reduce((sum, digit) => sum * 256 + digit, 0)
  return length <= SHORT_MAX ? undefined : within(bytes, from, length)
}

const within = (bytes: Uint8Array, from: number, length: number) =>
  from + length > bytes.length ? undefined : { from, end: from + length }

function readList(bytes: Uint8Array, body: { readonly from: number; readonly end: number }, depth: number): Read | undefined {
  const items: Rlp[] = []
  let at = body.from
  while (at < body.end) {
    const read = readItem(bytes, at, depth + 1)
    if (read === undefined || read.end > body.end) return undefined
    items.push(read.item)
    at = read.end
  }
  return { item: items, end: body.end }
}
