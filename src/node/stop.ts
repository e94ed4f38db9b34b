import { WeftError } from '#domain/errors.ts'

/** Stopping: one signal for the whole process, and a list of what was started, stopped in reverse. */

/** How long an orderly stop may take before the process ends all the same. */
const STOP_TIMEOUT_MS = 20_000

/** What is being stopped just now, the whole before its part. */
const stopping = new Set<string>()

/** What a shell says of a command that Ctrl-C ended: what it was to do is not done. */
export const EXIT_STOPPED = 130

/** Aborts on the first SIGINT, SIGTERM or SIGHUP. A second SIGINT or SIGTERM ends the process at once; so does an orderly stop that takes too long, which says what has not stopped. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const abort = (): void => {
    if (controller.signal.aborted) return
    // Whatever it interrupts fails with this; told to a person, it needs no stack.
    controller.abort(new WeftError('STOPPED', { what: commandOf(process.argv) }))
    setTimeout(endByForce, STOP_TIMEOUT_MS).unref()
  }
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT_STOPPED)
    abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  // A terminal that closes says so more than once, to the shell and to its jobs: no second one is meant.
  process.on('SIGHUP', abort)
  return controller.signal
}

/** As it was typed, without what it was told: `weft market set`. */
const commandOf = ([, , ...words]: readonly string[]): string =>
  ['weft', ...words.slice(0, 2)].filter((word) => /^[a-z]+$/.test(word)).join(' ')

/** Whoever asked for the stop has it; that it was none in order is a thing to look into. */
function endByForce(): void {
  const open = (stopping.size > 0 ? [...stopping] : process.getActiveResourcesInfo()).join(', ')
  process.stderr.write(`weft: ${new WeftError('STOP_TIMED_OUT', { waitedMs: STOP_TIMEOUT_MS, open }).message}\n`)
  process.exit(EXIT_STOPPED)
}

/** Resolves when the signal aborts, or at once when it has: a person may press Ctrl-C while things still start. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

interface Stoppable {
  stop(): Promise<void> | void
}

/** What was started, in order. `stop` ends it in reverse, all of it, also when one part fails to stop; the first failure is thrown at the end. */
export interface Started {
  /** `what` is its name for people, should it not stop. */
  add(what: string, part: Stoppable): void
  stop(): Promise<void>
}

export function createStarted(): Started {
  const parts: { readonly what: string; readonly part: Stoppable }[] = []
  return {
    add(what, part) {
      parts.push({ what, part })
    },
    async stop() {
      const failures: unknown[] = []
      for (const { what, part } of parts.splice(0).reverse()) {
        stopping.add(what)
        try {
          await part.stop()
        } catch (failure) {
          failures.push(failure)
        }
        stopping.delete(what)
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
