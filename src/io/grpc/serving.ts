import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'

const CHECK = '/grpc.health.v1.Health/Check'
/** `HealthCheckResponse { status: SERVING }`: field 1, varint 1. */
const SERVING = Buffer.from([0x08, 0x01])

/** What the library says at the end where there was no name to look up. */
const NOTHING_RESOLVED = /\. Resolution note: $/

/** What `grpc.health.v1` says of a server; why there is no answer, in words. Never throws. */
export function isServing(endpoint: string, timeoutMs: number): Promise<boolean | string> {
  const client = new Client(endpoint, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  const asIs = (bytes: Buffer): Buffer => bytes
  const answer = Promise.withResolvers<boolean | string>()
  const deadline = Date.now() + timeoutMs
  client.makeUnaryRequest(CHECK, asIs, asIs, Buffer.alloc(0), { deadline }, (failure: ServiceError | null, bytes?: Buffer) => {
    client.close()
    answer.resolve(
      failure === null ? bytes?.equals(SERVING) === true : `${status[failure.code]} ${failure.details.replace(NOTHING_RESOLVED, '')}`,
    )
  })
  return answer.promise
}
