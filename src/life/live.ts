/** A role from the moment at which it is told to run. */
export interface Life {
  /** Aborts when the role is to stop, or cannot go on. */
  readonly signal: AbortSignal
  /** Ends the life. The first failure is what the caller hears; what fails later, or after the role was told to stop, follows from that. */
  fail(failure: unknown): void
  /** Work whose failure ends the life, and whose end the life waits for. Resolves when it has ended, well or not: what comes last waits for that. */
  spawn(work: Promise<unknown>): Promise<void>
}

/**
 * Runs a role until `signal` aborts: `begin` starts its works, and may wait for some of them before it ends others. Resolves, or rejects
 * with the first failure of any work, when nothing is under way any more: whoever closes the disk then waits for that. `failing` is for who
 * may learn before or beside it that the role cannot live, and aborts it with the failure.
 */
export async function live(signal: AbortSignal, begin: (life: Life) => unknown, failing = new AbortController()): Promise<void> {
  const works = new Set<Promise<void>>()
  const life: Life = {
    signal: AbortSignal.any([signal, failing.signal]),
    fail(failure) {
      if (!signal.aborted) failing.abort(failure)
    },
    spawn(work) {
      const watched: Promise<void> = work.then(ignored, life.fail).finally(() => works.delete(watched))
      works.add(watched)
      return watched
    },
  }
  await life.spawn((async () => begin(life))())
  while (works.size > 0) await Promise.all(works)
  if (failing.signal.aborted) throw failing.signal.reason
}

const ignored = (): void => undefined
