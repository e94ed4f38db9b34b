import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js'
import { recoverer } from '#io/keys/secp256k1.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { parseSignature } from '#wire/eip712.ts'
import { key } from '../seal/world.ts'
import { ownCpuUs, serveSteps } from './child.ts'
import { ECHOES } from './echo.ts'

/** A bare gRPC server in a process of its own. */
const store = openSqliteStore({ path: join(tmpdir(), 'kept.sqlite') })
const digest = new Uint8Array(32).fill(1)
const signature = parseSignature(key.sign(digest)) as Uint8Array
let kept = 0

type Call = { readonly request: Buffer }
type Answer = (failure: null, bytes: Buffer) => void
const echo: UntypedHandleCall = ({ request }: Call, answer: Answer) => answer(null, request)
const keep: UntypedHandleCall = async ({ request }: Call, answer: Answer) => {
  if (recoverer.recover(digest, signature) !== key.address) throw new Error('wrong signer')
  kept += 1
  await store.commit([{ key: String(kept), value: request }])
  answer(null, request)
}

const server = new Server()
server.addService(ECHOES, { echo, keep })
const port = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (failure, bound) =>
    failure === null ? resolve(bound) : reject(failure),
  )
})
await serveSteps({
  open: () => ({ endpoint: `127.0.0.1:${port}` }),
  usage: () => ({ cpuUs: ownCpuUs() }),
})
