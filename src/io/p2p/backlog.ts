import { createHeldBytes } from '#wire/held-bytes.ts'

/** Read at once: what is cut from it need not wait long, and hardly a frame of peers that write little lies across two. Twice as much where nothing was whole. */
const PIECE_BYTES = 4_096

/**
 * What has come over a stream and is not read yet, since what it holds would have to wait all the same: as bytes that takes less than half of what it does as deliveries, and
 * costs nothing where the stream is given up before its turn.
 */
export interface Backlog {
  /** Reads it, behind what waits, as far as that goes. */
  push(chunk: Uint8Array): void
  /** Reads on as far as that goes. */
  goOn(): void
  isEmpty(): boolean
  /** What waits here, in bytes. */
  heldBytes(): number
  /** Nothing more is read. Gives what was not. */
  end(): Uint8Array
}

/** `read` gets one piece after the other, each for as long as it runs, while not `isHolding`, and says whether anything was whole. It may end the backlog, and does not throw. */
export function createBacklog(read: (piece: Uint8Array) => boolean, isHolding: () => boolean): Backlog {
  let held = createHeldBytes(0)
  let pieceBytes = PIECE_BYTES
  let isEnded = false

  const isEmpty = (): boolean => held.bytes().length === 0

  /** Not in two, which takes more room than the whole. */
  const pieceOf = (bytes: Uint8Array): Uint8Array => (bytes.length <= 2 * pieceBytes ? bytes : bytes.subarray(0, pieceBytes))

  function readPiece(piece: Uint8Array): void {
    pieceBytes = read(piece) ? PIECE_BYTES : 2 * pieceBytes
  }

  return {
    isEmpty,
    push(chunk) {
      let left = chunk
      while (isEmpty() && !isEnded && !isHolding() && left.length > 0) {
        const piece = pieceOf(left)
        left = left.subarray(piece.length)
        readPiece(piece)
      }
      if (!isEnded && left.length > 0) held.add(left)
    },
    goOn() {
      while (!isEmpty() && !isHolding()) {
        const piece = pieceOf(held.bytes()).slice()
        held.drop(piece.length)
        readPiece(piece)
      }
    },
    heldBytes: () => held.roomBytes(),
    end() {
      const left = held.bytes()
      isEnded = true
      held = createHeldBytes(0)
      return left
    },
  }
}
