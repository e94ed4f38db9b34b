import type { MethodDefinition } from '@grpc/grpc-js'

const asIs = (bytes: Buffer): Buffer => bytes

const unary = (name: string): MethodDefinition<Buffer, Buffer> => ({
  path: `/bench.Echo/${name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
})

/** Unary calls that are answered with the bytes they came with: `echo` at once, which is what gRPC itself costs; `keep` after one signature recovery, when the bytes are on the disk. */
export const ECHOES = { echo: unary('Echo'), keep: unary('Keep') }
