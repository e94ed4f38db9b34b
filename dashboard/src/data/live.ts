import { useSyncExternalStore } from 'react'

/** How the page knows that something has changed: the api says so, or, where its stream cannot be had, the page asks again and again. */
export interface Live {
  readonly how: 'opening' | 'stream' | 'polling'
  /** Goes up whenever what is shown may be old. */
  readonly beat: number
}

const STREAM = '/v1/stream?kind=epoch&kind=undone'
/** Where there is no stream. */
const POLL_MS = 5_000
/** Of many changes at once, one beat. */
const CALM_MS = 250
/** The browser opens a stream that broke by itself, but not one that was refused. */
const REOPEN_MS = 15_000

let live: Live = { how: 'opening', beat: 0 }
const listeners = new Set<() => void>()
let close: (() => void) | undefined

function set(next: Partial<Live>): void {
  live = { ...live, ...next }
  for (const listener of listeners) listener()
}

const beat = (): void => set({ beat: live.beat + 1 })

function open(): () => void {
  let calm: ReturnType<typeof setTimeout> | undefined
  let source: EventSource
  const soon = (): void => {
    calm ??= setTimeout(() => {
      calm = undefined
      beat()
    }, CALM_MS)
  }
  const begin = (): void => {
    source = new EventSource(STREAM)
    source.onopen = () => {
      // What was missed while it was away is asked for.
      if (live.how === 'polling') soon()
      set({ how: 'stream' })
    }
    source.onerror = () => set({ how: 'polling' })
    for (const kind of ['epoch', 'undone']) source.addEventListener(kind, soon)
  }
  begin()
  const poll = setInterval(() => live.how === 'polling' && beat(), POLL_MS)
  const reopen = setInterval(() => source.readyState === EventSource.CLOSED && begin(), REOPEN_MS)
  return () => {
    source.close()
    for (const timer of [poll, reopen]) clearInterval(timer)
    clearTimeout(calm)
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  close ??= open()
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    close?.()
    close = undefined
  }
}

export const useLive = (): Live => useSyncExternalStore(subscribe, () => live)
