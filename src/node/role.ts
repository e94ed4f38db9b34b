import type { Places, RoleHome } from './home.ts'
import type { Settings } from './settings.ts'
import type { Started } from './stop.ts'

/** A role at work in this process. */
export interface RunningRole<Handle = unknown> {
  readonly places: Places
  /** What the process that hosts the role may ask of it. */
  readonly handle: Handle
  /** Rejects when the role fails in a way that needs a person; resolves after `stop`. */
  readonly ended: Promise<void>
  /** Lets the role finish what is under way, then closes everything it opened. */
  stop(): Promise<void>
}

/** What the wiring of one role gives back. `run` works until the signal aborts. */
export interface WiredRole<Handle> {
  readonly places: Places
  readonly handle: Handle
  run(signal: AbortSignal): Promise<void>
}

/** Wires real adapters to a role. Whatever it starts it adds to `started`, in order. What it waits for long it stops waiting for when the signal aborts. */
export type Wire<Handle> = (settings: Settings, home: RoleHome, started: Started, signal: AbortSignal) => Promise<WiredRole<Handle>>
