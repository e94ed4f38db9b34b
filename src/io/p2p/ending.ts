import type { Stream } from '@libp2p/interface'

/**
 * Ends our side of a stream, and resolves when what was written is sent. Who does not end its own side in time, or does not read, has it reset: libp2p keeps a stream until both
 * sides have ended, and a peer may have hundreds. Rejects when that takes too long.
 */
export async function closeWithin(stream: Stream, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => stream.abort(new Error('the peer keeps the stream')), timeoutMs)
  stream.addEventListener('close', () => clearTimeout(timer))
  // Of one that is reset while it has more than the peer takes libp2p would wait for the rest for ever.
  await stream.close({ signal: AbortSignal.timeout(timeoutMs) })
}
