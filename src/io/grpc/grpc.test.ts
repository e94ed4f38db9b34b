import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Submission } from '#domain/submission.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createSubmissionClient } from './client.ts'
import type { HandOverAnswer, SubmissionHandler, SubmissionServer } from './port.ts'
import { serveSubmissions } from './server.ts'
import { grpcSuite, submission } from './suite.ts'

grpcSuite('gRPC over loopback', () => ({ serveSubmissions, createSubmissionClient }))

/** Calls as any other implementation would: by path and bytes. */
describe('the service as a stranger sees it', () => {
  let server: SubmissionServer | undefined
  let client: Client | undefined
  afterEach(async () => {
    client?.close()
    await server?.close()
  })
  async function start(handler: SubmissionHandler): Promise<Client> {
    server = await serveSubmissions({ host: '127.0.0.1', port: 0, handler })
    client = new Client(server.endpoint, credentials.createInsecure())
    return client
  }
  const raw = (bytes: Uint8Array) => Buffer.from(bytes)
  const text = (bytes: Buffer) => bytes.toString('latin1')

  function unary(stranger: Client, bytes: Uint8Array): Promise<string | status> {
    return new Promise((resolve) => {
      stranger.makeUnaryRequest('/submission.Submission/SubmitSnapshot', raw, text, bytes, (cause, answer) =>
        resolve(cause?.code ?? (answer as string)),
      )
    })
  }
  function stream(stranger: Client, messages: readonly Uint8Array[]): Promise<string | status> {
    return new Promise((resolve) => {
      const settle = (cause: ServiceError | null, answer?: string) => resolve(cause?.code ?? (answer as string))
      const call = stranger.makeClientStreamRequest('/submission.Submission/SubmitSnapshotSimulation', raw, text, settle)
      for (const message of messages) call.write(message)
      call.end()
    })
  }

  test('answers are the message SubmissionResponse with one field', async () => {
    expect(await unary(await start(async () => 'Success'), encodeSubmission(submission))).toBe('\n\x07Success')
  })

  test.each([
    ['garbage', Uint8Array.of(0xff, 0xff), status.INVALID_ARGUMENT],
    ['nothing', new Uint8Array(0), status.INVALID_ARGUMENT],
    ['more than 64 KiB', new Uint8Array(65_537), status.RESOURCE_EXHAUSTED],
  ])('%s is refused with a status, and the next call is served', async (_, bytes, code) => {
    const stranger = await start(async () => 'Success')
    expect(await unary(stranger, bytes)).toBe(code)
    expect(await unary(stranger, encodeSubmission(submission))).toBe('\n\x07Success')
  })

  test('a full collector is RESOURCE_EXHAUSTED, a broken one INTERNAL', async () => {
    let failure: Error = new WeftError('QUEUE_FULL', { queue: 'outbox', lengthMax: 1 })
    const stranger = await start(() => Promise.reject(failure))
    expect(await unary(stranger, encodeSubmission(submission))).toBe(status.RESOURCE_EXHAUSTED)
    failure = new Error('broken')
    expect(await unary(stranger, encodeSubmission(submission))).toBe(status.INTERNAL)
  })

  test('a simulation stream hands over each submission and gets one answer', async () => {
    const seen: Submission[] = []
    const answers: HandOverAnswer[] = ['Success', 'Failure', 'Success']
    const stranger = await start(async (one) => {
      seen.push(one)
      return answers[seen.length - 1] ?? 'Success'
    })
    const bytes = encodeSubmission(submission)
    expect(await stream(stranger, [bytes, bytes, bytes])).toBe('\n\x07Failure')
    expect(await stream(stranger, [bytes, bytes])).toBe('\n\x07Success')
    expect(await stream(stranger, [bytes, Uint8Array.of(0xff), bytes])).toBe(status.INVALID_ARGUMENT)
    expect(seen).toHaveLength(6)
  })

  test('a stream that is cut off does not disturb the server', async () => {
    const stranger = await start(async () => 'Success')
    const code = await new Promise((resolve) => {
      const call = stranger.makeClientStreamRequest('/submission.Submission/SubmitSnapshotSimulation', raw, text, (cause) =>
        resolve(cause?.code),
      )
      call.write(encodeSubmission(submission), () => call.cancel())
    })
    expect(code).toBe(status.CANCELLED)
    expect(await unary(stranger, encodeSubmission(submission))).toBe('\n\x07Success')
  })
})
