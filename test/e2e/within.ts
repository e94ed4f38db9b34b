import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waiting for what processes do. Every wait has an end of its own, before that of its test, and says then what was awaited and what the
 * processes wrote: a time-out of the test runner says neither.
 */

export interface Wait {
  /** In words: `the first receipt`. */
  readonly awaited: string
  readonly limitMs: number
  /** What was there instead. */
  readonly told: () => string
  /** When it resolves, what is awaited can never come. */
  readonly ended?: Promise<unknown>
}

/** Longer than anything takes on a busy machine, and shorter than half the minute of a test. */
export const LIMIT_MS = 25_000
/** As much as fits into a terminal. */
const TAIL_LENGTH = 4_000

export const tailOf = (text: string): string => (text.length > TAIL_LENGTH ? `…${text.slice(-TAIL_LENGTH)}` : text)

/** What `work` gives, unless it takes too long or can never come. */
export async function within<Value>(work: Promise<Value>, { awaited, limitMs, told, ended }: Wait): Promise<Value> {
  const over = new AbortController()
  const failed = (why: string): Error => new Error(`${awaited}: ${why}. There was:\n${tailOf(told())}`)
  const limit = sleep(limitMs, undefined, { signal: over.signal }).then(() => {
    throw failed(`not within ${limitMs} ms`)
  })
  // What was awaited may come with the very end: it has the first word.
  const end = ended?.then(async (outcome) => {
    await sleep(GRACE_MS, undefined, { signal: over.signal })
    throw failed(`the process ended before, with ${String(outcome)}`)
  })
  // Whichever loses the race is not awaited any more.
  for (const loser of [limit, end]) loser?.catch(() => undefined)
  try {
    return await Promise.race([work, limit, ...(end === undefined ? [] : [end])])
  } finally {
    over.abort()
  }
}
const GRACE_MS = 200
const POLL_MS = 20

/** Asks until it is so. Throws as `within`, and whatever asking throws. */
export async function until(goal: () => boolean | Promise<boolean>, wait: Wait): Promise<void> {
  const over = new AbortController()
  async function ask(): Promise<void> {
    while (!(await goal())) await sleep(POLL_MS, undefined, { signal: over.signal })
  }
  const asking = ask()
  asking.catch(() => undefined)
  try {
    await within(asking, wait)
  } finally {
    over.abort()
  }
}
