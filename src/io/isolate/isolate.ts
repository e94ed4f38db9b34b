import pLimit from 'p-limit'
import type { Given, IsolateLimits, Outcome, Task } from './messages.ts'
import { methodsOf, type RunRequest, startThread, type Thread, ThreadDied } from './thread.ts'

/** An aggregate over a week at one epoch a second asks 604,800 things; whatever else asks a thousand times less. */
export const ISOLATE_LIMITS: IsolateLimits = { heapMbMax: 256, turnMsMax: 5_000, callsMax: 1_000_000 }
/** Runs that are done again alone after their thread died. */
const ALONE_MAX = 2

/** A compute set's own world: no clock, chance, locale, network, disk, nor memory of an earlier run. */
export interface Isolate {
  /** Waits on the spot: for what is known at start. */
  now(task: Exclude<Task, { readonly do: 'run' }>): Outcome
  /** Runs a part of the set with its input. Rejects with what went wrong, in words with file and line. */
  run(task: Omit<Extract<Task, { readonly do: 'run' }>, 'given' | 'do'>, input: Readonly<Record<string, unknown>>): Promise<unknown>
  stop(): Promise<void>
}

/** Reads a folder and starts its thread. The problems, by file and line, when there is nothing to run. */
export function openIsolate(folder: string, limits: IsolateLimits = ISOLATE_LIMITS): Isolate | { readonly problems: readonly string[] } {
  const first = startThread(folder, limits)
  if ('problems' in first) {
    void first.stop()
    return { problems: first.problems }
  }
  const { sources } = first
  let shared = first.thread
  const limit = pLimit(ALONE_MAX)
  /** What was read when it was opened: an edit is for the next who opens the folder. */
  const another = (): Thread => {
    const started = startThread(sources, limits)
    if ('problems' in started) throw new TypeError(started.problems.join('; '))
    return started.thread
  }

  function alive(): Thread {
    if (shared.isDead()) shared = another()
    return shared
  }

  async function alone(request: RunRequest): Promise<unknown> {
    const own = another()
    try {
      return await own.perform(request)
    } catch (failure) {
      throw failure instanceof ThreadDied ? new Error(`it takes more than ${limits.heapMbMax} MB of memory, or ends its thread`) : failure
    } finally {
      await own.stop()
    }
  }

  return {
    now: (task) => alive().now(task),
    async run(task, input) {
      const request = { task: { do: 'run' as const, ...task, given: givenOf(input) }, input }
      try {
        return await alive().perform(request)
      } catch (failure) {
        if (!(failure instanceof ThreadDied)) throw failure
        // Which of them it was is seen when each has a thread to itself.
        return limit(() => alone(request))
      }
    },
    stop: () => shared.stop(),
  }
}

/** Functions of the input are asked at once, those of objects in it are promised, everything else is data. */
function givenOf(input: Readonly<Record<string, unknown>>): Given {
  const values: Record<string, unknown> = {}
  const functions: string[] = []
  const remotes: Record<string, readonly string[]> = {}
  for (const [name, value] of Object.entries(input)) {
    const methods = methodsOf(value)
    if (typeof value === 'function') functions.push(name)
    else if (methods.length > 0) remotes[name] = methods
    else values[name] = value
  }
  return { values, functions, remotes }
}
