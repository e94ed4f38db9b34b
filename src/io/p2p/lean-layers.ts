import type { Stream } from '@libp2p/interface'
import { addressOwner } from '#domain/address-block.ts'
import type { Holdings } from './holdings.ts'

/**
 * The layers of a connection: TCP, or a relay's circuit, and Noise on it. The library hands bytes from one to the next by an event, through lists of pieces, and tells
 * by another, which nobody hears, that it has; with small messages that is a fifth of what it takes to receive and answer them. Here what need not wait goes to the next
 * layer at once, by a call, and whatever does need to (reading is paused, the socket is full, one side has ended) goes the library's own way, in its order.
 * What a peer may have a layer hold has limits here that the library lacks. Reaches below its interfaces; `lean-layers.test.ts` sees that its pinned version is so.
 */

/** What a layer hands on, in one piece or several. */
export interface Bytes {
  readonly byteLength: number
  subarray(): Uint8Array
}

/** What waits to be read, as the library lists it. */
export interface Pieces extends Bytes {
  readonly bufs: readonly Uint8Array[]
  append(...more: readonly Bytes[]): void
  consume(count: number): void
}

/** What tells of itself by events. */
export interface Told {
  listenerCount(type: string): number
  safeDispatchEvent(type: string, detail?: object): boolean
}

/** One that takes bytes and hands them on: a connection, what encrypts it, or a stream on top of both. */
export interface Layer extends Told {
  readonly readStatus: string
  readonly remoteWriteStatus: string
  readonly readBuffer: Pieces
  readonly writeStatus: string
  readonly writeBuffer: Bytes
  readonly sendingData: boolean
  writableNeedsDrain: boolean
  onData(bytes: Bytes): void
  send(bytes: Bytes): boolean
  sendResume(): void
  sendData(bytes: Bytes): { readonly canSendMore: boolean; readonly sentBytes: number }
  abort(failure: Error): void
}

/** Noise, where the library has it as its pinned version does. */
interface Encrypted extends Layer {
  readonly stream: Layer & {
    readonly remoteAddr?: { toString(): string }
    readonly socket?: { readonly writableLength: number; write(bytes: Uint8Array): boolean }
    addEventListener(type: 'drain' | 'close', listener: () => void): void
  }
  readonly decoder: { readonly buffer: Bytes; decode(bytes: Bytes): readonly Uint8Array[] }
  decrypt(piece: Uint8Array): Bytes
}

/** The muxer on top of them. */
export interface Muxer {
  onData(bytes: Bytes): void
  abort(failure: Error): void
  /** What it holds of frames that are not whole, and for streams that are not in use yet. */
  heldBytes(): number
  streamCount(): number
}

/** Of a connection that has been encrypted, and belongs to the muxer from now on. Any other is left as it is. What its peer makes it hold counts among `holdings`. */
export function straighten(connection: object, muxer: Muxer, holdings: Holdings): void {
  if (!('stream' in connection && 'decoder' in connection)) return
  const encrypted = connection as Encrypted
  const { stream: below } = encrypted
  const cut = createNoiseReader()
  // What has come of a piece while the peers agreed on a muxer.
  cut(encrypted.decoder.buffer.subarray())
  const decrypt = inTurn((bytes) => {
    for (const piece of cut(bytes.subarray())) encrypted.onData(encrypted.decrypt(piece))
  })
  // Also for what goes the library's own way: a piece may begin on one and end on the other.
  encrypted.decoder.decode = (bytes) => {
    decrypt(bytes)
    return []
  }
  writeAtOnce(below)
  const { socket } = below
  const holding = holdings.open(addressOwner(below.remoteAddr?.toString() ?? ''), () => {
    encrypted.abort(new Error('there is no room for what the peer leaves unfinished, or unread'))
  })
  const note = (): void => {
    const unsentBytes = unsent.reduce((sum, bytes) => sum + bytes(), socket?.writableLength ?? 0)
    holding.set(cut.heldBytes() + muxer.heldBytes() + below.readBuffer.byteLength + encrypted.readBuffer.byteLength + unsentBytes)
  }
  const unsent = [below, encrypted].map((layer) => {
    joinPieces(layer.readBuffer)
    stayPaused(layer)
    tellWhoListens(layer)
    return sendStraight(layer, { unsentBytesMax: () => UNSENT_BYTES_MAX + UNSENT_BYTES_OF_STREAM * muxer.streamCount(), onUnsent: note })
  })
  // The library sends what waits in a microtask of its own, which comes before this one.
  below.addEventListener('drain', () => queueMicrotask(note))
  below.addEventListener('close', holding.end)
  readStraight(below, (bytes) => {
    try {
      decrypt(bytes)
    } catch (failure) {
      encrypted.abort(failure as Error)
    }
    note()
  })
  readStraight(encrypted, (bytes) => {
    try {
      muxer.onData(bytes)
    } catch (failure) {
      muxer.abort(failure as Error)
      encrypted.abort(failure as Error)
    }
  })
}

/** What comes while something is taken waits until all of that is: a layer below may be read again in the middle of it, and what it held would overtake the rest. */
export function inTurn(take: (bytes: Bytes) => void): (bytes: Bytes) => void {
  const behind: Bytes[] = []
  let isTaking = false
  return (bytes) => {
    if (isTaking) return void behind.push(bytes)
    isTaking = true
    try {
      take(bytes)
      for (const next of behind) take(next)
    } finally {
      behind.length = 0
      isTaking = false
    }
  }
}

