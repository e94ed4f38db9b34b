import type { Clock } from './port.ts'

/**
 * Turns of the event loop given to work that is under way before time moves: a chain of that many group commits or
 * deliveries of the fakes completes at one instant of virtual time. Longer ones still complete, some virtual time later.
 */
const TURNS_PER_STEP = 8
/** Turns waited, with no timer left, for work outside the event loop (hashing in threads, files) before giving up. */
const TURNS_IDLE_MAX = 50_000

/** A clock that moves only when told to, so that hours of polling run in milliseconds and always in the same order. */
export interface VirtualClock extends Clock {
  /** Moves time forward by `durationMs`, letting each timer on the way fire, and the work it starts go on, at its own instant. */
  advance(durationMs: number): Promise<void>
  /**
   * Moves from timer to timer until the promise settles (and returns its value, or throws its reason) or the predicate holds.
   * Throws when `limitMs` of virtual time have passed first, or when nothing is left that could happen.
   */
  runUntil<Value>(goal: Promise<Value>, limits: { readonly limitMs: number }): Promise<Value>
  runUntil(goal: () => boolean | Promise<boolean>, limits: { readonly limitMs: number }): Promise<void>
}

interface Timer {
  readonly dueMs: number
  readonly fire: () => void
}

/** Timers in the order in which they fire: by due time, then by when they were set. */
function createTimerQueue() {
  const timers: Timer[] = []
  return {
    first: (): Timer | undefined => timers[0],
    add(timer: Timer): void {
      let low = 0
      let high = timers.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((timers[middle] as Timer).dueMs <= timer.dueMs) low = middle + 1
        else high = middle
      }
      timers.splice(low, 0, timer)
    },
    remove(timer: Timer): void {
      const index = timers.indexOf(timer)
      if (index >= 0) timers.splice(index, 1)
    },
  }
}

async function drain(): Promise<void> {
  for (let turn = 0; turn < TURNS_PER_STEP; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

type TimerQueue = ReturnType<typeof createTimerQueue>

/** The virtual instant, and the moves it can make. */
function createHand(queue: TimerQueue, startMs: number) {
  let nowMs = startMs

  /** Fires the first timer if it is due by `untilMs`. One at a time: what it starts may set a timer that comes before the next. */
  async function fireNext(untilMs: number): Promise<boolean> {
    const timer = queue.first()
    if (timer === undefined || timer.dueMs > untilMs) return false
    queue.remove(timer)
    nowMs = Math.max(nowMs, timer.dueMs)
    timer.fire()
    // Timers of one instant fire together, in order; then everybody may work.
    if (queue.first()?.dueMs !== timer.dueMs) await drain()
    return true
  }

  return {
    nowMs: (): number => nowMs,
    async advance(durationMs: number): Promise<void> {
      const endMs = nowMs + durationMs
      await drain()
      for (let isFired = true; isFired; ) isFired = await fireNext(endMs)
      nowMs = endMs
    },
    async run(isReached: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
      const endMs = nowMs + limitMs
      let idleTurns = 0
      await drain()
      while (!(await isReached())) {
        if (await fireNext(endMs)) {
          idleTurns = 0
          continue
        }
        if (queue.first() !== undefined) throw new Error(`not reached within ${limitMs} ms of virtual time`)
        if (idleTurns > TURNS_IDLE_MAX) throw new Error('not reached, and no timer is left that could bring it about')
        idleTurns += TURNS_PER_STEP
        await drain()
      }
    },
  }
}

/** `startMs` is the first instant, in milliseconds since the Unix epoch. */
export function createVirtualClock(options: { readonly startMs?: number } = {}): VirtualClock {
  const queue = createTimerQueue()
  const hand = createHand(queue, options.startMs ?? 1_700_000_000_000)

  async function runUntil<Value>(
    goal: Promise<Value> | (() => boolean | Promise<boolean>),
    limits: { readonly limitMs: number },
  ): Promise<Value | undefined> {
    if (typeof goal === 'function') {
      await hand.run(goal, limits.limitMs)
      return undefined
    }
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    goal.then(settle, settle)
    await hand.run(() => isSettled, limits.limitMs)
    return goal
  }

  return {
    nowMs: hand.nowMs,
    sleep(durationMs, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason)
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          queue.remove(timer)
          reject(signal?.reason)
        }
        const timer: Timer = {
          dueMs: hand.nowMs() + Math.max(durationMs, 0),
          fire() {
            signal?.removeEventListener('abort', onAbort)
            resolve()
          },
        }
        queue.add(timer)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
    advance: hand.advance,
    runUntil: runUntil as VirtualClock['runUntil'],
  }
}

/** More than any sound role tells at one instant. */
const EVENTS_AT_ONCE_MAX = 10_000

/**
 * The report, which throws when it is called ever again at one instant: what goes round without a pause keeps a virtual clock from moving,
 * and a test that waits for it would never end.
 */
export function expectingPauses<Event extends readonly unknown[]>(
  clock: { nowMs(): number },
  report: (...event: Event) => void,
): (...event: Event) => void {
  let atMs = Number.NaN
  let events = 0
  return (...event) => {
    if (clock.nowMs() !== atMs) {
      atMs = clock.nowMs()
      events = 0
    }
    events += 1
    if (events > EVENTS_AT_ONCE_MAX) throw new Error(`${events} events without a pause, the last: ${JSON.stringify(event)}`)
    report(...event)
  }
}
