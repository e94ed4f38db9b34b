import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Submission } from '#domain/submission.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createSubmissionClient } from './client.ts'
import type { HandOverAnswer, SubmissionHandler, SubmissionServer } from './port.ts'
import { serveSubmissions } from './server.ts'
import { SERVICE } from './service.ts'
import { grpcSuite, submission } from './suite.ts'

grpcSuite('gRPC over loopback', () => ({ serveSubmissions, createSubmissionClient }))

test('a collector that was down is found again within seconds', async () => {
  const first = await serveSubmissions({ host: '127.0.0.1', port: 0, handler: async () => 'Success' })
  const client = createSubmissionClient({ endpoint: first.endpoint })
  const handOver = () => client.submitSnapshot(submission, { timeoutMs: 5_000 }).catch((failure: WeftError) => failure.code)
  expect(await handOver()).toBe('Success')
  await first.close()
  expect(await handOver()).toBe('COLLECTOR_UNAVAILABLE')
  const port = Number(first.endpoint.slice(first.endpoint.lastIndexOf(':') + 1))
  const again = await serveSubmissions({ host: '127.0.0.1', port, handler: async () => 'Success' })
  await expect.poll(handOver, { timeout: 20_000, interval: 100 }).toBe('Success')
  await client.close()
  await again.close()
})

test('a server that is closed waits only so long for calls that do not end', async () => {
  const asked = Promise.withResolvers<void>()
  const server = await serveSubmissions({
    host: '127.0.0.1',
    port: 0,
    handler: () => {
      asked.resolve()
      return new Promise(() => undefined)
    },
  })
  const client = createSubmissionClient({ endpoint: server.endpoint })
  const call = client.submitSnapshot(submission, { timeoutMs: 60_000 }).catch((failure: WeftError) => failure.code)
  await asked.promise
  await server.close()
  expect(await call).toBe('COLLECTOR_UNAVAILABLE')
  await client.close()
})

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
    ['64 KiB of garbage', new Uint8Array(65_536), status.INVALID_ARGUMENT],
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

  test('G7: a stream takes a thousand submissions and no more', async () => {
    let count = 0
    const stranger = await start(async () => {
      count += 1
      return 'Success'
    })
    const bytes = encodeSubmission(submission)
    expect(
      await stream(
        stranger,
        Array.from({ length: 1_000 }, () => bytes),
      ),
    ).toBe('\n\x07Success')
    expect(
      await stream(
        stranger,
        Array.from({ length: 1_001 }, () => bytes),
      ),
    ).toBe(status.RESOURCE_EXHAUSTED)
    expect(count).toBe(2_000)
  })

  test('G7: a stream is refused for a message that is too large, and for a collector that is full; neither disturbs the next', async () => {
    let isFull = false
    const stranger = await start(async () => {
      if (isFull) throw new WeftError('QUEUE_FULL', { queue: 'outbox', lengthMax: 1 })
      return 'Success'
    })
    const bytes = encodeSubmission(submission)
    expect(await stream(stranger, [bytes, new Uint8Array(65_537)])).toBe(status.RESOURCE_EXHAUSTED)
    isFull = true
    expect(await stream(stranger, [bytes])).toBe(status.RESOURCE_EXHAUSTED)
    isFull = false
    expect(await stream(stranger, [bytes])).toBe('\n\x07Success')
  })

  test('a stream hands over one submission after the other, each when the one before it is answered', async () => {
    let underWay = 0
    let most = 0
    const stranger = await start(async () => {
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return 'Success'
    })
    const bytes = encodeSubmission(submission)
    expect(await stream(stranger, [bytes, bytes, bytes, bytes])).toBe('\n\x07Success')
    expect(most).toBe(1)
  })

  test('many streams at once are each answered', async () => {
    const stranger = await start(async ({ request }) => (request.slotId === 7 ? 'Success' : 'Failure'))
    const bytes = encodeSubmission(submission)
    const answers = await Promise.all(Array.from({ length: 50 }, () => stream(stranger, [bytes, bytes])))
    expect(new Set(answers)).toEqual(new Set(['\n\x07Success']))
  })

  test('a stream that stays open is not answered before it ends', async () => {
    const seen = Promise.withResolvers<void>()
    const stranger = await start(async () => {
      seen.resolve()
      return 'Success'
    })
    let answer: unknown
    const answered = Promise.withResolvers<void>()
    const call = stranger.makeClientStreamRequest('/submission.Submission/SubmitSnapshotSimulation', raw, text, (cause, value) => {
      answer = cause?.code ?? value
      answered.resolve()
    })
    call.write(encodeSubmission(submission))
    await seen.promise
    expect(await unary(stranger, encodeSubmission(submission))).toBe('\n\x07Success')
    expect(answer).toBeUndefined()
    call.end()
    await answered.promise
    expect(answer).toBe('\n\x07Success')
  })

  test('G7: one connection has at most a thousand calls under way; the others wait and are answered', async () => {
    const open: (() => void)[] = []
    let isBlocked = true
    const stranger = await start(() =>
      isBlocked ? new Promise((resolve) => open.push(() => resolve('Success'))) : Promise.resolve('Failure'),
    )
    const bytes = encodeSubmission(submission)
    const calls = Array.from({ length: 1_005 }, () => unary(stranger, bytes))
    await expect.poll(() => open.length, { timeout: 20_000 }).toBe(1_000)
    isBlocked = false
    // Of another connection: by the time it is answered, more of the first would have come.
    const other = new Client(server?.endpoint ?? '', credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
    expect(await unary(other, bytes)).toBe('\n\x07Failure')
    other.close()
    expect(open).toHaveLength(1_000)
    for (const release of open) release()
    const answers = await Promise.all(calls)
    expect(answers.filter((answer) => answer === '\n\x07Success')).toHaveLength(1_000)
    expect(answers.filter((answer) => answer === '\n\x07Failure')).toHaveLength(5)
  })

  test('a call that is under way when the server closes is answered, if the handler is quick', async () => {
    const called = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<HandOverAnswer>()
    const stranger = await start(() => {
      called.resolve()
      return answer.promise
    })
    const calling = unary(stranger, encodeSubmission(submission))
    await called.promise
    const closing = server?.close()
    answer.resolve('Success')
    expect(await calling).toBe('\n\x07Success')
    await closing
  })
})

test.each([
  ['\n\x07Success', 'Success'],
  ['\n\x07Failure', 'Failure'],
  ['\n\x05Maybe', 'Failure'],
  ['', 'Failure'],
])('an answer of the bytes %j is a %s', (bytes, answer) => {
  expect(SERVICE.submitSnapshot.responseDeserialize(Buffer.from(bytes, 'latin1'))).toBe(answer)
})
