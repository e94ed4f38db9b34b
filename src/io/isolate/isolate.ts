import pLimit from 'p-limit'
import type { ComputeLimits } from '#domain/compute-limits.ts'
import { detailOf, WeftError } from '#domain/errors.ts'
import type { Given, IsolateLimits, Outcome, Task } from './messages.ts'
import { placeIn } from './program.ts'
import { methodsOf, type RunRequest, startThread, startWorker, type Thread, ThreadDied, unavailable } from './thread.ts'

/** An aggregate over a week at one epoch a second asks 604,800 things; whatever else asks a thousand times less. */
export const ISOLATE_LIMITS: IsolateLimits = { heapMbMax: 256, turnMsMax: 5_000, callsMax: 1_000_000 }
/** Runs that are done again alone after their thread died. */
const ALONE_MAX = 2

/** A compute set's own world: no clock, chance, locale, network, disk, nor memory of an earlier run. */
export interface Isolate {
  /** Waits on the spot: for what is known at start. Throws `THREAD_UNAVAILABLE`. */
  now(task: Exclude<Task, { readonly do: 'run' }>): Outcome
  /** Runs a part of the set with its input, within what it may take. Rejects with what went wrong, in words with file and line, with `COMPUTE_LIMIT`, or with `THREAD_UNAVAILABLE` where the system gives no thread. */
  run(
    task: Omit<Extract<Task, { readonly do: 'run' }>, 'given' | 'do'>,
    input: Readonly<Record<string, unknown>>,
    allowed?: Pick<ComputeLimits, 'memoryMb' | 'timeMs'>,
  ): Promise<unknown>
  /** Where that stands in quotes first: `compute.ts:12`. */
  placeOf(word: string): string | undefined
  stop(): Promise<void>
}

const keyOf = ({ heapMbMax, turnMsMax }: IsolateLimits): string => `${heapMbMax} ${turnMsMax}`

/** Reads a folder and starts its thread. The problems, by file and line, when there is nothing to run. Throws `THREAD_UNAVAILABLE`. */
export function openIsolate(
  folder: string,
  limits: IsolateLimits = ISOLATE_LIMITS,
  start = startWorker,
): Isolate | { readonly problems: readonly string[] } {
  const first = startThread(folder, limits, start)
  if ('problems' in first) {
    void first.stop()
    return { problems: first.problems }
  }
  const { sources } = first
  /** By what its runs may take: memory is a thread's. */
  const threads = new Map([[keyOf(limits), first.thread]])
  const limit = pLimit(ALONE_MAX)
  /** What was read when it was opened: an edit is for the next who opens the folder. */
  const another = (allowed: IsolateLimits): Thread => {
    const started = startThread(sources, allowed, start)
    if ('problems' in started) throw new NotStarted(started.stop())
    return started.thread
  }

  function alive(allowed = limits): Thread {
    const known = threads.get(keyOf(allowed))
    if (known !== undefined && !known.isDead()) return known
    const fresh = another(allowed)
    threads.set(keyOf(allowed), fresh)
    return fresh
  }

  async function alone(request: RunRequest, allowed: IsolateLimits): Promise<unknown> {
    const own = another(allowed)
    try {
      return await own.perform(request)
    } catch (failure) {
      if (!(failure instanceof ThreadDied)) throw failure
      throw tooMuchMemory(allowed, `it takes more than ${allowed.heapMbMax} MB of memory, or ends its thread`)
    } finally {
      await own.stop()
    }
  }

  async function perform(request: RunRequest, allowed: IsolateLimits): Promise<unknown> {
    try {
      return await alive(allowed).perform(request)
    } catch (failure) {
      if (!(failure instanceof ThreadDied)) throw failure
      // Which of them it was is seen when each has a thread to itself.
      return limit(() => alone(request, allowed))
    }
  }

  return {
    now(task) {
      try {
        return alive().now(task)
      } catch (failure) {
        if (!(failure instanceof NotStarted)) throw failure
        return { ok: false, message: failure.message }
      }
    },
    placeOf: (word) => placeIn(sources, word),
    async run(task, input, { memoryMb = limits.heapMbMax, timeMs = limits.turnMsMax } = {}) {
      const allowed = { ...limits, heapMbMax: Math.min(limits.heapMbMax, memoryMb), turnMsMax: Math.min(limits.turnMsMax, timeMs) }
      const request = { task: { do: 'run' as const, ...task, given: givenOf(input) }, input }
      try {
        return await perform(request, allowed)
      } catch (failure) {
        throw failure instanceof NotStarted ? await failure.reason(allowed) : failure
      }
    },
    stop: async () => void (await Promise.all([...threads.values()].map((thread) => thread.stop()))),
  }
}

const tooMuchMemory = ({ heapMbMax }: IsolateLimits, detail: string, cause?: unknown) =>
  new WeftError('COMPUTE_LIMIT', { limit: 'memory', allowed: heapMbMax, detail }, cause)

/** A thread that was to have what was read when the folder was opened says nothing. */
class NotStarted extends Error {
  readonly #ended: Promise<unknown>

  constructor(ended: Promise<unknown>) {
    super('its thread does not start')
    this.#ended = ended
  }

  /** What the thread ended of by itself, in the code of that where there is one. */
  async reason(allowed: IsolateLimits): Promise<Error> {
    const cause = await this.#ended
    const code = (cause as NodeJS.ErrnoException | undefined)?.code
    if (code === 'ERR_WORKER_OUT_OF_MEMORY')
      return tooMuchMemory(allowed, `to load it takes more than ${allowed.heapMbMax} MB of memory`, cause)
    if (code === 'ERR_WORKER_INIT_FAILED') return unavailable(cause)
    return cause === undefined ? this : new Error(`${this.message}: ${detailOf(cause)}`, { cause })
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
