import type { VirtualClock } from '#io/clock/fake.ts'

/** What happened in a run, in order, as data: stories and people read the same. */

export type Fact = string | number | boolean | undefined | readonly (string | number)[] | { readonly [name: string]: unknown }

export interface SimEvent {
  /** Since the start of the run, in virtual time. */
  readonly atMs: number
  /** A machine, `chain`, `receipt`, `fault` or `hostile`. */
  readonly who: string
  readonly event: string
  readonly facts: Readonly<Record<string, Fact>>
}

export interface Trace {
  readonly events: readonly SimEvent[]
  startClock(clock: VirtualClock): void
  note(who: string, event: string, facts?: SimEvent['facts']): void
}

export function createTrace(): Trace {
  const events: SimEvent[] = []
  let nowMs = () => 0
  return {
    events,
    startClock({ nowMs: clock }): void {
      const startMs = clock()
      nowMs = () => clock() - startMs
    },
    note(who, event, facts = {}) {
      events.push({ atMs: nowMs(), who, event, facts })
    },
  }
}

export const lineOf = ({ atMs, who, event, facts }: SimEvent): string =>
  `${atMs.toFixed(0).padStart(6)} ${who}: ${event} ${JSON.stringify(facts)}`
