import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'
import type { Submission } from '#domain/submission.ts'
import { Submission as Service, SubmissionResponseSchema } from '#wire/gen/submission_pb.ts'
import { decodeSubmission, encodeSubmission, SUBMISSION_BYTES_MAX } from '#wire/submission-proto.ts'
import type { HandOverAnswer } from './port.ts'

/** The service `submission.Submission` as grpc-js wants it, over the generated code. */

/** What came in: nothing when the bytes are not a submission. Throwing while parsing would make grpc-js answer INTERNAL. */
export interface Parsed {
  readonly submission: Submission | undefined
}

/** The same limit as on every other way in. */
export const MESSAGE_BYTES_MAX = SUBMISSION_BYTES_MAX

function method(descriptor: { readonly name: string }, isStream: boolean): MethodDefinition<Parsed, HandOverAnswer> {
  return {
    path: `/${Service.typeName}/${descriptor.name}`,
    requestStream: isStream,
    responseStream: false,
    requestSerialize: ({ submission }) => Buffer.from(submission === undefined ? [] : encodeSubmission(submission)),
    requestDeserialize: (bytes) => ({ submission: decodeSubmission(bytes) }),
    responseSerialize: (message) => Buffer.from(toBinary(SubmissionResponseSchema, create(SubmissionResponseSchema, { message }))),
    responseDeserialize: (bytes) => (fromBinary(SubmissionResponseSchema, bytes).message === 'Success' ? 'Success' : 'Failure'),
  }
}

export const SERVICE = {
  submitSnapshot: method(Service.method.submitSnapshot, false),
  submitSnapshotSimulation: method(Service.method.submitSnapshotSimulation, true),
}
