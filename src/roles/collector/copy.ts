import { isWeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import { isFinal } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Random } from '#io/keys/port.ts'
import type { SubmissionDialer, SubmissionLink } from '#io/p2p/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { type Life, live } from '#life/live.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createBell, pause } from './bell.ts'
import { connect } from './connect.ts'

export interface CopyLimits {
  /** Copies that wait for one listener: what came first makes room. */
  readonly waitingMax: number
  /** Without a receipt at any time. */
  readonly inFlightMax: number
  /** Of one copy, when the listener has not seen its epoch yet. */
  readonly attemptsMax: number
  readonly receiptTimeoutMs: number
  readonly retryBackoff: Backoff
  readonly dialBackoff: Backoff
}

export const COPY_LIMITS: CopyLimits = {
  waitingMax: 10_000,
  inFlightMax: 1_000,
  attemptsMax: 8,
  receiptTimeoutMs: 15_000,
  retryBackoff: { firstMs: 200, lastMs: 2_000 },
  dialBackoff: { firstMs: 200, lastMs: 10_000 },
}

export interface CopyDeps {
  readonly dialer: SubmissionDialer
  readonly clock: Clock
  readonly random: Random
  readonly report: Report
}

/** Copies of what is handed over, for validators that listen beside the sequencer: in memory, as far as they are taken in time, and nothing waits for them (C11). */
export interface Copies {
  /** Never throws, never waits. */
  offer(submission: Submission): void
  /** Works until the signal aborts; what waits then is dropped. */
  run(signal: AbortSignal): Promise<void>
}

export function createCopies(addresses: readonly string[], deps: CopyDeps, limits: CopyLimits = COPY_LIMITS): Copies {
  const lines = addresses.map((address) => createLine(address, deps, limits))
  return {
    offer(submission) {
      // Epoch 0 proves a connection, and there is nothing to count in it.
      if (submission.request.epochId > 0) for (const line of lines) line.offer(submission)
    },
    run: async (signal) => void (await Promise.all(lines.map((line) => line.run(signal)))),
  }
}

/** One listener. */
function createLine(address: string, deps: CopyDeps, limits: CopyLimits): Copies {
  const { clock, random, report } = deps
  const waiting = new Set<Submission>()
  const bell = createBell(clock)
  let inFlightCount = 0
  let movedMs = 0

  function take(): Submission | undefined {
    const [first] = waiting
    if (first !== undefined) waiting.delete(first)
    return first
  }

  /** What a link loses is lost: the sequencer has it from elsewhere. */
  async function send(submission: Submission, link: SubmissionLink, signal: AbortSignal): Promise<void> {
    const copy = { submissionId: random.uuid(), payload: encodeSubmission(submission) }
    if (inFlightCount === 0) movedMs = clock.nowMs()
    inFlightCount += 1
    try {
      for (let attempts = 1; attempts <= limits.attemptsMax && !signal.aborted; attempts += 1) {
        const receipt = await link.send(copy)
        movedMs = clock.nowMs()
        if (receipt === 'unacknowledged' || isFinal(receipt.code)) return
        await pause(clock, pauseMs(limits.retryBackoff, attempts, random), signal)
      }
    } catch (failure) {
      if (!isWeftError(failure, 'LINK_FAILED')) throw failure
    } finally {
      inFlightCount -= 1
      bell.ring()
    }
  }

  async function serve(link: SubmissionLink, { signal, spawn }: Life): Promise<void> {
    let isOpen = true
    void link.ended.then(() => {
      isOpen = false
      bell.ring()
    })
    while (isOpen && !signal.aborted) {
      while (inFlightCount < limits.inFlightMax) {
        const submission = take()
        if (submission === undefined) break
        void spawn(send(submission, link, signal))
      }
      await bell.wait(limits.receiptTimeoutMs, signal)
      // One that takes and never answers would hold all places for ever.
      if (inFlightCount > 0 && clock.nowMs() - movedMs >= limits.receiptTimeoutMs) await link.close()
    }
    await link.close()
  }

  async function keepServing(life: Life): Promise<void> {
    const told = { ...deps, report: (_: unknown, about: Parameters<Report>[1]) => report('copies_untaken', about) }
    for (let failedRounds = 0; ; failedRounds = 1) {
      const destination = await connect({ addresses: () => [address], backoff: limits.dialBackoff, failedRounds }, told, life.signal)
      if (destination === undefined) return
      await serve(destination.link, life)
    }
  }

  return {
    offer(submission) {
      waiting.add(submission)
      if (waiting.size > limits.waitingMax) take()
      bell.ring()
    },
    run: (signal) => live(signal, (life) => life.spawn(keepServing(life))),
  }
}
