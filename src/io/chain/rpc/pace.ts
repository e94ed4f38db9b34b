/** The parts of a clock (`#io/clock/port.ts` fits) that chains need. */
export interface Pause {
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>
}

export interface Pace extends Pause {
  nowMs(): number
}
