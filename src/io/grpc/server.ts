import {
  logVerbosity,
  Metadata,
  type sendUnaryData,
  Server,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js'
import { isWeftError } from '#domain/errors.ts'
import type { SubmissionId } from '#domain/ids.ts'
import { REJECTIONS } from '#domain/rejection.ts'
import { createDoor, DOOR_LIMITS, type Door, type DoorLimits } from './door.ts'
import type { HandOverAnswer, OnTaken, SubmissionHandler, SubmissionServer } from './port.ts'
import { addProbes } from './probes.ts'
import {
  CODE_TRAILER,
  ID_TRAILER,
  isRejection,
  MESSAGE_BYTES_MAX,
  type Numbered,
  type NumberedAnswer,
  type Parsed,
  REASON_TRAILER,
  SERVICE,
  STREAM_SERVICE,
} from './service.ts'

/** Calls one connection may have open: a snapshotter that serves many slots hands over hundreds at once. */
const CALLS_PER_CONNECTION_MAX = 1_000
/** Submissions on one simulation stream; peers send one or two. */
const STREAM_LENGTH_MAX = 1_000
/** Submissions of one numbered stream that wait for their answer: beyond them it is not read on. */
const STREAM_IN_FLIGHT_MAX = 256
/** Of one connection, in what HTTP/2 keeps for it. */
const SESSION_MEMORY_MB = 32
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
    return { code: status.RESOURCE_EXHAUSTED, details: `the collector is full (${failure.facts.queue}), send again a little later` }
  if (isWeftError(failure, 'STORE_FULL'))
    return { code: status.RESOURCE_EXHAUSTED, details: 'the disk of the collector is full, send again when it has room' }
  return { code: status.INTERNAL, details: isWeftError(failure) ? failure.code : 'internal' }
}

async function answerOne({ submission }: Parsed, handler: SubmissionHandler, onTaken?: OnTaken): Promise<HandOverAnswer | Refusal> {
  if (submission === undefined) return UNPARSED
  try {
    return await handler(submission, onTaken)
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
      if (one !== 'Success' && answer === 'Success') answer = one
    }
  } catch (failure) {
    return refusalOf(failure)
  }
  return answer
}

function deliver(answer: HandOverAnswer | Refusal, callback: sendUnaryData<HandOverAnswer>, submissionId?: SubmissionId): void {
  if (typeof answer !== 'string') callback(answer)
  else if (isRejection(answer)) callback(null, answer, trailersOf({ [CODE_TRAILER]: answer, [REASON_TRAILER]: REJECTIONS[answer].help }))
  else if (submissionId !== undefined) callback(null, answer, trailersOf({ [ID_TRAILER]: submissionId }))
  else callback(null, answer)
}

/** Deployed nodes read `Success` or `Failure` alone, others the id or why. */
function trailersOf(said: Readonly<Record<string, string>>): Metadata {
  const trailers = new Metadata()
  for (const [name, text] of Object.entries(said)) trailers.set(name, text)
  return trailers
}

/** The same for one of a numbered stream, which goes on. */
function numberedAnswer(id: string, answer: HandOverAnswer | Refusal): NumberedAnswer {
  if (answer === 'Success') return { id, message: answer, code: '', reason: '' }
  if (typeof answer === 'string') {
    return {
      id,
      message: 'Failure',
      ...(isRejection(answer) ? { code: answer, reason: REJECTIONS[answer].help } : { code: '', reason: '' }),
    }
  }
  const code =
    answer === UNPARSED ? 'submission_malformed' : answer.code === status.RESOURCE_EXHAUSTED ? 'QUEUE_FULL' : (status[answer.code] ?? '')
  return { id, message: 'Failure', code, reason: answer.details }
}

/** Answers each as it is done, and reads on while few enough wait. Ends with its client's end, when everything is answered. */
async function answerNumbered(call: ServerDuplexStream<Numbered, NumberedAnswer>, handler: SubmissionHandler): Promise<void> {
  const underWay = new Set<Promise<void>>()
  /** A client that does not read its answers is not read either. */
  let drained: Promise<unknown> | undefined
  const answer = async (one: Numbered): Promise<void> => {
    const said = numberedAnswer(one.id, await answerOne(one, handler))
    if (call.cancelled || call.write(said)) return
    drained ??= new Promise<void>((resolve) => {
      for (const event of ['drain', 'cancelled', 'close']) call.once(event, resolve)
    }).then(() => {
      drained = undefined
    })
  }
  try {
    // The end of the requests is not that of the call.
    for await (const one of call.iterator({ destroyOnReturn: false })) {
      const answering = answer(one as Numbered).finally(() => underWay.delete(answering))
      underWay.add(answering)
      if (underWay.size >= STREAM_IN_FLIGHT_MAX) await Promise.race(underWay)
      await drained
    }
    await Promise.all(underWay)
    call.end()
  } catch {
    call.end() // It was cut off: nobody is there to be told.
  }
}

/** Asks all to leave when their calls are answered. That they have left only the door knows: grpc-js does not count what it was handed. */
async function close(server: Server, door: Door): Promise<void> {
  server.tryShutdown(() => undefined)
  await door.close(CLOSE_TIMEOUT_MS)
  server.forceShutdown()
}

export interface GrpcServer extends SubmissionServer {
  /** What `grpc.health.v1` answers from now on; at first that it does not serve. */
  setServing(isServing: boolean): void
  /** What is under way at the door. */
  counts(): { readonly connections: number; readonly unfinished: number; readonly streams: number }
}

/**
 * Serves the collector's gRPC services in plain HTTP/2, as deployed nodes expect it. Port 0 takes a free one. Throws `LISTEN_FAILED`.
 * Messages over 64 KiB are answered RESOURCE_EXHAUSTED, what does not parse INVALID_ARGUMENT; neither reaches the handler.
 */
export async function serveSubmissions(options: {
  readonly host: string
  readonly port: number
  readonly handler: SubmissionHandler
  readonly limits?: Partial<DoorLimits>
}): Promise<GrpcServer> {
  // It writes to the console by itself; what matters is thrown or answered.
  setLogVerbosity(logVerbosity.NONE)
  const door = createDoor({ ...DOOR_LIMITS, ...options.limits })
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_concurrent_streams': CALLS_PER_CONNECTION_MAX,
    'grpc-node.max_session_memory': SESSION_MEMORY_MB,
    interceptors: [door.interceptor],
  })
  server.addService(SERVICE, {
    submitSnapshot(call: ServerUnaryCall<Parsed, HandOverAnswer>, callback: sendUnaryData<HandOverAnswer>) {
      let submissionId: SubmissionId | undefined
      const onTaken: OnTaken = (given) => {
        submissionId = given
      }
      void answerOne(call.request, options.handler, onTaken).then((answer) => deliver(answer, callback, submissionId))
    },
    submitSnapshotSimulation(call: ServerReadableStream<Parsed, HandOverAnswer>, callback: sendUnaryData<HandOverAnswer>) {
      void answerStream(call, options.handler).then((answer) => deliver(answer, callback))
    },
  })
  server.addService(STREAM_SERVICE, {
    submit: (call: ServerDuplexStream<Numbered, NumberedAnswer>) => void answerNumbered(call, options.handler),
  })
  const probes = addProbes(server)
  const port = await door.open(server, options)
  return {
    endpoint: `${options.host}:${port}`,
    setServing: probes.setServing,
    counts: door.counts,
    close: () => close(server, door),
  }
}
