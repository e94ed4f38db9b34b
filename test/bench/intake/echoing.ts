import { Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js'
import { ownCpuUs, serveSteps } from './child.ts'
import { ECHO } from './echo.ts'

/** A bare gRPC server in a process of its own. */
const server = new Server()
const echo: UntypedHandleCall = (call: { readonly request: Buffer }, answer: (failure: null, bytes: Buffer) => void) =>
  answer(null, call.request)
server.addService({ echo: ECHO }, { echo })
const port = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (failure, bound) =>
    failure === null ? resolve(bound) : reject(failure),
  )
})
await serveSteps({
  open: () => ({ endpoint: `127.0.0.1:${port}` }),
  usage: () => ({ cpuUs: ownCpuUs() }),
})