function readStraight(layer: Layer, next: (bytes: Bytes) => void): void {
  const onData = layer.onData.bind(layer)
  layer.onData = (bytes) => {
    const isOpen = layer.readStatus === 'readable' && layer.remoteWriteStatus === 'writable'
    // Of nothing the library tells nobody.
    if (isOpen && layer.readBuffer.byteLength === 0 && bytes.byteLength > 0) next(bytes)
    else onData(bytes)
  }
}

/** One that is read again gives out first what it held, and may be stopped by that: the library would let what is below it go on all the same, into memory. */
export function stayPaused(layer: Layer): void {
  const sendResume = layer.sendResume.bind(layer)
  layer.sendResume = () => {
    if (layer.readStatus !== 'paused') sendResume()
  }
}

/** Calls `take` for what comes on a stream. An event for each message, which nobody else hears, costs more than to read it: there is one only of what had to wait. */
export function onMessage(stream: Stream, take: (bytes: Bytes) => void): void {
  stream.addEventListener('message', ({ data }) => take(data))
  if ('onData' in stream) readStraight(stream as unknown as Layer, take)
}

/**
 * What may wait for a peer that does not read. What streams carry waits in them: these are answers to pings, for which the library has no limit, and what is said about
 * streams, of which a relay may have ten thousand, each a circuit, with three such frames.
 */
export const UNSENT_BYTES_MAX = 256 * 1024
const UNSENT_BYTES_OF_STREAM = 1_024
/** What one piece that waits takes beside its bytes. */
const PIECE_BYTES = 300

/** Each of these layers takes all that it is given, whether or not it can take more then. Gives what it has not sent. */
function sendStraight(
  layer: Layer,
  { unsentBytesMax, onUnsent }: { readonly unsentBytesMax: () => number; readonly onUnsent: () => void },
) {
  const send = layer.send.bind(layer)
  let unsentBytes = 0
  layer.send = (bytes) => {
    const isWaiting = layer.writableNeedsDrain || layer.sendingData || layer.writeBuffer.byteLength > 0
    if (isWaiting || layer.writeStatus !== 'writable') {
      unsentBytes = (layer.writeBuffer.byteLength === 0 ? 0 : unsentBytes) + PIECE_BYTES + bytes.byteLength
      if (unsentBytes > unsentBytesMax()) layer.abort(new Error('the peer does not read'))
      const canSendMore = send(bytes)
      onUnsent()
      return canSendMore
    }
    try {
      const { canSendMore } = layer.sendData(bytes)
      layer.writableNeedsDrain = !canSendMore
      if (!canSendMore) onUnsent()
      return canSendMore
    } catch (failure) {
      layer.abort(failure as Error)
      throw failure
    }
  }
  return () => (layer.writeBuffer.byteLength === 0 ? 0 : unsentBytes)
}

/** Each piece takes some hundreds of bytes beside its own: of one that comes byte by byte many are made one now and then. */
const PIECES_MAX = 1_024

export function joinPieces(list: Pieces): void {
  const append = list.append.bind(list)
  list.append = (...more) => {
    append(...more)
    if (list.bufs.length < PIECES_MAX) return
    const whole = list.subarray()
    list.consume(whole.length)
    append(whole)
  }
}

/** An event is made only where somebody listens. */
export function tellWhoListens(told: Told): void {
  const dispatch = told.safeDispatchEvent.bind(told)
  told.safeDispatchEvent = (type, detail) => told.listenerCount(type) === 0 || dispatch(type, detail)
}

/** One system call, and one packet, for each frame: Noise gives its length and its content apart, and each would be a `write` of its own. */
function writeAtOnce(below: Encrypted['stream']): void {
  const { socket } = below
  if (socket === undefined) return
  below.sendData = (bytes) => ({ sentBytes: bytes.byteLength, canSendMore: socket.write(bytes.subarray()) })
}

const LENGTH_BYTES = 2

export interface NoiseReader {
  (bytes: Uint8Array): readonly Uint8Array[]
  /** What has come of a piece that is not whole. */
  heldBytes(): number
}

/**
 * Cuts what comes into the pieces that were encrypted at once, each with its length before it; empty ones hold nothing and are left out. The library's own reader
 * finds out by an error, whose stack costs more than the piece, that no other is there.
 */
export function createNoiseReader(): NoiseReader {
  let held: Uint8Array[] = []
  let heldBytes = 0
  /** As many are needed before it is worth looking. */
  let wantedBytes = LENGTH_BYTES

  const cut = (chunk: Uint8Array): readonly Uint8Array[] => {
    held.push(chunk)
    heldBytes += chunk.length
    if (heldBytes < wantedBytes) {
      if (held.length === PIECES_MAX) held = [Buffer.concat(held)]
      return []
    }
    const bytes = held.length === 1 ? chunk : Buffer.concat(held)
    const pieces: Uint8Array[] = []
    let start = 0
    wantedBytes = LENGTH_BYTES
    while (bytes.length - start >= LENGTH_BYTES) {
      const pieceStart = start + LENGTH_BYTES
      const end = pieceStart + 256 * (bytes[start] as number) + (bytes[start + 1] as number)
      if (end > bytes.length) {
        wantedBytes = end - start
        break
      }
      if (end > pieceStart) pieces.push(bytes.subarray(pieceStart, end))
      start = end
    }
    heldBytes = bytes.length - start
    // As long as a part of them lives, all of the bytes that it was cut from do.
    const rest = bytes.subarray(start)
    held = heldBytes === 0 ? [] : [heldBytes < start ? new Uint8Array(rest) : rest]
    return pieces
  }
  return Object.assign(cut, { heldBytes: () => heldBytes })
}
