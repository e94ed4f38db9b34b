import { Client, credentials, type Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { readFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { SubmissionId } from '#domain/ids.ts'
import { DOOR_LIMITS } from '#io/grpc/door.ts'
import type { HandOverAnswer, OnTaken } from '#io/grpc/port.ts'
import { serveSubmissions } from '#io/grpc/server.ts'
import { CODE_TRAILER, ID_TRAILER, MESSAGE_BYTES_MAX, PUSHBACK_TRAILER, REASON_TRAILER, SERVICE, STREAM_SERVICE } from '#io/grpc/service.ts'
import { isServing } from '#io/grpc/serving.ts'
import { submission } from '#io/grpc/suite.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'

/** docs/COLLECTOR-GRPC.md, held against a collector's server as a stranger calls it. */

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/COLLECTOR-GRPC.md'), 'utf8')
/** First cells of a table, by the head of the first column. */
const rowsOf = (head: string): string[] => {
  const [, table = ''] = PAGE.split(`\n| ${head} |`)
  return [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell]) => cell as string)
}

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

type Handler = (onTaken?: OnTaken) => Promise<HandOverAnswer>

async function serve(handler: Handler, limits = {}) {
  const server = await serveSubmissions({ host: '127.0.0.1', port: 0, handler: (_, onTaken) => handler(onTaken), limits })
  ending.push(() => server.close())
  return server
}

/** What a deployed node makes of it, and the trailers. */
async function call(bytes: Uint8Array, handler: Handler): Promise<{ readonly answer: string; readonly trailers: Metadata }> {
  const { endpoint } = await serve(handler)
  const client = new Client(endpoint, credentials.createInsecure())
  ending.push(() => client.close())
  return new Promise((resolve) => {
    let answer = ''
    const told = (cause: ServiceError | null, value?: string) => {
      answer = cause === null ? (value ?? '') : (status[cause.code] ?? '')
    }
    const { path, responseDeserialize } = SERVICE.submitSnapshot
    client
      .makeUnaryRequest(path, Buffer.from, responseDeserialize, bytes, told)
      .on('status', ({ metadata }) => setImmediate(() => resolve({ answer, trailers: metadata })))
  })
}

const VOTE = encodeSubmission(submission)
const ID = '00000000-0000-4000-8000-000000000001' as SubmissionId

/** By what the page calls the answer. */
const CASES: Readonly<Record<string, () => Promise<string>>> = {
  async Success() {
    const { answer, trailers } = await call(VOTE, async (onTaken) => {
      onTaken?.(ID)
      return 'Success'
    })
    expect(trailers.get(ID_TRAILER)).toEqual([ID])
    return answer
  },
  async Failure() {
    const { answer, trailers } = await call(VOTE, async () => 'not_ready')
    expect([trailers.get(CODE_TRAILER), trailers.get(REASON_TRAILER)]).toEqual([['not_ready'], [expect.any(String)]])
    return answer
  },
  INVALID_ARGUMENT: async () => (await call(Uint8Array.of(0xff), async () => 'Success')).answer,
  async RESOURCE_EXHAUSTED() {
    const full = new WeftError('QUEUE_FULL', { queue: 'outbox', lengthMax: 1 })
    const { answer: long } = await call(new Uint8Array(MESSAGE_BYTES_MAX + 1), async () => 'Success')
    const { answer } = await call(VOTE, () => Promise.reject(full))
    expect(long).toBe(answer)
    return answer
  },
  async DEADLINE_EXCEEDED() {
    const { endpoint } = await serve(async () => 'Success', { requestTimeoutMs: 200 })
    const session = connect(`http://${endpoint}`)
    session.on('error', () => undefined)
    ending.push(() => session.destroy())
    const over = new Promise((resolve) => session.once('close', resolve))
    const headers = { ':method': 'POST', ':path': SERVICE.submitSnapshot.path, 'content-type': 'application/grpc', te: 'trailers' }
    const stream = session.request(headers).on('error', () => undefined)
    const said = new Promise<unknown>((resolve) => stream.once('response', (head) => resolve(head['grpc-status'])))
    stream.resume()
    stream.write(Buffer.from([0, 0, 0, 0, 9, 1]))
    await over
    return status[Number(await said)] ?? ''
  },
  INTERNAL: async () => (await call(VOTE, () => Promise.reject(new Error('broken')))).answer,
}

test('the page has every method there is to hand over by, and how it is seen whether it can be', async () => {
  const paths = [...Object.values(SERVICE), ...Object.values(STREAM_SERVICE)].map(({ path }) => path)
  expect(rowsOf('method')).toEqual([...paths, '/grpc.health.v1.Health/Check'])
  const server = await serve(async () => 'Success')
  expect(await isServing(server.endpoint, 10_000)).toBe(false)
  server.setServing(true)
  expect(await isServing(server.endpoint, 10_000)).toBe(true)
})

test('it tells of every answer that has a case here, and of no other', () => {
  expect(rowsOf('answer')).toEqual(Object.keys(CASES))
})

test.each(Object.entries(CASES))('%s is answered when it says', async (answer, ask) => {
  expect(await ask()).toBe(answer)
})

test('a stream on which nothing more comes is told so, also when answers have gone over it', async () => {
  const { endpoint } = await serve(async () => 'Success', { streamIdleMs: 300 })
  const client = new Client(endpoint, credentials.createInsecure())
  ending.push(() => client.close())
  const { path, requestSerialize, responseDeserialize } = STREAM_SERVICE.submit
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  const answers: unknown[] = []
  stream.on('error', () => undefined).on('data', (answer) => answers.push(answer))
  const told = new Promise<number>((resolve) => stream.once('status', ({ code }) => resolve(code)))
  stream.write({ id: 'mine', submission })
  expect([status[await told], answers]).toEqual(['DEADLINE_EXCEEDED', [{ id: 'mine', message: 'Success', code: '', reason: '' }]])
})

test('its trailers and limits are those of the code', () => {
  for (const trailer of [CODE_TRAILER, REASON_TRAILER, ID_TRAILER, PUSHBACK_TRAILER]) expect(PAGE).toContain(`\`${trailer}\``)
  const { unfinishedMax, requestTimeoutMs, streamIdleMs } = DOOR_LIMITS
  for (const limit of [
    `more than ${unfinishedMax.toLocaleString('en')} calls`,
    `${requestTimeoutMs / 1_000} s after`,
    `${streamIdleMs / 60_000} minutes`,
    `${MESSAGE_BYTES_MAX / 1_024} KiB`,
  ])
    expect(PAGE).toContain(limit)
})
