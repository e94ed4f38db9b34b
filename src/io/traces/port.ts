import type { SpanName } from '#domain/spans.ts'

/** From when to when, in ms since 1970. */
export interface Period {
  readonly beganMs: number
  readonly endedMs: number
}

export interface Span extends Period {
  /** 32 hex digits, as `#wire/trace-id.ts` makes them of a submission or of a batch. */
  readonly traceId: string
  readonly name: SpanName
}

/** What is told beside, in the protocol's names. */
export interface SpanFacts {
  readonly facts: Readonly<Record<string, string | number>>
  /** The code of what went wrong. */
  readonly failure?: string | undefined
}

/**
 * Takes spans when they are over. Where nobody follows traces there is no tracer, and no clock is read for one. Never throws and never waits: whatever
 * becomes of a span costs the role nothing.
 */
export interface Tracer {
  /** `facts` is called at once, and only when the trace is one of those that are sent: the same ones in every process that sends as large a share. */
  tell(span: Span, facts: () => SpanFacts): void
}
