import type { Span, SpanFacts, Tracer } from './port.ts'

export type ToldSpan = Span & SpanFacts

/** Keeps what it is told, of every trace. */
export interface FakeTracer extends Tracer {
  spans(): readonly ToldSpan[]
}

export function createFakeTracer(): FakeTracer {
  const spans: ToldSpan[] = []
  return {
    tell: (span, facts) => void spans.push({ ...span, ...facts() }),
    spans: () => spans,
  }
}
