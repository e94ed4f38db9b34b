import type { StoreWrite } from '#io/store/port.ts'

/** Writes of a store as entries of a log: a byte that says what it is, then a part of the bytes of one commit. */

const LAST = 0
const MORE_FOLLOWS = 1
const CLAIM = 2

/** What a new writer says first: what the one before it had not finished is nothing. */
export const claim = (): Uint8Array => Uint8Array.of(CLAIM)

const REMOVED = 0xffff_ffff
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The entries of one commit, in order, none longer than `bytesMax`. */
export function entriesOf(writes: readonly StoreWrite[], bytesMax: number): readonly Uint8Array[] {
  const all = encodeWrites(writes)
  const partMax = bytesMax - 1
  const count = Math.max(1, Math.ceil(all.length / partMax))
  return Array.from({ length: count }, (_, part) => {
    const bytes = all.subarray(part * partMax, (part + 1) * partMax)
    const entry = new Uint8Array(1 + bytes.length)
    entry[0] = part + 1 < count ? MORE_FOLLOWS : LAST
    entry.set(bytes, 1)
    return entry
  })
}

/** To be given each entry in order. Returns the writes of a commit with its last entry. */
export function createEntryReader(): (entry: Uint8Array) => readonly StoreWrite[] | undefined {
  let parts: Uint8Array[] = []
  return (entry) => {
    if (entry[0] === CLAIM) parts = []
    else parts.push(entry.subarray(1))
    if (entry[0] !== LAST) return undefined
    const writes = decodeWrites(joined(parts))
    parts = []
    return writes
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Of each write the length of its key, the key, the length of its value or that it is removed, the value. */
function encodeWrites(writes: readonly StoreWrite[]): Uint8Array {
  const keys = writes.map(({ key }) => encoder.encode(key))
  const length = writes.reduce((sum, { value }, index) => sum + 8 + (keys[index] as Uint8Array).length + (value?.length ?? 0), 0)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const [index, { value }] of writes.entries()) {
    const key = keys[index] as Uint8Array
    view.setUint32(at, key.length)
    bytes.set(key, at + 4)
    at += 4 + key.length
    view.setUint32(at, value?.length ?? REMOVED)
    if (value !== undefined) bytes.set(value, at + 4)
    at += 4 + (value?.length ?? 0)
  }
  return bytes
}

/** The log is ours: what does not decode was written by another version. */
function decodeWrites(bytes: Uint8Array): readonly StoreWrite[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const writes: StoreWrite[] = []
  for (let at = 0; at < bytes.length; ) {
    const keyEnd = at + 4 + view.getUint32(at)
    const key = decoder.decode(bytes.subarray(at + 4, keyEnd))
    const length = view.getUint32(keyEnd)
    const isRemoved = length === REMOVED
    at = keyEnd + 4 + (isRemoved ? 0 : length)
    writes.push(isRemoved ? { key } : { key, value: bytes.subarray(keyEnd + 4, at) })
  }
  return writes
}
