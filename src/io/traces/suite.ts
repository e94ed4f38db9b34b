import { expect, test } from 'vitest'
import type { ToldSpan } from './fake.ts'
import type { Tracer } from './port.ts'

/** A tracer, and what comes of what it is told. */
export interface Followed {
  readonly tracer: Tracer
  /** In the order in which they were told. */
  told(): Promise<readonly ToldSpan[]>
}

const SUBMISSION = { traceId: '3f2a8c1e5b7d4e6f9a0b1c2d3e4f5a6b', beganMs: 1_700_000_000_123, endedMs: 1_700_000_001_456 }
const BATCH = { traceId: '0123456789abcdef0123456789abcdef', beganMs: 5, endedMs: 5 }

/** Declares what every tracer does, fake or real. */
export function tracerSuite(name: string, follow: () => Promise<Followed>): void {
  test(`${name}: spans come through as they were told, each in its own trace, without a parent`, async () => {
    const { tracer, told } = await follow()
    const facts = { epochId: 7, projectId: 'a:B', code: 'accepted' }
    tracer.tell({ ...SUBMISSION, name: 'sequencer.verify' }, () => ({ facts }))
    tracer.tell({ ...BATCH, name: 'validator.fetch' }, () => ({ facts: { epochId: 7 }, failure: 'not_fetched' }))
    expect(await told()).toEqual([
      { ...SUBMISSION, name: 'sequencer.verify', facts },
      { ...BATCH, name: 'validator.fetch', facts: { epochId: 7 }, failure: 'not_fetched' },
    ])
  })
}
