import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { createFakeTracer } from './fake.ts'
import { createOtlpTracer, type OnSpans, type OtlpOptions, type OtlpTracer } from './otlp.ts'
import { type Receiver, startReceiver } from './receiver.test-world.ts'
import { tracerSuite } from './suite.ts'

const receivers: Receiver[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const receiver of receivers.splice(0)) await receiver.stop()
})

type Outcome = Parameters<OnSpans>

async function start(answer?: (response: ServerResponse) => unknown, options: Partial<OtlpOptions> = {}) {
  const receiver = await startReceiver(answer)
  receivers.push(receiver)
  const outcomes: Outcome[] = []
  const given = { url: receiver.url, role: 'sequencer', version: '1.2.3', share: 1, ...options }
  return { receiver, outcomes, tracer: createOtlpTracer(given, (...outcome) => outcomes.push(outcome)) as OtlpTracer }
}

/** Every 256th is that of the id before; the rest are spread evenly. */
const traceIdAt = (index: number): string => (index * 0x9e3779b1).toString(16).slice(-8).padStart(8, '0').padStart(32, '0')
const verify = (traceId: string) => ({ traceId, name: 'sequencer.verify', beganMs: 1, endedMs: 2 }) as const

tracerSuite('fake', async () => {
  const tracer = createFakeTracer()
  return { tracer, told: async () => tracer.spans() }
})

tracerSuite('OTLP', async () => {
  const { tracer, receiver } = await start()
  return {
    tracer,
    async told() {
      await tracer.stop(10_000)
      return receiver.spans()
    },
  }
})

test('of two that send different shares the one sends all that the other does, and the facts of no other span are asked', async () => {
  const [few, many] = [await start(undefined, { share: 0.1 }), await start(undefined, { share: 0.5 })]
  let asked = 0
  for (let index = 1; index <= 1_000; index += 1) {
    few.tracer.tell(verify(traceIdAt(index)), () => {
      asked += 1
      return { facts: {} }
    })
    many.tracer.tell(verify(traceIdAt(index)), () => ({ facts: {} }))
  }
  await Promise.all([few.tracer.stop(10_000), many.tracer.stop(10_000)])
  const [ofFew, ofMany] = [few, many].map(({ receiver }) => new Set(receiver.spans().map(({ traceId }) => traceId))) as [
    Set<string>,
    Set<string>,
  ]
  expect(asked).toBe(ofFew.size)
  expect([Math.round(ofFew.size / 50), Math.round(ofMany.size / 50)]).toEqual([2, 10])
  expect(ofFew.difference(ofMany).size).toBe(0)
})

test('the variables of the standard say who sends, with which headers, and which share', async () => {
  vi.stubEnv('OTEL_SERVICE_NAME', 'my-sequencer')
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment=test')
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20x')
  vi.stubEnv('OTEL_TRACES_SAMPLER', 'always_on')
  const { tracer, receiver } = await start(undefined, { share: 0 })
  tracer.tell(verify(traceIdAt(1)), () => ({ facts: {} }))
  await tracer.stop(10_000)
  expect(receiver.spans().length).toBe(1)
  expect(receiver.resources()[0]).toMatchObject({
    'service.name': 'my-sequencer',
    'service.version': '1.2.3',
    'deployment.environment': 'test',
  })
  expect(receiver.headers[0]?.authorization).toBe('Bearer x')
})

test.each([
  ['', '0.5', 1_000],
  ['always_off', '', 0],
  ['parentbased_always_on', '', 1_000],
  ['traceidratio', '0.25', 250],
  ['parentbased_traceidratio', '', 1_000],
])('of a thousand traces the sampler %j with %j lets through %i', async (sampler, share, expected) => {
  vi.stubEnv('OTEL_TRACES_SAMPLER', sampler)
  vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', share)
  const { tracer } = await start()
  let followed = 0
  for (let index = 1; index <= 1_000; index += 1)
    tracer.tell(verify(traceIdAt(index)), () => {
      followed += 1
      return { facts: {} }
    })
  await tracer.stop(10_000)
  expect(Math.round(followed / 50)).toBe(expected / 50)
})

