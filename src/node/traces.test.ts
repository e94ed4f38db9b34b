import { afterEach, expect, test, vi } from 'vitest'
import { startReceiver } from '#io/traces/receiver.test-world.ts'
import { createNotes } from './notes.ts'
import { startTraces, type Traces } from './traces.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A role's tracer, whose receiver answers each request as the next of `answers` says, and from the last on no more. */
async function start(answers: readonly number[]) {
  // Without it a test would wait for the five seconds of the SDK.
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '1')
  const left = [...answers]
  const receiver = await startReceiver((response) => {
    const status = left.shift()
    if (status !== undefined) response.writeHead(status).end('{}')
  })
  const notes = createNotes(() => 0)
  const told: string[] = []
  const report = (event: string, facts: Readonly<Record<string, unknown>>) => told.push(`${event} ${JSON.stringify(facts)}`)
  const settings = { otlpEndpoint: `${receiver.endpoint}/`, otlpTracesEndpoint: '' }
  const traces = (await startTraces('collector', settings, { report, notes })) as Traces
  stops.push(receiver.stop, traces.stop)
  const counted = () =>
    Object.fromEntries(
      notes.recorder.read().map(({ metric, labels, value }) => [metric === 'weft_spans_total' ? labels['outcome'] : metric, value]),
    )
  return { receiver, traces, told, counted }
}

const SPAN = { traceId: '1'.repeat(32), name: 'collector.accept', beganMs: 1, endedMs: 2 } as const

test('what is lost is counted, and told once until something arrives', async () => {
  const { receiver, traces, told, counted } = await start([400, 400, 200, 400])
  const ends = [1, 2, 2, 3].map((lost, index) => ({ lost, sent: index < 2 ? 0 : 1 }))
  for (const end of ends) {
    traces.tracer.tell(SPAN, () => ({ facts: {} }))
    await expect.poll(counted, { interval: 2 }).toEqual(end)
  }
  const lost = `spans_lost {"receiver":"${new URL(receiver.url).host}","detail":"Bad Request"}`
  expect(told).toEqual([lost, lost])
})

test('G11: a role that stops waits a second for a receiver that never answers, and no longer; then what it has not taken is lost', async () => {
  const { traces, told, counted } = await start([])
  traces.tracer.tell(SPAN, () => ({ facts: {} }))
  const beganMs = performance.now()
  await traces.stop()
  expect(performance.now() - beganMs).toBeLessThan(3_000)
  expect(counted()).toEqual({ lost: 1, sent: 0 })
  expect(told).toEqual([expect.stringContaining('no answer before the end')])
})

test('the place for traces alone is taken as it stands, before the one for all kinds', async () => {
  const receiver = await startReceiver()
  const settings = { otlpEndpoint: 'http://127.0.0.1:1', otlpTracesEndpoint: receiver.url }
  const traces = await startTraces('collector', settings, { report: () => undefined, notes: createNotes(() => 0) })
  stops.push(receiver.stop)
  traces?.tracer.tell(SPAN, () => ({ facts: {} }))
  await traces?.stop()
  expect(receiver.spans().length).toBe(1)
})

test('who turns OpenTelemetry off has no tracer, and no metric of it', async () => {
  vi.stubEnv('OTEL_SDK_DISABLED', 'TRUE')
  const notes = createNotes(() => 0)
  const settings = { otlpEndpoint: 'http://127.0.0.1:1', otlpTracesEndpoint: '' }
  expect(await startTraces('collector', settings, { report: () => undefined, notes })).toBeUndefined()
  expect(notes.recorder.read()).toEqual([])
})
