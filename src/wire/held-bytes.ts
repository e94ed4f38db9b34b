/** Bytes in the order of their coming that wait to be read, in room of their own: what came with them may go. */
export interface HeldBytes {
  /** All of them. Good until they change. */
  bytes(): Uint8Array
  /** Memory that they take. */
  roomBytes(): number
  add(chunk: Uint8Array): void
  /** Drops the first `count`, and gives back room when most of it is empty. */
  drop(count: number): void
}

/** `roomBytesMin`: room that is kept for the next ones, though nothing waits. */
export function createHeldBytes(roomBytesMin: number): HeldBytes {
  let room = new Uint8Array(0)
  let length = 0
  return {
    bytes: () => room.subarray(0, length),
    roomBytes: () => room.length,
    add(chunk) {
      // Stryker disable next-line ConditionalExpression,EqualityOperator: growing sooner copies more and holds the same.
      if (length + chunk.length > room.length) {
        const grown = new Uint8Array(Math.max(2 * length, length + chunk.length))
        grown.set(room.subarray(0, length))
        room = grown
      }
      room.set(chunk, length)
      length += chunk.length
    },
    drop(count) {
      room.copyWithin(0, count, length)
      length -= count
      if (room.length > Math.max(roomBytesMin, 4 * length)) room = room.slice(0, length)
    },
  }
}
