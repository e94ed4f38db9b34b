import type { Reading } from '#domain/metrics.ts'
import type { UnreadyReason } from '#domain/reasons.ts'
import type { Sender } from '#wire/alert-bodies.ts'
import type { SlotFared } from '#roles/snapshotter/slots-fared.ts'
import type { Places, RoleHome } from './home.ts'
import type { Money } from './money.ts'
import type { Settings } from './settings/settings.ts'
import type { Started } from './stop.ts'

/** A role at work in this process. */
export interface RunningRole<Handle = unknown> {
  readonly places: Places
  /** What the process that hosts the role may ask of it. */
  readonly handle: Handle
  /** URL of `/livez`, `/readyz`, `/metrics` and `/status`; `undefined` where they are off. */
  readonly healthUrl: string | undefined
  /** Rejects when the role fails in a way that needs a person; resolves after `stop`. */
  readonly ended: Promise<void>
  /** Lets the role finish what is under way, then closes everything it opened. */
  stop(): Promise<void>
}

/** Why the next submission, batch or vote would not be accepted. `detail` is for people. */
export interface Unready {
  readonly reason: UnreadyReason
  readonly detail?: string | undefined
}

/** A slot of a snapshotter, and what the market counts of it. */
export interface SlotNow extends SlotFared {
  /** As the contract has it of the day so far; absent where it was not to be had. */
  readonly deliveredToday?: number
  readonly dailyQuota?: number
}

/** How a role fares, from what it has in memory: nobody is asked, but for money and slots. */
export interface Vitals {
  unready(): readonly Unready[]
  readings(): readonly Reading[]
  readonly money?: Money | undefined
  slots?(): Promise<readonly SlotNow[]>
  /** For those who are told when something is wrong. */
  sender?(): Sender
}

/** What the wiring of one role gives back. `run` works until the signal aborts. */
export interface WiredRole<Handle> {
  readonly places: Places
  readonly handle: Handle
  /** Beside what is the same for all roles; without it nothing but that is known. */
  readonly vitals?: Vitals
  run(signal: AbortSignal): Promise<void>
}

/** Wires real adapters to a role. Whatever it starts it adds to `started`, in order. What it waits for long it stops waiting for when the signal aborts. */
export type Wire<Handle> = (settings: Settings, home: RoleHome, started: Started, signal: AbortSignal) => Promise<WiredRole<Handle>>
