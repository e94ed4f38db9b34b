import { type Attributes, type HrTime, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
  type SpanExporter,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base'
import type { Tracer } from './port.ts'

/** Spans on their way, each about 1 kB: those of a second of the highest rate that is followed whole. What comes beyond is dropped. */
const SPANS_MAX = 4_096
/** Of one request. */
const BATCH_SPANS_MAX = 512

export interface OtlpOptions {
  /** Of the receiver, whole: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string
  readonly role: string
  readonly version: string
  /** How many of all traces are sent, unless `OTEL_TRACES_SAMPLER` says. */
  readonly share: number
  /** What waits is sent so often. */
  readonly everyMs?: number
}

/** What became of spans. `detail` says why they are lost, and holds nothing of headers. */
export type OnSpans = (outcome: 'sent' | 'lost', count: number, detail: string) => void

export interface OtlpTracer extends Tracer {
  /** Sends what waits, for so long at most. */
  stop(withinMs: number): Promise<void>
}

/**
 * Sends spans over OTLP/HTTP, as JSON, through the SDK of OpenTelemetry, which reads the rest of what is to be said from its own variables: headers, time limits,
 * certificates, the sampler, the resource. Whatever the receiver does, no more than `SPANS_MAX` wait for it. Throws nothing but on a URL that is none.
 */
export function createOtlpTracer({ url, role, version, share, everyMs = 5_000 }: OtlpOptions, onSpans: OnSpans): OtlpTracer {
  const ids = new RandomIdGenerator()
  let traceId = ''
  const given = process.env['OTEL_TRACES_SAMPLER']
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'weft', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    idGenerator: { generateTraceId: () => traceId, generateSpanId: ids.generateSpanId },
    ...((given === undefined || given === '') && { sampler: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [bounded(new OTLPTraceExporter({ url }), everyMs, onSpans)],
  })
  const tracer = provider.getTracer(`weft.${role}`, version)
  return {
    tell(told, factsOf) {
      traceId = told.traceId
      const span = tracer.startSpan(told.name, { root: true, startTime: hrTime(told.beganMs) })
      if (!span.isRecording()) return
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
    },
  }
}

/** Of small numbers the SDK thinks that they count from the start of the process. */
const hrTime = (ms: number): HrTime => [Math.trunc(ms / 1_000), (ms % 1_000) * 1_000_000]

/** The SDK drops what finds no place and says so to nobody: what is over the limit does not get as far. */
function bounded(exporter: SpanExporter, everyMs: number, onSpans: OnSpans): SpanProcessor {
  let onTheirWay = 0
  const counted: SpanExporter = {
    export(spans, done) {
      exporter.export(spans, (result) => {
        onTheirWay -= spans.length
        onSpans(result.error === undefined ? 'sent' : 'lost', spans.length, result.error?.message ?? '')
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
  const processor = new BatchSpanProcessor(counted, {
    maxQueueSize: SPANS_MAX,
    maxExportBatchSize: BATCH_SPANS_MAX,
    scheduledDelayMillis: everyMs,
  })
  return {
    onStart: (span, context) => processor.onStart(span, context),
    onEnd(span) {
      if (onTheirWay >= SPANS_MAX) return onSpans('lost', 1, `${SPANS_MAX} wait`)
      onTheirWay += 1
      processor.onEnd(span)
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  }
}
