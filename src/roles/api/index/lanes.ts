import type { Clock } from '#io/clock/port.ts'
import { type Bell, createBell } from './bell.ts'

/** How long until what is to be tried again is looked for, when nobody rings. */
const LOOK_EVERY_MS = 1_000
/** Asked for at once; more than any lanes are. */
const PAGE_LENGTH = 256

export interface LanesOptions<Item> {
  /** What may be worked on now, the longest waiting first. */
  wanted(nowMs: number, limit: number): Promise<readonly Item[]>
  keyOf(item: Item): string | number
  /** Whether it failed before. */
  isRetry(item: Item): boolean
  /** Sees to it that the item is not wanted any more, or not before its time. */
  work(item: Item): Promise<void>
  readonly atOnceMax: number
  /** What failed before takes no more lanes than these: it never stands in the way of what is new (A3). */
  readonly retriesMax: number
}

/** Works off what the database says is wanted, several at once, as long as the signal lets it. Rejects with the signal's reason, or what `work` throws. */
export async function workLanes<Item>(
  { wanted, keyOf, isRetry, work, atOnceMax, retriesMax }: LanesOptions<Item>,
  { clock, bell }: { readonly clock: Clock; readonly bell: Bell },
  signal: AbortSignal,
): Promise<never> {
  const underWay = new Map<string | number, { readonly isRetry: boolean; readonly done: Promise<void> }>()
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const turn = createBell({ clock })
  /** There may be more than was asked for last. */
  let isMore = true
  let isRung = false
  let askedMs = clock.nowMs()
  let waiting: readonly Item[] = []
  turn.onRing(() => {
    isRung = true
  })
  const stop = bell.onRing(() => {
    isMore = true
    turn.ring()
  })

  async function ask(): Promise<void> {
    askedMs = clock.nowMs()
    isMore = false
    const items = await wanted(askedMs, PAGE_LENGTH)
    waiting = items.filter((item) => !underWay.has(keyOf(item)))
  }
  function begin(): void {
    let retries = [...underWay.values()].filter((each) => each.isRetry).length
    // Retries that have no lane are asked for again later: those that are new go first.
    waiting = waiting.filter((item) => !isRetry(item) || retries < retriesMax)
    while (underWay.size < atOnceMax) {
      const [item, ...rest] = waiting
      if (item === undefined) return
      waiting = rest
      if (isRetry(item) && ++retries > retriesMax) continue
      isMore = true
      const done = work(item)
        .catch(failed.reject)
        .finally(() => {
          underWay.delete(keyOf(item))
          turn.ring()
        })
      underWay.set(keyOf(item), { isRetry: isRetry(item), done })
    }
  }

  try {
    for (;;) {
      signal.throwIfAborted()
      isRung = false
      if (clock.nowMs() - askedMs >= LOOK_EVERY_MS) isMore = true
      if (waiting.length === 0 && isMore && underWay.size < atOnceMax) await ask()
      begin()
      if (!isRung) await Promise.race([turn.wait(LOOK_EVERY_MS, signal), failed.promise])
    }
  } finally {
    stop()
    await Promise.allSettled([...underWay.values()].map(({ done }) => done))
  }
}
