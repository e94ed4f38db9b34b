import type { Address } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'

/**
 * What the processes of one sequencer have in common where it is more than one: a log for each partition of the slots, leases, and a way from the
 * listeners to whoever keeps a partition's ballot box. Adapters: NATS JetStream, and a fake. All of it throws `LOG_UNREACHABLE` where nobody answers.
 */

export interface LogEntry {
  /** From 1 on, each one more than that before it. */
  readonly position: number
  readonly bytes: Uint8Array
}

/**
 * One ordered log, written by one process at a time: whoever appends says behind which entry, and is refused where another has appended since. So a
 * writer that was taken for dead writes no more (its fence).
 */
export interface Log {
  /** The position of the last entry; 0 while there was none. */
  end(): Promise<number>
  /** What an entry may have at most, as the server of now says. */
  entryBytesMax(): number
  /**
   * Appends behind the entry at `after`. Resolves with the position when the entry is durable on as many servers as the log has: a crash of any
   * process, and the loss of a minority of servers, loses nothing. While no server answers it tries again, and what was written by the first attempt is
   * not written twice. Throws `LOG_MOVED` when another entry is there; nothing is written then. One call at a time.
   */
  append(bytes: Uint8Array, after: number): Promise<number>
  /** The entries behind `after` that are kept, in order and without holes, and all that come, until the signal aborts. */
  read(after: number, signal: AbortSignal): AsyncIterable<LogEntry>
  /** Nobody needs the entries up to this one any more: they go. */
  forget(upTo: number): Promise<void>
}

/** One of a few things that one process at a time may have. */
export interface Lease {
  /** Which of those asked for. */
  readonly name: string
  /** Higher than those of all who had it before. */
  readonly token: number
  /** Aborts when it may be another's: before anybody else can have it, as this machine's clock counts. */
  readonly lost: AbortSignal
  /** Asks the servers whether it is still held, and holds it on. After `false`, and after it was lost, never `true` again. */
  confirm(): Promise<boolean>
  /** Lets go of it, for the next at once. */
  release(): Promise<void>
}

/** A verified delivery on its way from the listener that took it to the box of its slot. */
export interface Passed extends Omit<Inbound, 'respond' | 'passed'> {
  /** The listener's own, for the answer. */
  readonly id: number
  /** Who signed it, as the listener found out. */
  readonly signer: Address
}

export interface Answer {
  readonly id: number
  /** Without one it waits at the box, which answers later. */
  readonly receipt?: Receipt
}

export interface Shared {
  /** The log of a partition, made when it is first asked for. */
  log(partition: number): Promise<Log>
  /**
   * The first of these that is free, or that the same `holder` had before; waits for one. A holder that says nothing for some seconds has it no
   * more. Throws the signal's reason.
   */
  lease(names: readonly string[], signal: AbortSignal): Promise<Lease>
  /** To whoever listens at the partition now. May get lost, with its answer: whoever passes on does so again. */
  pass(partition: number, deliveries: readonly Passed[]): void
  /** Answers to what was passed on here, until the signal aborts. One consumer. */
  answers(signal: AbortSignal): AsyncIterable<readonly Answer[]>
  /**
   * What listeners pass on to a partition, each with its signer, and known again by `passed` when it is passed on again. Of two who listen both have it. What waits to be taken is bounded, in number and in
   * bytes: what comes beyond it is lost.
   */
  passed(partition: number): SubmissionListener
  stop(): Promise<void>
}
