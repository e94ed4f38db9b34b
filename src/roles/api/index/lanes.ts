import type { Clock } from '#io/clock/port.ts'
import type { Bell } from './bell.ts'

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
  let waiting: readonly Item[] = []
  /** There may be more than was asked for last. */
  let isMore = true
  let failure: { readonly cause: unknown } | undefined
  let wake = Promise.withResolvers<void>()
  const fail = (cause: unknown): void => {
    failure ??= { cause }
    wake.resolve()
  }
  const look = (): void => {
    isMore = true
    wake.resolve()
  }
  const stop = bell.onRing(look)
  void (async () => {
    for (;;) {
      await clock.sleep(LOOK_EVERY_MS, signal)
      look()
    }
  })().catch(fail)

  async function ask(): Promise<void> {
    isMore = false
    const items = await wanted(clock.nowMs(), PAGE_LENGTH)
    waiting = items.filter((item) => !underWay.has(keyOf(item)))
  }
  function begin(item: Item): void {
    isMore = true
    const done = work(item)
      .catch(fail)
      .finally(() => {
        underWay.delete(keyOf(item))
        wake.resolve()
      })
    underWay.set(keyOf(item), { isRetry: isRetry(item), done })
  }
  function beginAll(): void {
    let retries = [...underWay.values()].filter((each) => each.isRetry).length
    // Retries that have no lane are asked for again later: those that are new go first.
    const startable = waiting.filter((item) => !isRetry(item) || ++retries <= retriesMax)
    const free = atOnceMax - underWay.size
    for (const item of startable.slice(0, free)) begin(item)
    waiting = startable.slice(free)
  }

  try {
    for (;;) {
      signal.throwIfAborted()
      if (failure !== undefined) throw failure.cause
      wake = Promise.withResolvers()
      if (waiting.length === 0 && isMore && underWay.size < atOnceMax) await ask()
      beginAll()
      await wake.promise
    }
  } finally {
    stop()
    await Promise.allSettled([...underWay.values()].map(({ done }) => done))
  }
}
