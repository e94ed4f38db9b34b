import { detailOf } from '#domain/errors.ts'
import type { ComputeEpoch, ComputeSet, SourceReader } from '#domain/compute.ts'
import type { Clock } from '#io/clock/port.ts'
import { within } from './within.ts'

/** What a preload brought, or why it brought nothing. */
export type Preloaded = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string }

export interface PreloadOptions {
  readonly epoch: ComputeEpoch
  readonly source: SourceReader
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Starts every preload that a compute names, all at once. A failed one fails those that need it, and nobody else (spec/03 §6).
 * The promises never reject, except with the signal's reason.
 */
export function preload(computes: ComputeSet, options: PreloadOptions): ReadonlyMap<string, Promise<Preloaded>> {
  const needed = new Set(computes.snapshots.flatMap((compute) => compute.preloads))
  const started = new Map<string, Promise<Preloaded>>()
  for (const task of computes.preloads) {
    if (!needed.has(task.taskType)) continue
    // Called within a promise: also what it throws before its first `await` is its failure, not ours.
    const work = Promise.resolve().then(() => task.preload({ epoch: options.epoch, source: options.source }))
    const late = () => new Error(`not done after ${options.timeoutMs} ms`)
    const settled = within(work, { ...options, late }).then(
      (value): Preloaded => ({ ok: true, value }),
      (failure: unknown): Preloaded => {
        options.signal.throwIfAborted()
        return { ok: false, detail: `${task.taskType}: ${detailOf(failure)}` }
      },
    )
    // Whoever needs it sees the signal's reason; when nobody does, it is not an accident.
    settled.catch(() => undefined)
    started.set(task.taskType, settled)
  }
  return started
}
