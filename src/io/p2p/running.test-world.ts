import { afterEach } from 'vitest'

interface Running {
  /** Stopped after the test, the last first. */
  keep<Thing extends { stop(): unknown }>(thing: Thing): Thing
  /** Its signal aborts before that. */
  readonly stopping: { readonly signal: AbortSignal }
}

/** What the tests of a file, or of a `describe`, start on real sockets. */
export function running(): Running {
  const started: { stop(): unknown }[] = []
  let stopping = new AbortController()
  afterEach(async () => {
    stopping.abort()
    for (const thing of started.splice(0).reverse()) await thing.stop()
    stopping = new AbortController()
  })
  return {
    keep(thing) {
      started.push(thing)
      return thing
    },
    stopping: {
      get signal() {
        return stopping.signal
      },
    },
  }
}
