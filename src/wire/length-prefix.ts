/** Messages of known length on a byte stream: an unsigned varint with the length, then the message. */

/** Seven bits a byte: three bytes hold 2^21 - 1, more than any frame of ours. */
const PREFIX_BYTES_MAX = 3

/** One message with its length before it. The message must be shorter than 2 MiB. */
export function withLength(message: Uint8Array): Uint8Array {
  const prefix: number[] = []
  let rest = message.length
  while (rest >= 0x80) {
    prefix.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  prefix.push(rest)
  const framed = new Uint8Array(prefix.length + message.length)
  framed.set(prefix)
  framed.set(message, prefix.length)
  return framed
}

/** What reading one step further gave. After `malformed` or `oversized` nothing more can be read: where the next frame starts is unknown. */
export type FrameStep =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'oversized' }

export interface FrameReader {
  /** Takes any piece of the stream and gives the frames that are complete now. Frames are copies. Never throws. */
  push(chunk: Uint8Array): FrameStep[]
  /** Whether the stream could end here without cutting a frame. */
  isBetweenFrames(): boolean
}

/** Length at `offset`: the value and where the message starts, `undefined` while bytes are missing, `malformed` when it is no length. */
function readLength(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { readonly length: number; readonly start: number } | 'malformed' | undefined {
  let length = 0
  for (let index = 0; index < PREFIX_BYTES_MAX; index += 1) {
    if (offset + index >= end) return undefined
    const byte = bytes[offset + index] as number
    length |= (byte & 0x7f) << (7 * index)
    // A last byte of zero spells a length that has a shorter spelling, or that of an empty message, which there is not.
    if (byte < 0x80) return byte === 0 ? 'malformed' : { length, start: offset + index + 1 }
  }
  return 'malformed'
}

/** Reads frames of at most `frameBytesMax`. Holds at most one frame and one chunk in memory, and copies each byte a bounded number of times. */
export function createFrameReader(options: { readonly frameBytesMax: number }): FrameReader {
  let held = new Uint8Array(0)
  let start = 0
  let end = 0
  let isBroken = false

  /** Doubles when full, so that a frame that comes byte by byte costs as much as one that comes whole. */
  function hold(chunk: Uint8Array): void {
    // Stryker disable next-line ConditionalExpression,EqualityOperator: growing sooner copies more and holds the same.
    if (end + chunk.length > held.length) {
      const length = end - start
      const grown = new Uint8Array(Math.max(2 * length, length + chunk.length))
      grown.set(held.subarray(start, end))
      held = grown
      end = length
      start = 0
    }
    held.set(chunk, end)
    end += chunk.length
  }

  function next(bytes: Uint8Array, offset: number, limit: number): { readonly step: FrameStep; readonly offset: number } | undefined {
    const prefix = readLength(bytes, offset, limit)
    if (prefix === undefined) return undefined
    if (prefix === 'malformed') return { step: { kind: 'malformed' }, offset: limit }
    if (prefix.length > options.frameBytesMax) return { step: { kind: 'oversized' }, offset: limit }
    const frameEnd = prefix.start + prefix.length
    if (frameEnd > limit) return undefined
    // A copy, which the `slice` of a Buffer is not: one small frame must not keep a whole socket read alive.
    return { step: { kind: 'frame', bytes: new Uint8Array(bytes.subarray(prefix.start, frameEnd)) }, offset: frameEnd }
  }

  return {
    push(chunk) {
      if (isBroken) return []
      // Stryker disable next-line ConditionalExpression,EqualityOperator: a chunk that need not be held can be, at the cost of a copy.
      const isHolding = end > start
      // Stryker disable next-line ConditionalExpression: what is held for nothing is written over below, at the cost of a copy.
      if (isHolding) hold(chunk)
      const bytes = isHolding ? held : chunk
      const limit = isHolding ? end : chunk.length
      let offset = isHolding ? start : 0
      const steps: FrameStep[] = []
      for (let found = next(bytes, offset, limit); found !== undefined; found = next(bytes, offset, limit)) {
        steps.push(found.step)
        offset = found.offset
        if (found.step.kind !== 'frame') {
          isBroken = true
          break
        }
      }
      if (isHolding) start = offset
      else {
        start = 0
        end = 0
        hold(chunk.subarray(offset))
      }
      return steps
    },
    isBetweenFrames: () => start === end,
  }
}
