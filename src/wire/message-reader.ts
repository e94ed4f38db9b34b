import { WireType } from '@bufbuild/protobuf/wire'

/** How a field is read: as a number, as text, as so many bytes. */
type FieldKind = 'uint' | 'text' | 'bytes'

/**
 * Finds the fields of a protobuf message where they lie, for messages of which there are thousands a second: an object of the generated type costs ten times as much. Reads what is
 * plain, as writers leave it: fields that the message has, each once at most, numbers below 2^53, texts of ASCII. All else that protobuf allows is for the generated code,
 * which reads the same of what is plain.
 */
export interface MessageReader {
  /** Whether the bytes are such a message. What it holds is asked for before the next is read, and of one that is none nothing is. */
  read(bytes: Uint8Array): boolean
  has(field: number): boolean
  /** 0 where there is none. */
  uint(field: number): number
  /** Empty where there is none. */
  text(field: number): string
  /** A part of what was read; empty where there is none. */
  bytes(field: number): Uint8Array
}

/** From 0 on, the numbers of fields that one byte holds beside how they are written. */
const FIELDS_MAX = 16
/** Seven bits each: all that is below 2^53 takes no more, unless its writer wastes some. */
const VARINT_BYTES_MAX = 8

/** `kinds`: of each field of the message, by its number. */
export function createMessageReader(kinds: Readonly<Record<number, FieldKind>>): MessageReader {
  /** Of a number: itself. Of others: where it begins. */
  const values = new Float64Array(FIELDS_MAX)
  const ends = new Float64Array(FIELDS_MAX)
  /** Of a tag of several bytes there is none: its first says 16 at least. */
  const kindOf = Array.from(values, (_, field) => kinds[field])
  /** A bit for each field that is there. */
  let given = 0
  let source: Uint8Array = new Uint8Array()
  /** The same bytes, seen as what makes a text of them in one call. */
  let texts: Buffer = Buffer.alloc(0)
  let at = 0

  /** `undefined` where there is none below 2^53. */
  function varint(): number | undefined {
    let value = 0
    let scale = 1
    const end = Math.min(at + VARINT_BYTES_MAX, source.length)
    while (at < end) {
      const byte = source[at] as number
      at += 1
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : undefined
      scale *= 0x80
    }
    return undefined
  }

  function isAscii(from: number, to: number): boolean {
    // Stryker disable next-line EqualityOperator: behind a text is the end or a tag, and neither is plain where it is not ASCII.
    for (let index = from; index < to; index += 1) {
      if ((source[index] as number) >= 0x80) return false
    }
    return true
  }

  /** Whether there is one at `at` that is plain. */
  function readField(): boolean {
    const tag = source[at] as number
    const field = tag >>> 3
    const bit = 1 << field
    at += 1
    const kind = kindOf[field]
    if (kind === undefined || (tag & 7) !== (kind === 'uint' ? WireType.Varint : WireType.LengthDelimited)) return false
    if ((given & bit) !== 0) return false
    given |= bit
    const value = varint()
    if (value === undefined) return false
    if (kind === 'uint') {
      values[field] = value
      return true
    }
    const end = at + value
    if (end > source.length || (kind === 'text' && !isAscii(at, end))) return false
    values[field] = at
    ends[field] = end
    at = end
    return true
  }

  const has = (field: number): boolean => (given & (1 << field)) !== 0
  return {
    read(bytes) {
      source = bytes
      texts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      given = 0
      at = 0
      while (at < source.length) if (!readField()) return false
      return true
    },
    has,
    uint: (field) => (has(field) ? (values[field] as number) : 0),
    text: (field) => (has(field) ? texts.toString('latin1', values[field], ends[field]) : ''),
    bytes: (field) => (has(field) ? source.subarray(values[field], ends[field]) : new Uint8Array()),
  }
}
