import type { ServerResponse } from 'node:http'
import { WeftError } from '#domain/errors.ts'

/** Answers that are on their way: until their readers have taken them, their bytes are in memory. */
export interface Untaken {
  /** Counts the answer until it is taken or cut. Throws `QUEUE_FULL` for a long one where as much waits already, of all or of this caller. */
  hold(response: ServerResponse, answer: { readonly caller: string; readonly bytes: number }): void
}

export interface UntakenLimits {
  /** Of all. */
  readonly bytesMax: number
  readonly bytesPerCallerMax: number
}

/** What is shorter always goes: there are only so many connections. */
const LONG_BYTES = 64 * 1024

export function createUntaken({ bytesMax, bytesPerCallerMax }: UntakenLimits): Untaken {
  let held = 0
  const perCaller = new Map<string, number>()
  return {
    hold(response, { caller, bytes }) {
      if (bytes <= LONG_BYTES) return
      const own = perCaller.get(caller) ?? 0
      // A first one goes however long it is.
      if (held > 0 && held + bytes > bytesMax) throw new WeftError('QUEUE_FULL', { queue: 'bytes on their way', lengthMax: bytesMax })
      if (own > 0 && own + bytes > bytesPerCallerMax)
        throw new WeftError('QUEUE_FULL', { queue: `bytes on their way to ${caller}`, lengthMax: bytesPerCallerMax })
      held += bytes
      perCaller.set(caller, own + bytes)
      response.once('close', () => {
        held -= bytes
        const left = (perCaller.get(caller) ?? bytes) - bytes
        if (left > 0) perCaller.set(caller, left)
        else perCaller.delete(caller)
      })
    },
  }
}