test.each([
  ['always', '', "OTEL_TRACES_SAMPLER: 'always' is none of"],
  ['traceidratio', '10', "OTEL_TRACES_SAMPLER_ARG: '10' is no number from 0 to 1"],
  ['traceidratio', 'a tenth', "OTEL_TRACES_SAMPLER_ARG: 'a tenth' is no number from 0 to 1"],
])('the sampler %j with %j is refused, and not taken for all', async (sampler, share, problem) => {
  vi.stubEnv('OTEL_TRACES_SAMPLER', sampler)
  vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', share)
  await expect(start()).rejects.toThrow(problem)
})

test('G11: what a receiver refuses is counted as lost, whatever it says beside; what it takes as sent, also where its answer is no answer', async () => {
  const refusing = await start((response) => response.writeHead(400).end('x'.repeat(100)))
  const babbling = await start((response) => response.writeHead(200).end('no JSON'))
  for (const { tracer } of [refusing, babbling]) {
    tracer.tell(verify(traceIdAt(1)), () => ({ facts: {} }))
    await tracer.stop(10_000)
  }
  expect(refusing.outcomes).toEqual([['lost', 1, 'Bad Request']])
  expect(babbling.outcomes).toEqual([['sent', 1, '']])
})

test('G11: a receiver that takes everything and never answers: a bounded number waits, the rest is lost at once, and the stop does not wait', async () => {
  const { tracer, outcomes } = await start(() => undefined)
  for (let index = 1; index <= 5_000; index += 1) tracer.tell(verify(traceIdAt(index)), () => ({ facts: {} }))
  expect(outcomes.length).toBe(5_000 - 4_096)
  expect(new Set(outcomes.map(String))).toEqual(new Set(['lost,1,too many at once']))
  const beganMs = performance.now()
  await tracer.stop(50)
  expect(performance.now() - beganMs).toBeLessThan(2_000)
  expect(outcomes.at(-1)).toEqual(['lost', 4_096, 'no answer before the end'])
})

test('G11: a receiver that never comes to the end of its answer has no connection to us after the stop: no process goes on for it', async () => {
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '1')
  const ended: Promise<unknown>[] = []
  const { tracer } = await start((response) => {
    ended.push(once(response, 'close'))
    response.writeHead(200).write('{')
  })
  tracer.tell(verify(traceIdAt(1)), () => ({ facts: {} }))
  await expect.poll(() => ended.length, { interval: 2 }).toBe(1)
  const beganMs = performance.now()
  await tracer.stop(1)
  await Promise.all(ended)
  // The SDK lets go of one that is silent, and of no other, after ten seconds.
  expect(performance.now() - beganMs).toBeLessThan(5_000)
})

test('G11: whoever chooses ids that are followed has no more of them told than so many a second', async () => {
  const { tracer, outcomes } = await start()
  const counted = (wanted: string) => outcomes.reduce((sum, [outcome, count]) => (outcome === wanted ? sum + count : sum), 0)
  const beganMs = performance.now()
  for (let index = 1; index <= 4_096; index += 1) tracer.tell(verify(traceIdAt(index)), () => ({ facts: {} }))
  await expect.poll(() => counted('sent'), { interval: 2 }).toBe(4_096)
  for (let index = 1; index <= 4_096; index += 1) tracer.tell(verify(traceIdAt(index)), () => ({ facts: {} }))
  expect(counted('lost')).toBeGreaterThanOrEqual(4_095 - (performance.now() - beganMs))
  await tracer.stop(10_000)
  expect(counted('sent') + counted('lost')).toBe(8_192)
})

test('G11: a receiver that is not there costs nothing but the spans', async () => {
  const { tracer, receiver, outcomes } = await start()
  await receiver.stop()
  receivers.splice(0)
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '100')
  const options = { url: receiver.url, role: 'sequencer', version: '1', share: 1 }
  const gone = createOtlpTracer(options, (...outcome) => outcomes.push(outcome)) as OtlpTracer
  for (const each of [tracer, gone]) each.tell(verify(traceIdAt(1)), () => ({ facts: {} }))
  await gone.stop(5_000)
  expect(outcomes.map(([outcome, count]) => [outcome, count])).toEqual([['lost', 1]])
  await tracer.stop(1)
})
