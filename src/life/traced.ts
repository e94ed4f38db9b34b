import { isWeftError } from '#domain/errors.ts'
import type { SpanName } from '#domain/spans.ts'
import type { Clock } from '#io/clock/port.ts'
import type { SpanFacts, Tracer } from '#io/traces/port.ts'

export interface TracedDeps {
  readonly clock: Clock
  /** Without it nobody follows traces. */
  readonly tracer?: Tracer | undefined
}

/** What is to be told of a work: `traceId` is asked only where somebody follows traces. */
export interface StageSpan {
  readonly name: SpanName
  readonly traceId: () => string
  readonly facts: SpanFacts['facts']
}

/** Does the work, and tells of it as one span when it is over; `failureOf` says what went wrong with what it gave, and a failure its code. */
export async function traced<Value>(
  { name, traceId, facts }: StageSpan,
  work: () => Promise<Value>,
  { clock, tracer }: TracedDeps,
  failureOf: (value: Value) => string | undefined = () => undefined,
): Promise<Value> {
  if (tracer === undefined) return work()
  const beganMs = clock.nowMs()
  const tell = (failure: string | undefined): void =>
    tracer.tell({ traceId: traceId(), name, beganMs, endedMs: clock.nowMs() }, () => ({ facts, failure }))
  try {
    const value = await work()
    tell(failureOf(value))
    return value
  } catch (failure) {
    tell(isWeftError(failure) ? failure.code : 'failed')
    throw failure
  }
}
