import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'
import { REJECTIONS, type Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import { Collector, SubmitAnswerSchema, SubmitRequestSchema } from '#wire/gen/collector_pb.ts'
import { SnapshotSubmissionSchema, Submission as Service, SubmissionResponseSchema } from '#wire/gen/submission_pb.ts'
import { decodeSubmission, encodeSubmission, SUBMISSION_BYTES_MAX } from '#wire/submission-proto.ts'
import type { HandOverAnswer } from './port.ts'

/** The services `submission.Submission` and `weft.collector.Collector` as grpc-js wants them, over the generated code. */

/** What came in: nothing when the bytes are not a submission. Throwing while parsing would make grpc-js answer INTERNAL. */
export interface Parsed {
  readonly submission: Submission | undefined
}

/** The same on a stream of requests, under a name that its sender chose. */
export interface Numbered extends Parsed {
  readonly id: string
}

/** What is said of one on a stream. */
export interface NumberedAnswer {
  readonly id: string
  readonly message: 'Success' | 'Failure'
  /** Empty with `Success`. */
  readonly code: string
  readonly reason: string
}

/** The same limit as on every other way in. */
export const MESSAGE_BYTES_MAX = SUBMISSION_BYTES_MAX
/** Of a name on a stream. */
const ID_LENGTH_MAX = 64

/** Trailers that say why an answer is `Failure`. */
export const CODE_TRAILER = 'weft-code'
export const REASON_TRAILER = 'weft-reason'
/** One that says under which id a submission goes on that was taken. */
export const ID_TRAILER = 'weft-submission-id'

/** When to come again, where it is known: in whole milliseconds, as gRPC names it. */
export const PUSHBACK_TRAILER = 'grpc-retry-pushback-ms'

export const isRejection = (text: string): text is Rejection => Object.hasOwn(REJECTIONS, text)

function method(descriptor: { readonly name: string }, isStream: boolean): MethodDefinition<Parsed, HandOverAnswer> {
  return {
    path: `/${Service.typeName}/${descriptor.name}`,
    requestStream: isStream,
    responseStream: false,
    requestSerialize: ({ submission }) => Buffer.from(submission === undefined ? [] : encodeSubmission(submission)),
    requestDeserialize: (bytes) => ({ submission: decodeSubmission(bytes) }),
    responseSerialize(answer) {
      const message = answer === 'Success' ? answer : 'Failure'
      return Buffer.from(toBinary(SubmissionResponseSchema, create(SubmissionResponseSchema, { message })))
    },
    responseDeserialize: (bytes) => (fromBinary(SubmissionResponseSchema, bytes).message === 'Success' ? 'Success' : 'Failure'),
  }
}

export const SERVICE = {
  submitSnapshot: method(Service.method.submitSnapshot, false),
  submitSnapshotSimulation: method(Service.method.submitSnapshotSimulation, true),
}

const submit: MethodDefinition<Numbered, NumberedAnswer> = {
  path: `/${Collector.typeName}/${Collector.method.submit.name}`,
  requestStream: true,
  responseStream: true,
  requestSerialize({ id, submission }) {
    const parsed = submission && fromBinary(SnapshotSubmissionSchema, encodeSubmission(submission))
    return Buffer.from(toBinary(SubmitRequestSchema, create(SubmitRequestSchema, { id, ...(parsed && { submission: parsed }) })))
  },
  requestDeserialize: numbered,
  responseSerialize: (answer) => Buffer.from(toBinary(SubmitAnswerSchema, create(SubmitAnswerSchema, answer))),
  responseDeserialize(bytes) {
    const { id, message, code, reason } = fromBinary(SubmitAnswerSchema, bytes)
    return { id, message: message === 'Success' ? message : 'Failure', code, reason }
  },
}

export const STREAM_SERVICE = { submit }

function numbered(bytes: Uint8Array): Numbered {
  try {
    const { id, submission } = fromBinary(SubmitRequestSchema, bytes)
    if (id.length > ID_LENGTH_MAX) return { id: id.slice(0, ID_LENGTH_MAX), submission: undefined }
    return { id, submission: submission && decodeSubmission(toBinary(SnapshotSubmissionSchema, submission)) }
  } catch {
    return { id: '', submission: undefined } // Not the message at all: answered as what does not parse.
  }
}
