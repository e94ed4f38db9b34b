/** What happened since the start. */
export interface CounterReadings {
  readonly epochsDone: number
  readonly epochsSkipped: number
  readonly snapshotsComputed: number
  readonly submissionsHandedOver: number
  readonly handOverRetries: number
  readonly projectsMissed: number
  /** Submissions of epoch 0. */
  readonly simulated: number
}

export interface Counters {
  add(counter: keyof CounterReadings, count?: number): void
  read(): CounterReadings
}

export function createCounters(): Counters {
  const counts = {
    epochsDone: 0,
    epochsSkipped: 0,
    snapshotsComputed: 0,
    submissionsHandedOver: 0,
    handOverRetries: 0,
    projectsMissed: 0,
    simulated: 0,
  }
  return {
    add(counter, count = 1) {
      counts[counter] += count
    },
    read: () => ({ ...counts }),
  }
}
