import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials, loadPackageDefinition, type Metadata, status } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Submission } from '#domain/submission.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createSubmissionClient } from './client.ts'
import type { SubmissionHandler } from './port.ts'
import { type GrpcServer, serveSubmissions } from './server.ts'
import { type NumberedAnswer, SERVICE, STREAM_SERVICE } from './service.ts'
import { submission } from './suite.ts'

let server: GrpcServer | undefined
const clients: { close(): unknown }[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await server?.close()
})

async function start(handler: SubmissionHandler): Promise<Client> {
  server = await serveSubmissions({ host: '127.0.0.1', port: 0, handler })
  const client = new Client(server.endpoint, credentials.createInsecure())
  clients.push(client)
  return client
}

const voteOf = (slotId: number): Submission => ({ ...submission, request: { ...submission.request, slotId: slotId as never } })

describe('a refusal', () => {
  test('is Failure for deployed nodes, and says why in its trailers for others', async () => {
    const client = await start(async () => 'signer_mismatch')
    const { path } = SERVICE.submitSnapshot
    const { answer, trailers } = await new Promise<{ answer: string; trailers: Metadata }>((resolve, reject) => {
      let text = ''
      client
        .makeUnaryRequest(
          path,
          Buffer.from,
          (bytes: Buffer) => bytes.toString('latin1'),
          encodeSubmission(submission),
          (cause, value) => {
            if (cause === null) text = value ?? ''
            else reject(cause)
          },
        )
        .on('status', ({ metadata }) => resolve({ answer: text, trailers: metadata }))
    })
    expect(answer).toBe('\n\x07Failure')
    expect(trailers.get('weft-code')).toEqual(['signer_mismatch'])
    expect(trailers.get('weft-reason')).toEqual(['The signature is not by the signer assigned to the slot.'])
    const ours = createSubmissionClient({ endpoint: server?.endpoint ?? '' })
    clients.push(ours)
    expect(await ours.submitSnapshot(submission, { timeoutMs: 15_000 })).toBe('signer_mismatch')
  })
})

describe('the numbered stream', () => {
  function open(client: Client) {
    const { path, requestSerialize, responseDeserialize } = STREAM_SERVICE.submit
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    const answers: NumberedAnswer[] = []
    const ended = new Promise<status>((resolve) => call.on('status', ({ code }) => resolve(code)))
    call.on('data', (answer: NumberedAnswer) => answers.push(answer))
    call.on('error', () => undefined)
    return { call, answers, ended }
  }

  test('answers each under the id that it came with, and ends when all are answered', async () => {
    const client = await start(async ({ request }) => (request.slotId % 2 === 0 ? 'Success' : 'slot_unknown'))
    const { call, answers, ended } = open(client)
    for (let index = 1; index <= 2_000; index += 1) call.write({ id: `${index}`, submission: voteOf(index) })
    call.end()
    expect(await ended).toBe(status.OK)
    expect(answers).toHaveLength(2_000)
    for (const { id, message, code } of answers)
      expect([id, message, code]).toEqual([id, ...(Number(id) % 2 === 0 ? ['Success', ''] : ['Failure', 'slot_unknown'])])
    expect(new Set(answers.map(({ id }) => id)).size).toBe(2_000)
  })

  test('a slow one keeps none behind it waiting, and what is refused ends nothing', async () => {
    const slow = Promise.withResolvers<'Success'>()
    const failures: Error[] = [new WeftError('QUEUE_FULL', { queue: 'share of slot 2', lengthMax: 1 }), new Error('broken')]
    const client = await start(({ request }) =>
      request.slotId === 1 ? slow.promise : request.slotId <= 3 ? Promise.reject(failures[request.slotId - 2]) : Promise.resolve('Success'),
    )
    const { call, answers, ended } = open(client)
    for (const slotId of [1, 2, 3, 4]) call.write({ id: `${slotId}`, submission: voteOf(slotId) })
    call.write({ id: 'none', submission: undefined })
    call.write({ id: 'x'.repeat(65), submission: voteOf(4) })
    await expect.poll(() => answers.length, { timeout: 10_000 }).toBe(5)
    expect(Object.fromEntries(answers.map(({ id, code }) => [id.slice(0, 4), code]))).toEqual({
      '2': 'QUEUE_FULL',
      '3': 'INTERNAL',
      '4': '',
      none: 'submission_malformed',
      xxxx: 'submission_malformed',
    })
    expect(answers.find(({ id }) => id === '2')?.reason).toContain('share of slot 2')
    slow.resolve('Success')
    call.end()
    expect(await ended).toBe(status.OK)
    expect(answers.at(-1)).toEqual({ id: '1', message: 'Success', code: '', reason: '' })
  })

  test('G7: it is read on only while few enough wait, and all are answered in the end', async () => {
    const open_: (() => void)[] = []
    const client = await start(() => new Promise((resolve) => open_.push(() => resolve('Success'))))
    const { call, answers, ended } = open(client)
    for (let index = 0; index < 400; index += 1) call.write({ id: `${index}`, submission: voteOf(index) })
    call.end()
    await expect.poll(() => open_.length, { timeout: 10_000 }).toBe(256)
    for (let released = 0; released < 400; released += 1) {
      await expect.poll(() => open_.length, { timeout: 10_000 }).toBeGreaterThan(released)
      open_[released]?.()
    }
    expect(await ended).toBe(status.OK)
    expect(answers).toHaveLength(400)
  })

  test('one that is cut off disturbs nobody', async () => {
    const client = await start(async () => 'Success')
    const first = open(client)
    first.call.write({ id: '1', submission })
    await expect.poll(() => first.answers.length, { timeout: 10_000 }).toBe(1)
    first.call.cancel()
    expect(await first.ended).toBe(status.CANCELLED)
    const second = open(client)
    second.call.write({ id: '2', submission })
    second.call.end()
    expect(await second.ended).toBe(status.OK)
  })
})

