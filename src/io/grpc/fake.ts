import { isWeftError, WeftError } from '#domain/errors.ts'
import { decodeSubmission, encodeSubmission } from '#wire/submission-proto.ts'
import type { HandOverAnswer, OnTaken, SubmissionClient, SubmissionHandler, SubmissionServer } from './port.ts'

/** gRPC in memory: servers and clients of one process find each other by endpoint. Bytes are encoded and decoded on the way, as in reality. */
export interface FakeGrpc {
  serveSubmissions(options: {
    readonly host: string
    readonly port: number
    readonly handler: SubmissionHandler
  }): Promise<SubmissionServer>
  createSubmissionClient(options: { readonly endpoint: string }): SubmissionClient
}

const FIRST_FREE_PORT = 50_051

export function createFakeGrpc(clock: { sleep(durationMs: number, signal?: AbortSignal): Promise<void> }): FakeGrpc {
  const servers = new Map<string, { readonly handler: SubmissionHandler; readonly closed: AbortSignal }>()
  let portsTaken = 0

  /** Settles when the call cannot be answered any more. */
  function interruption(endpoint: string, timeoutMs: number, signals: readonly AbortSignal[], done: AbortSignal): Promise<never> {
    const unavailable = (detail: string) => new WeftError('COLLECTOR_UNAVAILABLE', { endpoint, detail })
    return new Promise((_, reject) => {
      AbortSignal.any([...signals]).addEventListener('abort', () => reject(unavailable('cancelled')), { signal: done })
      clock.sleep(timeoutMs, done).then(
        () => reject(unavailable('no answer in time')),
        () => undefined,
      )
    })
  }

  async function answer(endpoint: string, handler: SubmissionHandler, bytes: Uint8Array, onTaken?: OnTaken): Promise<HandOverAnswer> {
    const submission = decodeSubmission(bytes)
    if (submission === undefined) return 'Failure'
    try {
      return await handler(submission, onTaken)
    } catch (cause) {
      if (isWeftError(cause, 'QUEUE_FULL') || isWeftError(cause, 'STORE_FULL'))
        throw new WeftError('QUEUE_FULL', { queue: endpoint, lengthMax: 'not told' }, cause)
      throw new WeftError('COLLECTOR_UNAVAILABLE', { endpoint, detail: 'internal' }, cause)
    }
  }

  return {
    async serveSubmissions({ host, port, handler }) {
      const endpoint = `${host}:${port === 0 ? FIRST_FREE_PORT + portsTaken : port}`
      portsTaken += 1
      if (servers.has(endpoint)) throw new WeftError('LISTEN_FAILED', { address: endpoint, detail: 'taken' })
      const closing = new AbortController()
      servers.set(endpoint, { handler, closed: closing.signal })
      return {
        endpoint,
        async close() {
          servers.delete(endpoint)
          closing.abort(new Error('closed'))
        },
      }
    },
    createSubmissionClient({ endpoint }) {
      const closing = new AbortController()
      return {
        async submitSnapshot(submission, { timeoutMs, signal, onTaken }) {
          const server = servers.get(endpoint)
          const detail = closing.signal.aborted ? 'closed' : signal?.aborted ? 'cancelled' : 'nobody answers there'
          if (server === undefined || closing.signal.aborted || signal?.aborted) {
            throw new WeftError('COLLECTOR_UNAVAILABLE', { endpoint, detail })
          }
          const done = new AbortController()
          const signals = [server.closed, closing.signal, ...(signal === undefined ? [] : [signal])]
          try {
            const bytes = encodeSubmission(submission)
            const answered = answer(endpoint, server.handler, bytes, onTaken)
            return await Promise.race([answered, interruption(endpoint, timeoutMs, signals, done.signal)])
          } finally {
            done.abort(new Error('answered'))
          }
        },
        async close() {
          closing.abort(new Error('closed'))
        },
      }
    },
  }
}
