/** The part of a libp2p stream that writing needs. */
interface WritableStream {
  readonly writeStatus: string
  send(bytes: Uint8Array): boolean
  abort(reason: Error): void
}

export interface TickWriter {
  /** Takes bytes to be written at the end of this turn of the event loop. Never throws. */
  write(bytes: Uint8Array): void
  /** Writes at once what was taken. Never throws. */
  flush(): void
}

/**
 * `onFull` is called when the stream does not take more for now: what waits has grown. Writes once per turn of the event loop what came together in it: a libp2p write is four system calls, whatever its size,
 * and a receipt written alone costs ten times as much as one of a hundred. After a failed write the stream is reset,
 * which its owner learns from the stream's `close` event.
 */
export function createTickWriter(stream: WritableStream, onFull: () => void = () => undefined): TickWriter {
  let parts: Uint8Array[] = []
  let isScheduled = false

  function flush(): void {
    isScheduled = false
    if (parts.length === 0) return
    const bytes = Buffer.concat(parts)
    parts = []
    if (stream.writeStatus !== 'writable') return
    try {
      if (!stream.send(bytes)) onFull()
    } catch (cause) {
      stream.abort(new Error('write failed', { cause }))
    }
  }

  return {
    flush,
    write(bytes) {
      parts.push(bytes)
      if (isScheduled) return
      isScheduled = true
      setImmediate(flush)
    },
  }
}
