import type { Clock } from '#io/clock/port.ts'

/**
 * What `read` gave within the last `forMs`, else what it gives now: many who ask at once are one question. A failure is nobody's for longer than it
 * lasts.
 */
export function lately<Value>(read: () => Promise<Value>, forMs: number, clock: Pick<Clock, 'nowMs'>): () => Promise<Value> {
  let last: { readonly value: Promise<Value>; readonly atMs: number } | undefined
  return () => {
    if (last !== undefined && clock.nowMs() - last.atMs < forMs) return last.value
    const mine = { value: read(), atMs: clock.nowMs() }
    last = mine
    mine.value.catch(() => {
      if (last === mine) last = undefined
    })
    return mine.value
  }
}
