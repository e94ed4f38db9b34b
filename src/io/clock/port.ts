/**
 * Time. Windows never come from here: they are chain time (DESIGN §4). This is for pacing, waiting and measuring only.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. Never goes back. */
  nowMs(): number
  /** Resolves after `durationMs`, or rejects with the signal's reason as soon as the signal aborts. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>
}
