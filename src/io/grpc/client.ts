import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { WeftError } from '#domain/errors.ts'
import { isSubmissionId, type SubmissionId, safeUint } from '#domain/ids.ts'
import type { HandOverAnswer, SubmissionClient } from './port.ts'
import { CODE_TRAILER, ID_TRAILER, isRejection, PUSHBACK_TRAILER, SERVICE } from './service.ts'

/** A collector that restarts is found again within this time; grpc-js's own maximum is two minutes. */
const RECONNECT_BACKOFF_MAX_MS = 1_000
const RECONNECT_BACKOFF_FIRST_MS = 100

function failureOf(endpoint: string, cause: ServiceError): WeftError {
  if (cause.code === status.RESOURCE_EXHAUSTED) {
    const waitMs = safeUint(String(cause.metadata.get(PUSHBACK_TRAILER)[0]))
    return new WeftError('QUEUE_FULL', { queue: endpoint, lengthMax: 'not told', ...(waitMs !== undefined && { waitMs }) }, cause)
  }
  return new WeftError('COLLECTOR_UNAVAILABLE', { endpoint, detail: `${status[cause.code]} ${cause.details}` }, cause)
}

/** A client of one collector. It connects when first used and again whenever the connection is lost. */
export function createSubmissionClient(options: { readonly endpoint: string }): SubmissionClient {
  const { endpoint } = options
  const client = new Client(endpoint, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': RECONNECT_BACKOFF_FIRST_MS,
    'grpc.min_reconnect_backoff_ms': RECONNECT_BACKOFF_FIRST_MS,
    'grpc.max_reconnect_backoff_ms': RECONNECT_BACKOFF_MAX_MS,
    // Otherwise clients of one process share connections, and closing one closes nothing.
    'grpc.use_local_subchannel_pool': 1,
  })
  let isClosed = false
  const { path, requestSerialize, responseDeserialize } = SERVICE.submitSnapshot
  return {
    submitSnapshot(submission, { timeoutMs, signal, onTaken }) {
      const answer = Promise.withResolvers<HandOverAnswer>()
      // A closed client of grpc-js throws where it stands.
      if (isClosed || signal?.aborted)
        return Promise.reject(
          new WeftError('COLLECTOR_UNAVAILABLE', { endpoint, detail: isClosed ? 'closed' : 'cancelled' }, signal?.reason),
        )
      let told: HandOverAnswer | undefined
      const deadline = Date.now() + timeoutMs
      const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { submission }, { deadline }, (cause, value) => {
        signal?.removeEventListener('abort', cancel)
        if (cause === null) told = value ?? 'Failure'
        else if (cause.code === status.INVALID_ARGUMENT) answer.resolve('Failure')
        else answer.reject(failureOf(endpoint, cause))
      })
      // Why it is a failure comes behind the answer.
      call.on('status', ({ metadata }) => {
        const [code] = metadata.get(CODE_TRAILER)
        const [submissionId] = metadata.get(ID_TRAILER)
        if (told === 'Success' && typeof submissionId === 'string' && isSubmissionId(submissionId))
          onTaken?.(submissionId.toLowerCase() as SubmissionId)
        if (told !== undefined) answer.resolve(told === 'Failure' && typeof code === 'string' && isRejection(code) ? code : told)
      })
      const cancel = () => call.cancel()
      signal?.addEventListener('abort', cancel, { once: true })
      return answer.promise
    },
    async close() {
      isClosed = true
      client.close()
    },
  }
}