/** As tools do that know nothing of the service: by the descriptions that the packages bring. */
function stub(definition: PackageDefinition, name: readonly string[]) {
  let found: unknown = loadPackageDefinition(definition)
  for (const part of name) found = (found as Record<string, unknown>)[part]
  const made = new (found as new (endpoint: string, how: unknown) => Client & Record<string, (...args: unknown[]) => never>)(
    server?.endpoint ?? '',
    credentials.createInsecure(),
  )
  clients.push(made)
  return made
}
const packageFile = (name: string, ...path: string[]) => {
  const main = createRequire(import.meta.url).resolve(name)
  return join(main.slice(0, main.indexOf(join('node_modules', name))), 'node_modules', name, ...path)
}

describe('probes', () => {
  test('grpc.health.v1 says whether the collector serves, of each service', async () => {
    await start(async () => 'Success')
    const health = stub(loadSync(packageFile('grpc-health-check', 'proto/health/v1/health.proto'), { enums: String }), [
      'grpc',
      'health',
      'v1',
      'Health',
    ])
    const check = (service: string) =>
      new Promise((resolve) => {
        health['check']?.({ service }, (cause: { code: status } | null, value: { status: string }) => resolve(cause?.code ?? value.status))
      })
    const names = ['', 'submission.Submission', 'weft.collector.Collector']
    expect(await Promise.all(names.map(check))).toEqual(['NOT_SERVING', 'NOT_SERVING', 'NOT_SERVING'])
    server?.setServing(true)
    expect(await Promise.all(names.map(check))).toEqual(['SERVING', 'SERVING', 'SERVING'])
    expect(await check('other')).toBe(status.NOT_FOUND)
  })

  test.each(['v1', 'v1alpha'])('reflection %s lists the services and describes them', async (version) => {
    await start(async () => 'Success')
    const path = packageFile('@grpc/reflection', `build/proto/grpc/reflection/${version}/reflection.proto`)
    const reflection = stub(loadSync(path, { includeDirs: [dirname(path)] }), ['grpc', 'reflection', version, 'ServerReflection'])
    const ask = (
      question: object,
    ): Promise<{ listServicesResponse: { service: { name: string }[] }; fileDescriptorResponse: { fileDescriptorProto: Buffer[] } }> =>
      new Promise((resolve) => {
        const call = reflection['serverReflectionInfo']?.() as unknown as {
          on: (event: string, take: (value: never) => void) => void
          write: (value: object) => void
          end: () => void
        }
        call.on('data', resolve)
        call.write(question)
        call.end()
      })
    const { listServicesResponse } = await ask({ listServices: '*' })
    const names = listServicesResponse.service.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['submission.Submission', 'weft.collector.Collector', 'grpc.health.v1.Health']))
    const { fileDescriptorResponse } = await ask({ fileContainingSymbol: 'weft.collector.Collector' })
    const files = fileDescriptorResponse.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
    // With what it imports, so that a tool can build the request.
    expect(files.flatMap(({ messageType }) => messageType.map(({ name }) => name))).toEqual(
      expect.arrayContaining(['SubmitRequest', 'SubmitAnswer', 'SnapshotSubmission']),
    )
  })
})
