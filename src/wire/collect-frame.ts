import { isSubmissionId } from '#domain/ids.ts'
import { createHeldBytes } from './held-bytes.ts'
import { SUBMISSION_BYTES_MAX } from './submission-proto.ts'

/**
 * The deployed stream `/collect` (spec/02 §3): a UUID in 36 ASCII bytes, JSON right behind it, nothing between messages and no answer.
 * The deployed listener takes one read for one message; this reader takes any chunking, and finds the next message after garbage.
 */
export const COLLECT_PROTOCOL = '/collect'

/** A deployed listener reads once, up to this many bytes, and takes what it got for one message. */
export const COLLECT_WRITE_BYTES_MAX = 1_024

const ID_BYTES = 36
/** Garbage that one stream may hold in all before it is given up: enough to step over a broken message. */
const GARBAGE_BYTES_MAX = SUBMISSION_BYTES_MAX

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d
const DASH = 0x2d
const SPACE = 0x20

export type CollectStep =
  | { readonly kind: 'message'; readonly submissionId: string; readonly payload: Uint8Array }
  | { readonly kind: 'frame_malformed' }
  | { readonly kind: 'frame_oversized' }

export interface CollectReader {
  /** Takes any piece of the stream and gives what is complete now; one `frame_malformed` per stretch of garbage. Never throws. */
  push(chunk: Uint8Array): CollectStep[]
  /** What the end of the stream means: a `frame_malformed` when it cuts a message. Lets go of what is held: nothing more will be read. */
  finish(): CollectStep[]
  /** Whether the stream could end here without cutting a message, or garbage. */
  isBetweenMessages(): boolean
  /** After too much garbage, or a message over 64 KiB: nothing more will be read, close the stream. */
  isEnded(): boolean
  /** Memory that a message which is not whole takes, or garbage. */
  heldBytes(): number
}

/** The bytes of one message for `/collect`. */
export function encodeCollect(submissionId: string, json: string): Uint8Array {
  return new TextEncoder().encode(submissionId + json)
}

function asciiAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + ID_BYTES))
}

/** Whether a message starts at `offset`: an id and an opening brace. The cheap tests come first, this runs for every byte of garbage. */
function isStart(bytes: Uint8Array, offset: number): boolean {
  return (
    bytes[offset + ID_BYTES] === OPEN &&
    // Stryker disable next-line ConditionalExpression: an id without its dash is refused below as well, only dearer.
    bytes[offset + 8] === DASH &&
    isSubmissionId(asciiAt(bytes, offset))
  )
}

/** Bytes of white space at the front: some senders end a message with a newline, which means nothing. */
function spaceAhead(bytes: Uint8Array): number {
  let offset = 0
  while (offset < bytes.length && (bytes[offset] as number) <= SPACE) offset += 1
  return offset
}

/** Bytes before the first that a message may start with, as far as can be told: the last 36 may be an id whose brace is still to come. */
function garbageAhead(bytes: Uint8Array): number {
  let offset = 0
  while (offset + ID_BYTES < bytes.length && !isStart(bytes, offset)) offset += 1
  return offset
}

/** Room that is kept for the next message, though nothing waits: what deployed peers write at once. */
const ROOM_BYTES_MIN = COLLECT_WRITE_BYTES_MAX

type Found = { readonly end: number } | { readonly restart: number }

/** Reads through the JSON of the message at the front, each byte once however the stream is cut. */
function createJsonScan() {
  let position = ID_BYTES
  let depth = 0
  let isInString = false
  let isEscaped = false
  return {
    /** For another message at the front. */
    reset(): void {
      position = ID_BYTES
      depth = 0
      isInString = false
      isEscaped = false
    },
    /** Goes on. Gives the end of the JSON, or where another message begins inside it, or `undefined` when more bytes are needed. */
    on(bytes: Uint8Array): Found | undefined {
      for (; position < bytes.length; position += 1) {
        const byte = bytes[position] as number
        if (isEscaped) isEscaped = false
        else if (isInString && byte === BACKSLASH) isEscaped = true
        else if (byte === QUOTE) isInString = !isInString
        else if (isInString) continue
        else if (byte === OPEN) {
          // An id never stands before a brace in JSON: the sender died in the message before and started anew.
          if (depth > 0 && isStart(bytes, position - ID_BYTES)) return { restart: position - ID_BYTES }
          depth += 1
        } else if (byte === CLOSE) {
          depth -= 1
          if (depth === 0) return { end: position + 1 }
        }
      }
      return undefined
    },
  }
}

export function createCollectReader(): CollectReader {
  let held = createHeldBytes(ROOM_BYTES_MIN)
  const json = createJsonScan()
  let garbageBytes = 0
  let isInGarbage = false
  let isEnded = false

  function drop(count: number): void {
    held.drop(count)
    json.reset()
  }

  /** Drops `count` bytes that belong to no message; tells the first time, ends the stream when it is too much. */
  function dropGarbage(count: number, steps: CollectStep[]): void {
    if (count === 0) return
    if (!isInGarbage) steps.push({ kind: 'frame_malformed' })
    isInGarbage = true
    garbageBytes += count
    isEnded = garbageBytes > GARBAGE_BYTES_MAX
    drop(count)
  }

  /** Brings the next message to the front of `held`, where it may be already. False when more bytes are needed. */
  function findStart(steps: CollectStep[]): boolean {
    const space = spaceAhead(held.bytes())
    // Stryker disable next-line ConditionalExpression,EqualityOperator: dropping nothing only makes what was scanned be scanned again.
    if (space > 0) drop(space)
    dropGarbage(garbageAhead(held.bytes()), steps)
    if (isEnded || held.bytes().length <= ID_BYTES) return false
    isInGarbage = false
    return true
  }

  function readOne(steps: CollectStep[]): boolean {
    if (!findStart(steps)) return false
    const bytes = held.bytes()
    const found = json.on(bytes)
    if (found === undefined || ('end' in found && found.end - ID_BYTES > SUBMISSION_BYTES_MAX)) {
      isEnded = bytes.length - ID_BYTES > SUBMISSION_BYTES_MAX
      if (isEnded) steps.push({ kind: 'frame_oversized' })
      return false
    }
    if ('restart' in found) {
      dropGarbage(found.restart, steps)
      return !isEnded
    }
    steps.push({ kind: 'message', submissionId: asciiAt(bytes, 0), payload: bytes.slice(ID_BYTES, found.end) })
    drop(found.end)
    return true
  }

  return {
    push(chunk) {
      const steps: CollectStep[] = []
      if (isEnded) return steps
      held.add(chunk)
      let isMore = true
      while (isMore) isMore = readOne(steps)
      // Stryker disable next-line ConditionalExpression: gives the memory back; nothing reads it any more.
      if (isEnded) held = createHeldBytes(ROOM_BYTES_MIN)
      return steps
    },
    finish() {
      const isCut = !isEnded && held.bytes().length > 0 && !isInGarbage
      isEnded = true
      held = createHeldBytes(ROOM_BYTES_MIN)
      return isCut ? [{ kind: 'frame_malformed' }] : []
    },
    isBetweenMessages: () => held.bytes().length === 0,
    isEnded: () => isEnded,
    heldBytes: () => held.roomBytes(),
  }
}
