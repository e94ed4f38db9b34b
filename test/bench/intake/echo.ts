import type { MethodDefinition } from '@grpc/grpc-js'

const asIs = (bytes: Buffer): Buffer => bytes

/** A unary call that is answered with the bytes it came with: what gRPC itself costs. */
export const ECHO: MethodDefinition<Buffer, Buffer> = {
  path: '/bench.Echo/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
}
