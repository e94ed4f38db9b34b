import { type DescFile, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Server } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation, service as healthService } from 'grpc-health-check'
import { Collector, file_collector } from '#wire/gen/collector_pb.ts'
import { file_submission, Submission } from '#wire/gen/submission_pb.ts'

export interface Probes {
  /** What `grpc.health.v1` says of the server and of each of its services. */
  setServing(isServing: boolean): void
}

const SERVED = ['', Submission.typeName, Collector.typeName]

const bytesOf = ({ proto }: DescFile): Buffer => Buffer.from(toBinary(FileDescriptorProtoSchema, proto))

/** What orchestrators and people ask a server: whether it serves (`grpc.health.v1`), and what (reflection, both versions). Not serving at first. */
export function addProbes(server: Server): Probes {
  const health = new HealthImplementation(Object.fromEntries(SERVED.map((name) => [name, 'NOT_SERVING'])))
  health.addToServer(server)
  const { requestType } = healthService['Check'] as unknown as { readonly requestType: { readonly fileDescriptorProtos: Buffer[] } }
  // It reads the descriptors of whatever is in there, and nothing else.
  const described = { ours: { fileDescriptorProtos: [file_submission, file_collector].map(bytesOf) }, health: requestType }
  new ReflectionService(described as never).addToServer(server)
  return {
    setServing(isServing) {
      for (const name of SERVED) health.setStatus(name, isServing ? 'SERVING' : 'NOT_SERVING')
    },
  }
}
