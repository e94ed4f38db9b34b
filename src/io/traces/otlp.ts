import type { Agent } from 'node:http'
import { type Attributes, type HrTime, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base'
import { createBuckets } from '#domain/buckets.ts'
import { WeftError } from '#domain/errors.ts'
import type { Tracer } from './port.ts'

/** Spans on their way, each about 1 kB. What comes beyond is lost. */
const SPANS_MAX = 4_096
/** What is told at once, and then in a second: senders choose the ids of submissions, and may choose those that are followed. Each costs some 25 µs. */
const RATE = { tokensMax: SPANS_MAX, tokensPerSecond: 1_000 }
/** Of one request. */
const BATCH_SPANS_MAX = 512

/** The receiver may have written it. */
const DETAIL_LENGTH_MAX = 200

export interface OtlpOptions {
  /** Of the receiver, whole: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string
  readonly role: string
  readonly version: string
  /** How many of all traces are sent, unless `OTEL_TRACES_SAMPLER` says. */
  readonly share: number
}

/** What became of spans. `detail` says why they are lost, and holds nothing of headers. */
export type OnSpans = (outcome: 'sent' | 'lost', count: number, detail: string) => void

export interface OtlpTracer extends Tracer {
  /** Sends what waits, for so long at most; what has no answer by then is lost, and nothing is told of it afterwards. */
  stop(withinMs: number): Promise<void>
}

/**
 * Sends spans over OTLP/HTTP, as JSON, through the SDK of OpenTelemetry, which reads the rest of what is to be said from its own variables: headers, time limits,
 * certificates, the resource. Whatever the receiver does, no more than `SPANS_MAX` wait for it. `undefined` where `OTEL_SDK_DISABLED` says so. Throws
 * `SETTINGS_INVALID`, and on a URL that is none.
 */
export function createOtlpTracer({ url, role, version, share }: OtlpOptions, onSpans: OnSpans): OtlpTracer | undefined {
  if (process.env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return undefined
  const sampler = new TraceIdRatioBasedSampler(shareGiven() ?? share)
  const ids = new RandomIdGenerator()
  const exporter = new OTLPTraceExporter({ url })
  const cut = cutterOf(exporter)
  const way = createWay(exporter, onSpans)
  let traceId = ''
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'weft', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    idGenerator: { generateTraceId: () => traceId, generateSpanId: ids.generateSpanId },
    sampler,
    spanProcessors: [way.processor],
  })
  const tracer = provider.getTracer(`weft.${role}`, version)
  return {
    tell(told, factsOf) {
      traceId = told.traceId
      const span = tracer.startSpan(told.name, { root: true, startTime: hrTime(told.beganMs) })
      if (!span.isRecording()) return
      if (!way.hasRoom()) return
      const { facts, failure } = factsOf()
      span.setAttributes(facts satisfies Attributes)
      if (failure !== undefined) span.setAttribute('code', failure).setStatus({ code: SpanStatusCode.ERROR, message: failure })
      span.end(hrTime(told.endedMs))
    },
    async stop(withinMs) {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, withinMs)
      // What is lost by it is counted where it is lost.
      await Promise.race([provider.shutdown().catch(() => undefined), late.promise])
      clearTimeout(timer)
      way.giveUp()
      cut()
    },
  }
}

/** Where the SDK, as its pinned version is, makes agents with the certificates that its variables name: one of ours would have none. */
interface Within {
  readonly _delegate: {
    readonly _transport: { readonly _transport: { readonly _parameters: { agentFactory(protocol: string): Promise<Agent> } } }
  }
}

/** Ends its connections, and lets it make no more: a receiver that never comes to the end of its answer would keep the process from ending. */
function cutterOf(exporter: object): () => void {
  const { _parameters: parameters } = (exporter as Within)._delegate._transport._transport
  const { agentFactory } = parameters
  const agents: Agent[] = []
  parameters.agentFactory = async (protocol) => {
    const agent = await agentFactory(protocol)
    agents.push(agent)
    return agent
  }
  return () => {
    for (const agent of agents) {
      agent.createConnection = () => {
        throw new WeftError('STOPPED', { what: 'traces' })
      }
      agent.destroy()
    }
  }
}

/** What the sampler of the standard's variables comes to where no span has a parent. The SDK would send all for a name that it does not know, and tell nobody. */
function shareGiven(): number | undefined {
  const { OTEL_TRACES_SAMPLER: sampler = '', OTEL_TRACES_SAMPLER_ARG: text = '' } = process.env
  switch (sampler.trim().replace(/^parentbased_/, '')) {
    case '':
      return undefined
    case 'always_on':
      return 1
    case 'always_off':
      return 0
    case 'traceidratio': {
      const share = text.trim() === '' ? 1 : Number(text)
      if (share >= 0 && share <= 1) return share
      throw new WeftError('SETTINGS_INVALID', { problems: [`OTEL_TRACES_SAMPLER_ARG: '${text}' is no number from 0 to 1`] })
    }
    default:
      throw new WeftError('SETTINGS_INVALID', {
        problems: [
          `OTEL_TRACES_SAMPLER: '${sampler}' is none of always_on, always_off and traceidratio, nor one of them behind parentbased_`,
        ],
      })
  }
}

/** Of small numbers the SDK thinks that they count from the start of the process. */
const hrTime = (ms: number): HrTime => [Math.trunc(ms / 1_000), (ms % 1_000) * 1_000_000]

/** To the receiver. The SDK says to nobody what it drops, so it is never given more than it has room for. */
function createWay(exporter: SpanExporter, onSpans: OnSpans) {
  const rate = createBuckets(RATE, () => performance.now())
  let onTheirWay = 0
  let isOver = false
  const told: OnSpans = (...outcome) => {
    if (!isOver) onSpans(...outcome)
  }
  const counted: SpanExporter = {
    export(spans, done) {
      exporter.export(spans, (result) => {
        onTheirWay -= spans.length
        told(result.error === undefined ? 'sent' : 'lost', spans.length, result.error?.message.slice(0, DETAIL_LENGTH_MAX) ?? '')
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
  return {
    processor: new BatchSpanProcessor(counted, { maxQueueSize: SPANS_MAX, maxExportBatchSize: BATCH_SPANS_MAX }),
    /** Whether one more may go: then it is on its way, else lost. */
    hasRoom(): boolean {
      const isRoom = onTheirWay < SPANS_MAX && rate.take('', 1)
      if (isRoom) onTheirWay += 1
      else told('lost', 1, 'too many at once')
      return isRoom
    },
    giveUp(): void {
      if (onTheirWay > 0) told('lost', onTheirWay, 'no answer before the end')
      isOver = true
    },
  }
}
