import type { Stream } from '@libp2p/interface'
import { createFrameReader } from '#wire/length-prefix.ts'

/** Frames that may wait here: each side speaks when it is asked, so one who sends more is up to something. */
const WAITING_MAX = 8

/** A stream on which two sides take turns, frame by frame. */
export interface FramedStream {
  /** The next frame. Rejects when the stream has ended, holds something else, or the signal aborts. */
  next(): Promise<Uint8Array>
  /** `undefined` instead, when the other side has ended it between two frames. */
  nextOrEnd(): Promise<Uint8Array | undefined>
}

/** To be called in the turn in which the stream came or was opened: nothing of it is missed then. Listeners here never throw. */
export function framed(stream: Stream, { frameBytesMax, signal }: { readonly frameBytesMax: number; readonly signal: AbortSignal }) {
  const reader = createFrameReader({ frameBytesMax })
  const waiting: Uint8Array[] = []
  let asking: PromiseWithResolvers<Uint8Array | undefined> | undefined
  let failure: Error | undefined
  let isEnded = false

  function settle(): void {
    if (asking === undefined) return
    const frame = waiting.shift()
    if (frame !== undefined) asking.resolve(frame)
    else if (failure !== undefined) asking.reject(failure)
    else if (isEnded) asking.resolve(undefined)
    else return
    asking = undefined
  }

  function fail(why: string, cause?: unknown): void {
    if (failure !== undefined) return
    failure = new Error(why, { cause })
    waiting.length = 0
    settle()
    stream.abort(failure)
  }

  stream.addEventListener('message', (event) => {
    if (failure !== undefined) return
    for (const step of reader.push(event.data.subarray())) {
      if (step.kind !== 'frame') return fail(`a frame is ${step.kind}`)
      waiting.push(step.bytes)
      settle()
    }
    if (waiting.length > WAITING_MAX) fail('more was sent than was asked for')
  })
  const end = () => {
    if (!reader.isBetweenFrames()) return fail('the stream ended within a frame')
    isEnded = true
    settle()
  }
  stream.addEventListener('remoteCloseWrite', end)
  stream.addEventListener('close', end)
  const stop = () => fail('it took too long', signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  stream.addEventListener('close', () => signal.removeEventListener('abort', stop))

  function nextOrEnd(): Promise<Uint8Array | undefined> {
    asking = Promise.withResolvers()
    const { promise } = asking
    settle()
    return promise
  }
  return {
    nextOrEnd,
    async next() {
      const frame = await nextOrEnd()
      if (frame === undefined) throw new Error('the other side ended the stream')
      return frame
    },
  } satisfies FramedStream
}
