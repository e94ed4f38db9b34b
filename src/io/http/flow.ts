import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Flow } from './port.ts'

/**
 * Writes what comes until the reader goes, the flow ends or the server stops. A part is asked for when the one before is on its way, so that a
 * slow reader costs its own buffers and nothing else; one that takes nothing for so long hears the last word, should it ever read again, and is cut.
 * Rejects with what the flow throws, once the answer is ended.
 */
export async function pour(
  flow: Flow,
  response: ServerResponse,
  { stallMs, stopping }: { readonly stallMs: number; readonly stopping: AbortSignal },
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const signal = AbortSignal.any([gone.signal, stopping])
  response.flushHeaders()
  try {
    for await (const part of flow.parts(signal)) {
      if (response.write(part)) continue
      const stalled = AbortSignal.timeout(stallMs)
      const isTaken = await once(response, 'drain', { signal: AbortSignal.any([signal, stalled]) }).then(
        () => true,
        () => false,
      )
      if (isTaken) continue
      if (stalled.aborted) response.write(flow.lastWord)
      break
    }
  } finally {
    // Also where the flow fails: whoever listens must not wait for what never comes.
    response.end()
    // What it has not taken by now it never will.
    const late = setTimeout(() => response.destroy(), stallMs)
    response.once('close', () => clearTimeout(late))
  }
}
