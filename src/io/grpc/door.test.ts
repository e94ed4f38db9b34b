import { status } from '@grpc/grpc-js'
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test } from 'vitest'
import { isWeftError, type WeftError } from '#domain/errors.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createSubmissionClient } from './client.ts'
import type { DoorLimits } from './door.ts'
import { type GrpcServer, serveSubmissions } from './server.ts'
import { submission } from './suite.ts'

const UNARY = '/submission.Submission/SubmitSnapshot'
const STREAM = '/weft.collector.Collector/Submit'
const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function start(limits: Partial<DoorLimits>) {
  const server = await serveSubmissions({ host: '127.0.0.1', port: 0, handler: async () => 'Success', limits })
  ending.push(() => server.close())
  return server
}

/** Who knows HTTP/2 and has no wish to be served. */
function attacker({ endpoint }: GrpcServer): ClientHttp2Session {
  const session = connectHttp2(`http://${endpoint}`)
  session.on('error', () => undefined)
  ending.push(() => session.destroy())
  return session
}

/** Says that 64 KiB come, and sends all but one byte of them. */
function halfSend(session: ClientHttp2Session, path = UNARY): ClientHttp2Stream {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
  stream.on('error', () => undefined)
  stream.resume()
  stream.write(Buffer.concat([Buffer.from([0, 0, 1, 0, 0]), Buffer.alloc(65_535)]))
  return stream
}

async function handOver(server: GrpcServer): Promise<string> {
  const client = createSubmissionClient({ endpoint: server.endpoint })
  ending.push(() => client.close())
  return client.submitSnapshot(submission, { timeoutMs: 15_000 })
}

// What nobody holds any more is counted until it is collected, which may be long.
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const closed = (socket: Socket | ClientHttp2Session) => new Promise<void>((resolve) => socket.once('close', () => resolve()))

describe('G7: half-sent calls', () => {
  test('are ended after a while, and their connection with them; honest calls go on beside them', async () => {
    const server = await start({ requestTimeoutMs: 500 })
    const session = attacker(server)
    const ended = closed(session)
    for (let count = 0; count < 200; count += 1) halfSend(session)
    await expect.poll(() => server.counts().unfinished, { timeout: 10_000 }).toBe(200)
    expect(await handOver(server)).toBe('Success')
    await ended
    await expect.poll(() => server.counts(), { timeout: 10_000 }).toMatchObject({ connections: 1, unfinished: 0 })
    expect(await handOver(server)).toBe('Success')
  })

  test.each([
    ['not whole', UNARY],
    ['silent', STREAM],
  ])('are told why before their connection goes: one that is %s', async (_what, path) => {
    const session = attacker(await start({ requestTimeoutMs: 500, streamIdleMs: 500 }))
    const ended = closed(session)
    let told: unknown
    halfSend(session, path).once('response', (head) => {
      told = head['grpc-status']
    })
    await ended
    expect(told).toBe(String(status.DEADLINE_EXCEEDED))
  })

  test('are bounded in number: the oldest makes room, and its connection goes', async () => {
    const server = await start({ unfinishedMax: 100 })
    const session = attacker(server)
    for (let count = 0; count < 100; count += 1) halfSend(session)
    await expect.poll(() => server.counts().unfinished, { timeout: 10_000 }).toBe(100)
    // The oldest of them is young: whoever comes now is asked to come again, until it is not.
    const ended = closed(session)
    const answers: string[] = []
    const waits: number[] = []
    const told = (failure: WeftError): string => {
      if (isWeftError(failure, 'QUEUE_FULL')) waits.push(Number(failure.facts.waitMs))
      return failure.code
    }
    await expect.poll(async () => answers.push(await handOver(server).catch(told)) && answers.at(-1), { timeout: 10_000 }).toBe('Success')
    // For no longer than the oldest is young, and less each time.
    expect(waits.filter((waitMs, index) => waitMs > 0 && waitMs <= (waits[index - 1] ?? 1_000))).toEqual(waits)
    expect(new Set(answers.slice(0, -1)).difference(new Set(['QUEUE_FULL', 'COLLECTOR_UNAVAILABLE']))).toEqual(new Set())
    await ended
    await expect.poll(() => server.counts().unfinished, { timeout: 10_000 }).toBe(0)
  })

  test('on streams of requests too', async () => {
    const server = await start({ streamIdleMs: 500, streamsMax: 50 })
    const session = attacker(server)
    const ended = closed(session)
    for (let count = 0; count < 50; count += 1) halfSend(session, STREAM)
    await expect.poll(() => server.counts().streams, { timeout: 10_000 }).toBe(50)
    expect(await handOver(server)).toBe('Success')
    await ended
    await expect.poll(() => server.counts(), { timeout: 10_000 }).toMatchObject({ connections: 1, streams: 0 })
  })

  test('give their memory back', async () => {
    const server = await start({ requestTimeoutMs: 2_000 })
    const external = () => {
      collectGarbage()
      return process.memoryUsage().arrayBuffers
    }
    const before = external()
    const session = attacker(server)
    const ended = closed(session)
    for (let count = 0; count < 300; count += 1) halfSend(session)
    await expect.poll(() => server.counts().unfinished, { timeout: 10_000 }).toBe(300)
    await ended
    await expect.poll(() => server.counts().unfinished, { timeout: 10_000 }).toBe(0)
    // Both ends are in this process: 40 MB were held, and a few may wait for the collector.
    await expect.poll(external, { timeout: 20_000 }).toBeLessThan(before + 15 * 1024 * 1024)
  })
})

describe('G7: connections', () => {
  test('that say nothing make room for those of use, however many there are', async () => {
    const server = await start({ connectionsMax: 20 })
    const honest = createSubmissionClient({ endpoint: server.endpoint })
    ending.push(() => honest.close())
    expect(await honest.submitSnapshot(submission, { timeoutMs: 15_000 })).toBe('Success')
    const port = Number(server.endpoint.split(':')[1])
    for (let count = 0; count < 100; count += 1) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      ending.push(() => socket.destroy())
      await new Promise((resolve) => socket.once('connect', resolve))
    }
    await expect.poll(() => server.counts().connections, { timeout: 10_000 }).toBe(20)
    // The same connection, and a new one.
    expect(await honest.submitSnapshot(submission, { timeoutMs: 15_000 })).toBe('Success')
    expect(await handOver(server)).toBe('Success')
  })
})

test('a whole call is none of that, however long its answer takes', async () => {
  const answer = Promise.withResolvers<'Success'>()
  const server = await serveSubmissions({
    host: '127.0.0.1',
    port: 0,
    handler: () => answer.promise,
    limits: { requestTimeoutMs: 50, unfinishedMax: 1 },
  })
  ending.push(() => server.close())
  const calls = Array.from({ length: 3 }, () => handOver(server))
  await expect.poll(() => server.counts(), { timeout: 10_000 }).toMatchObject({ connections: 3, unfinished: 0 })
  const later = setTimeout(() => answer.resolve('Success'), 200)
  ending.push(() => clearTimeout(later))
  expect(await Promise.all(calls)).toEqual(['Success', 'Success', 'Success'])
  expect(encodeSubmission(submission).length).toBeLessThan(1_024)
})
