import { createHeldBytes } from '#wire/held-bytes.ts'
import type { Bytes } from './lean-layers.ts'
import type { OpeningTurns } from './opening-turns.ts'
import type { Source } from './pace.ts'

/** Frames of Yamux (https://github.com/hashicorp/yamux/blob/master/spec.md): version, type, two bytes of flags, then stream and length, of four each. */
export const HEADER_BYTES = 12
const DATA = 0
/** Opens a stream. */
const SYN = 1

/** What is seen of a muxer. */
interface Gated {
  readonly streams: readonly { readonly streamId: number; readonly protocol: string }[]
  onData(bytes: Bytes): void
}

export interface GateOptions {
  readonly turns: OpeningTurns
  /** As in `Asking`. */
  readonly owner: string
  /** What is not read while a frame waits for its turn. */
  readonly source: Pick<Source, 'stop' | 'goOn'>
  /** Whether nobody is there any more. */
  readonly isGone: () => boolean
  /** Called when what waited cannot be taken. */
  readonly fail: (failure: Error) => void
}

/**
 * Frames that open a stream, and data for one of which it is not agreed yet what it is for, come to the muxer in their turn. All behind them waits with them, for what
 * they mean lies in their order. Returns how many bytes wait.
 */
export function openInTurn(muxer: Gated, { turns, owner, source, isGone, fail }: GateOptions): () => number {
  const take = muxer.onData.bind(muxer)
  const held = createHeldBytes(0)
  const asking = { owner, goOn }
  /** Of the frame whose header went last: what has not come of it. */
  let bodyBytes = 0
  let isWaiting = false
  let isBroken = false

  function next(bytes: Bytes): void {
    try {
      take(bytes)
    } catch (failure) {
      isBroken = true
      throw failure
    }
  }

  function needsTurn(view: DataView, at: number): boolean {
    if ((view.getUint16(at + 2) & SYN) !== 0) return true
    const id = view.getUint32(at + 4)
    return view.getUint8(at + 1) === DATA && !muxer.streams.some(({ streamId, protocol }) => streamId === id && protocol !== '')
  }

  /** How many of the bytes may go: as far as a frame that has to wait, or whose header is not whole. */
  function passing(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = Math.min(bodyBytes, bytes.length)
    bodyBytes -= at
    while (bytes.length - at >= HEADER_BYTES) {
      if (needsTurn(view, at) && !turns.take(asking)) {
        isWaiting = true
        return at
      }
      const end = at + HEADER_BYTES + (view.getUint8(at + 1) === DATA ? view.getUint32(at + 8) : 0)
      at = Math.min(end, bytes.length)
      bodyBytes = end - at
    }
    return at
  }

  function passHeld(): void {
    const bytes = held.bytes()
    const gone = bytes.slice(0, passing(bytes))
    held.drop(gone.length)
    if (gone.length > 0) next(gone)
  }

  function goOn(): void {
    isWaiting = false
    try {
      if (isBroken || isGone()) held.drop(held.bytes().length)
      else passHeld()
    } catch (failure) {
      fail(failure as Error)
    }
    if (!isWaiting) source.goOn()
  }

  muxer.onData = (bytes) => {
    const chunk = bytes.subarray()
    if (isWaiting) return held.add(chunk)
    if (held.bytes().length > 0) {
      held.add(chunk)
      passHeld()
    } else {
      const count = passing(chunk)
      if (count < chunk.length) held.add(chunk.subarray(count))
      if (count > 0) next(count === chunk.length ? bytes : chunk.subarray(0, count))
    }
    if (isWaiting) source.stop()
  }
  return () => held.roomBytes()
}
