import type { HttpRoute, Page } from '#io/http/port.ts'
import { documentPages } from './documents.ts'
import { prompt } from './prompt.ts'
import { apiRoutes } from './routes.ts'
import type { ServeDeps } from './served.ts'
import { createStream } from './stream.ts'

/** What an api answers over HTTP. Any number of them may read one index. */
export interface Serve {
  readonly routes: readonly HttpRoute[]
  readonly pages: Readonly<Record<string, Page>>
  /** The index may have more, whoever wrote it. */
  wake(): void
  /** Feeds the stream until the signal aborts. Rejects with what no waiting mends. */
  run(signal: AbortSignal): Promise<void>
}

export function createServe(served: ServeDeps): Serve {
  const deps = prompt(served)
  const stream = createStream(deps)
  return { routes: [...apiRoutes(deps), stream.route], pages: documentPages(), wake: stream.wake, run: stream.run }
}
