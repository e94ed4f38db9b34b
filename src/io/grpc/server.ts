import {
  logVerbosity,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js'
import { isWeftError, listenFailed } from '#domain/errors.ts'
import type { HandOverAnswer, SubmissionHandler, SubmissionServer } from './port.ts'
import { MESSAGE_BYTES_MAX, type Parsed, SERVICE } from './service.ts'

/** Calls one connection may have open: a snapshotter that serves many slots hands over hundreds at once. */
const CALLS_PER_CONNECTION_MAX = 1_000
/** Submissions on one simulation stream; peers send one or two. */
const STREAM_LENGTH_MAX = 1_000
/** Calls under way when the server closes have this long to be answered. */
const CLOSE_TIMEOUT_MS = 2_000

interface Refusal {
  readonly code: status
  readonly details: string
}

const UNPARSED: Refusal = { code: status.INVALID_ARGUMENT, details: 'not a SnapshotSubmission, or a field is out of range' }
const STREAM_TOO_LONG: Refusal = { code: status.RESOURCE_EXHAUSTED, details: `a stream takes ${STREAM_LENGTH_MAX} submissions at most` }

function refusalOf(failure: unknown): Refusal {
  if (isWeftError(failure, 'QUEUE_FULL'))
    return { code: status.RESOURCE_EXHAUSTED, details: 'the collector is full, send again a little later' }
  return { code: status.INTERNAL, details: isWeftError(failure) ? failure.code : 'internal' }
}

async function answerOne({ submission }: Parsed, handler: SubmissionHandler): Promise<HandOverAnswer | Refusal> {
  if (submission === undefined) return UNPARSED
  try {
    return await handler(submission)
  } catch (failure) {
    return refusalOf(failure)
  }
}

/** One answer for the whole stream: `Success` when every submission got one, the first refusal otherwise. */
async function answerStream(
  call: ServerReadableStream<Parsed, HandOverAnswer>,
  handler: SubmissionHandler,
): Promise<HandOverAnswer | Refusal> {
  let answer: HandOverAnswer = 'Success'
  let count = 0
  try {
    for await (const parsed of call) {
      count += 1
      const one = count > STREAM_LENGTH_MAX ? STREAM_TOO_LONG : await answerOne(parsed as Parsed, handler)
      if (typeof one !== 'string') return one
      if (one === 'Failure') answer = 'Failure'
    }
  } catch (failure) {
    return refusalOf(failure)
  }
  return answer
}

function deliver(answer: HandOverAnswer | Refusal, callback: sendUnaryData<HandOverAnswer>): void {
  if (typeof answer === 'string') callback(null, answer)
  else callback(answer)
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, port) => {
      if (cause === null) resolve(port)
      else reject(listenFailed(address, cause))
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), CLOSE_TIMEOUT_MS)
    server.tryShutdown(() => {
      clearTimeout(force)
      resolve()
    })
  })
}

/**
 * Serves the collector's gRPC service in plain HTTP/2, as deployed nodes expect it. Port 0 takes a free one. Throws `LISTEN_FAILED`.
 * Messages over 64 KiB are answered RESOURCE_EXHAUSTED, what does not parse INVALID_ARGUMENT; neither reaches the handler.
 */
export async function serveSubmissions(options: {
  readonly host: string
  readonly port: number
  readonly handler: SubmissionHandler
}): Promise<SubmissionServer> {
  // It writes to the console by itself; what matters is thrown or answered.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': CALLS_PER_CONNECTION_MAX,
  })
  server.addService(SERVICE, {
    submitSnapshot(call: ServerUnaryCall<Parsed, HandOverAnswer>, callback: sendUnaryData<HandOverAnswer>) {
      void answerOne(call.request, options.handler).then((answer) => deliver(answer, callback))
    },
    submitSnapshotSimulation(call: ServerReadableStream<Parsed, HandOverAnswer>, callback: sendUnaryData<HandOverAnswer>) {
      void answerStream(call, options.handler).then((answer) => deliver(answer, callback))
    },
  })
  const port = await bind(server, `${options.host}:${options.port}`)
  return { endpoint: `${options.host}:${port}`, close: () => close(server) }
}
