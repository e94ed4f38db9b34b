import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { parseBlockNumber, parseEpochId, parseSlotId, type Cid, type ProjectId, type SubmissionId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import type { FakeGrpc } from './fake.ts'
import type { SubmissionHandler } from './port.ts'

export const submission: Submission = {
  request: {
    slotId: parseSlotId(7),
    deadlineBlock: parseBlockNumber(500),
    snapshotCid: 'bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy' as Cid,
    epochId: parseEpochId(3),
    projectId: 'pairContract_trade_volume:0x8ef7:UNISWAPV2' as ProjectId,
  },
  signature: 'ab'.repeat(65),
  header: `0x${'0e'.repeat(32)}`,
  dataMarket: '0x21cb57C1f2352ad215a463DD867b838749CD3b8f',
  nodeVersion: 'v2.11.0',
  protocolState: '',
}
const patient = { timeoutMs: 15_000 }

/** Declares what every implementation does, fake or real. */
export function grpcSuite(name: string, createGrpc: () => FakeGrpc): void {
  describe(name, () => {
    const started: { close(): Promise<void> }[] = []
    const grpc = createGrpc()
    afterEach(async () => {
      for (const thing of started.splice(0).reverse()) await thing.close()
    })
    async function start(handler: SubmissionHandler) {
      const server = await grpc.serveSubmissions({ host: '127.0.0.1', port: 0, handler })
      const client = grpc.createSubmissionClient({ endpoint: server.endpoint })
      started.push(server, client)
      return { server, client }
    }

    test('a submission arrives as it was sent, and the answer comes back', async () => {
      const seen: Submission[] = []
      const { client } = await start(async (one) => {
        seen.push(one)
        return one.request.slotId === 7 ? 'Success' : 'Failure'
      })
      expect(await client.submitSnapshot(submission, patient)).toBe('Success')
      const other = { ...submission, request: { ...submission.request, slotId: parseSlotId(8) } }
      expect(await client.submitSnapshot(other, patient)).toBe('Failure')
      expect(seen).toEqual([submission, other])
    })

    test('the id under which a submission goes on is told to whoever asks for it, and only of one that was taken', async () => {
      const submissionId = '3f2a8c1e-5b7d-4e6f-9a0b-1c2d3e4f5a6b' as SubmissionId
      const { client } = await start(async (one, onTaken) => {
        if (one.request.slotId !== 7) return 'window_closed'
        onTaken?.(submissionId)
        return 'Success'
      })
      const told: SubmissionId[] = []
      const onTaken = (given: SubmissionId) => told.push(given)
      const other = { ...submission, request: { ...submission.request, slotId: parseSlotId(8) } }
      expect(await client.submitSnapshot(other, { ...patient, onTaken })).toBe('window_closed')
      expect(await client.submitSnapshot(submission, patient)).toBe('Success')
      expect(await client.submitSnapshot(submission, { ...patient, onTaken })).toBe('Success')
      expect(told).toEqual([submissionId])
    })

    test('a hundred at once are each answered', async () => {
      const { client } = await start(async () => 'Success')
      const answers = await Promise.all(Array.from({ length: 100 }, () => client.submitSnapshot(submission, patient)))
      expect(new Set(answers)).toEqual(new Set(['Success']))
    })

    test('what does not parse is a Failure and never reaches the handler', async () => {
      let calls = 0
      const { client } = await start(async () => {
        calls += 1
        return 'Success'
      })
      expect(await client.submitSnapshot({ ...submission, header: '0x1' }, patient)).toBe('Failure')
      expect(calls).toBe(0)
    })

    test('a full collector, or one whose disk is full, is QUEUE_FULL, any other failure of it COLLECTOR_UNAVAILABLE', async () => {
      for (const failure of [
        new WeftError('QUEUE_FULL', { queue: 'outbox', lengthMax: 1 }),
        new WeftError('STORE_FULL', { path: 'outbox', doing: 'secret detail' }),
      ]) {
        const full = await start(() => Promise.reject(failure))
        await expect(full.client.submitSnapshot(submission, patient)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
      }
      const broken = await start(() => Promise.reject(new Error('secret detail')))
      const failure = await broken.client.submitSnapshot(submission, patient).catch((cause: unknown) => cause)
      expect(failure).toMatchObject({ code: 'COLLECTOR_UNAVAILABLE' })
      expect(String(failure)).not.toContain('secret detail')
    })

    test('no answer in time, an abort and a collector that is gone are COLLECTOR_UNAVAILABLE', async () => {
      const { client, server } = await start(() => new Promise(() => undefined))
      await expect(client.submitSnapshot(submission, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE' })
      const leaving = new AbortController()
      const waiting = client.submitSnapshot(submission, { ...patient, signal: leaving.signal })
      const outcome = expect(waiting).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE' })
      leaving.abort()
      await outcome
      await server.close()
      await expect(client.submitSnapshot(submission, patient)).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE' })
    })

    test('a call that is given up before it is made never reaches the handler, and a client that is closed makes none', async () => {
      let calls = 0
      const { client } = await start(async () => {
        calls += 1
        return 'Success'
      })
      const given = client.submitSnapshot(submission, { ...patient, signal: AbortSignal.abort() })
      await expect(given).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE', facts: { detail: 'cancelled' } })
      await client.close()
      const afterwards = client.submitSnapshot(submission, patient)
      await expect(afterwards).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE', facts: { detail: 'closed' } })
      expect(calls).toBe(0)
    })

    test('a handler that fails or answers too late disturbs no later call', async () => {
      const late = Promise.withResolvers<'Success'>()
      const outcomes = [() => Promise.reject(new Error('broken')), () => late.promise, async () => 'Success' as const]
      const { client } = await start(() => (outcomes.shift() ?? (async () => 'Failure' as const))())
      await expect(client.submitSnapshot(submission, patient)).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE' })
      await expect(client.submitSnapshot(submission, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'COLLECTOR_UNAVAILABLE' })
      late.resolve('Success')
      expect(await client.submitSnapshot(submission, patient)).toBe('Success')
    })

    test('answers go to the calls they belong to, in whatever order they come', async () => {
      const waiting: ((answer: 'Success' | 'Failure') => void)[] = []
      const { client } = await start(() => new Promise((resolve) => waiting.push(resolve)))
      const calls = [client.submitSnapshot(submission, patient)]
      await expect.poll(() => waiting.length, { timeout: 5_000 }).toBe(1)
      calls.push(client.submitSnapshot(submission, patient))
      await expect.poll(() => waiting.length, { timeout: 5_000 }).toBe(2)
      waiting[1]?.('Failure')
      expect(await calls[1]).toBe('Failure')
      waiting[0]?.('Success')
      expect(await calls[0]).toBe('Success')
    })

    test('a server that closes does not wait for a handler that never answers; its caller is told', async () => {
      const called = Promise.withResolvers<void>()
      const { client, server } = await start(() => {
        called.resolve()
        return new Promise(() => undefined)
      })
      const outcome = expect(client.submitSnapshot(submission, { timeoutMs: 20_000 })).rejects.toMatchObject({
        code: 'COLLECTOR_UNAVAILABLE',
      })
      await called.promise
      await server.close()
      await outcome
    })

    test('calls that are over leave nothing behind on the signal they were made with', async () => {
      const { client } = await start(async () => 'Success')
      const { signal } = new AbortController()
      for (let call = 0; call < 3; call += 1) await client.submitSnapshot(submission, { ...patient, signal })
      expect(getEventListeners(signal, 'abort')).toEqual([])
    })

    test('a collector that comes back at its endpoint is used again', async () => {
      const { client, server } = await start(async () => 'Failure')
      expect(await client.submitSnapshot(submission, patient)).toBe('Failure')
      await server.close()
      const [host, port] = server.endpoint.split(':') as [string, string]
      started.push(await grpc.serveSubmissions({ host, port: Number(port), handler: async () => 'Success' }))
      await expect.poll(() => client.submitSnapshot(submission, patient).catch(() => undefined), { timeout: 10_000 }).toBe('Success')
    })

    test('an endpoint that is taken is LISTEN_FAILED', async () => {
      const { server } = await start(async () => 'Success')
      const [host, port] = server.endpoint.split(':') as [string, string]
      const again = grpc.serveSubmissions({ host, port: Number(port), handler: async () => 'Success' })
      await expect(again).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
    })
  })
}
