/** Of small blocks some thousands, of batch files some dozens. */
const BYTES_MAX = 8 * 1024 * 1024

/** Blocks that peers were given or brought lately: whoever takes part in an epoch asks for the same ones within seconds. The oldest make room. */
export interface Served {
  get(name: string): Uint8Array | undefined
  put(name: string, block: Uint8Array): void
  forget(name: string): void
}

export function createServed(bytesMax = BYTES_MAX): Served {
  const blocks = new Map<string, Uint8Array>()
  let bytes = 0
  function forget(name: string): void {
    bytes -= blocks.get(name)?.length ?? 0
    blocks.delete(name)
  }
  return {
    get: (name) => blocks.get(name),
    put(name, block) {
      forget(name)
      // A copy: the block may be a piece of a message many times its size, which would stay with it.
      blocks.set(name, block.byteLength < block.buffer.byteLength ? block.slice() : block)
      bytes += block.length
      for (const oldest of blocks.keys()) {
        if (bytes <= bytesMax) return
        forget(oldest)
      }
    },
    forget,
  }
}
