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
  /**
   * Takes any piece of the stream and gives the frames that are complete now. Frames are copies: small ones that came together lie in one buffer, of `SHARED_BYTES_MAX` at most, which
   * lives as long as one of them does. Never throws.
   */
  push(chunk: Uint8Array): FrameStep[]
  /** Whether the stream could end here without cutting a frame. */
  isBetweenFrames(): boolean
  /** Memory that a frame which is not whole takes. */
  heldBytes(): number
  /** Nothing more will be read: lets go of what it holds. */
  end(): void
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

/**
 * A buffer for each frame costs more than what is copied into it, and one for all of a piece would live with its smallest frame, of which only the bytes are counted: so much beside the ten
 * thousand that may wait at once is 40 MiB, less than the bytes that may.
 */
const SHARED_BYTES_MAX = 4_096

/** Of a frame in what was read, without its length. */
interface Place {
  readonly start: number
  readonly end: number
}

const NOTHING = new Uint8Array(0)

/** Reads frames of at most `frameBytesMax`. Holds at most one frame in memory, none between two, and copies each byte a bounded number of times. */
export function createFrameReader(options: { readonly frameBytesMax: number }): FrameReader {
  /** The beginning of a frame that is not whole, in the first `length` bytes. */
  let held = NOTHING
  let length = 0
  let isEnded = false

  function end(): void {
    isEnded = true
    held = NOTHING
    length = 0
  }

  /**
   * Holds of the chunk what the frame needs to have `wanted` bytes, and gives how many that were. Doubles when full, so that a frame that comes byte by byte costs as much as
   * one that comes whole, and none takes more than twice what has come of it.
   */
  function hold(chunk: Uint8Array, wanted: number): number {
    const count = Math.min(wanted - length, chunk.length)
    // Stryker disable next-line ConditionalExpression,EqualityOperator: growing sooner copies more and holds the same.
    if (length + count > held.length) {
      const grown = new Uint8Array(Math.min(wanted, Math.max(2 * length, length + count)))
      grown.set(held.subarray(0, length))
      held = grown
    }
    held.set(chunk.subarray(0, count), length)
    length += count
    return count
  }

  /** Where the frame at `offset` lies, if it is whole. */
  function frameAt(bytes: Uint8Array, offset: number, limit: number): Place | 'malformed' | 'oversized' | undefined {
    const prefix = readLength(bytes, offset, limit)
    if (prefix === undefined || prefix === 'malformed') return prefix
    if (prefix.length > options.frameBytesMax) return 'oversized'
    const frameEnd = prefix.start + prefix.length
    return frameEnd > limit ? undefined : { start: prefix.start, end: frameEnd }
  }

  function stopAt(kind: 'malformed' | 'oversized', steps: FrameStep[]): void {
    steps.push({ kind })
    end()
  }

  /** Copies frames that lie one behind another. */
  function cut(chunk: Uint8Array, places: readonly Place[], steps: FrameStep[]): void {
    const from = places[0]?.start ?? 0
    // What a `Buffer` calls a slice is no copy, and would keep all that came with it.
    const own = new Uint8Array(chunk.subarray(from, places.at(-1)?.end ?? 0))
    for (const { start, end: frameEnd } of places) steps.push({ kind: 'frame', bytes: own.subarray(start - from, frameEnd - from) })
  }

  /** Reads the frames that lie whole from `offset` on, and gives where they end. */
  function readWhole(chunk: Uint8Array, offset: number, steps: FrameStep[]): number {
    let together: Place[] = []
    let at = offset
    let found = frameAt(chunk, at, chunk.length)
    for (; typeof found === 'object'; found = frameAt(chunk, at, chunk.length)) {
      if (found.end - (together[0] ?? found).start > SHARED_BYTES_MAX) {
        cut(chunk, together, steps)
        together = []
      }
      together.push(found)
      at = found.end
    }
    cut(chunk, together, steps)
    if (found !== undefined) stopAt(found, steps)
    return at
  }

  /** Reads on in the frame that has begun, and gives how much of the chunk it takes. */
  function readHeld(chunk: Uint8Array, steps: FrameStep[]): number {
    const count = hold(chunk, wantedBytes())
    const found = frameAt(held, 0, length)
    if (found === undefined) return count
    if (typeof found === 'object') {
      steps.push({ kind: 'frame', bytes: held.subarray(found.start, found.end) })
      held = NOTHING
      length = 0
    } else stopAt(found, steps)
    return count
  }

  /** Bytes of the frame that has begun, its length included, or as many as are needed to go on with that. */
  function wantedBytes(): number {
    const prefix = readLength(held, 0, length)
    return typeof prefix === 'object' ? prefix.start + prefix.length : length + 1
  }

  return {
    push(chunk) {
      const steps: FrameStep[] = []
      let offset = 0
      // What has begun is given what it lacks; what follows is read where it lies, and the beginning of another held.
      while (!isEnded && offset < chunk.length) {
        if (length > 0) {
          offset += readHeld(chunk.subarray(offset), steps)
          continue
        }
        offset = readWhole(chunk, offset, steps)
        const rest = chunk.subarray(offset)
        if (!isEnded) offset += hold(rest, rest.length)
      }
      return steps
    },
    isBetweenFrames: () => length === 0,
    heldBytes: () => held.length,
    end,
  }
}
