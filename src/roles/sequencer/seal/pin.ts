import pLimit, { type LimitFunction } from 'p-limit'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Held } from '#life/copies.ts'
import { persist, type PersistDeps } from '#life/persist.ts'
import { type TracedDeps, traced } from '#life/traced.ts'
import { batchCidOf } from '#wire/batch-file.ts'
import { isDagCborCid } from '#wire/cid.ts'
import { spanOfBatch } from '#wire/trace-id.ts'
import type { PlannedBatch } from './batch.ts'

/** Our own node answers from its own disk. */
const READ_BACK_TIMEOUT_MS = 30_000
/** Files on their way to the node at once, each of `BATCH_BYTES_MAX` at most. */
const PINS_AT_ONCE_MAX = 4

/** The files of an epoch's batches on their way to IPFS. */
export interface Pins {
  /** By the batch's index: whether the file can be fetched; `false` when it could not be had in time. What was pinned before is not among them. */
  readonly ends: ReadonlyMap<number, Promise<boolean>>
  /** Indexes of those that can be fetched by now, all that were pinned before included. */
  readonly done: { has(index: number): boolean }
}

/** How often it is looked whether the window is over: it is tens of seconds long. */
const LATE_LOOK_EVERY_MS = 500

/** What is to be pinned, and whether it would still be in time. */
export interface ToPin {
  readonly batches: readonly PlannedBatch[]
  readonly isInTime: () => boolean
}

/**
 * Pins side by side: a file that the node or a place is slow with holds up no other. What is not pinned when it would be too late is given up,
 * however long the node or places would still take (S15). Aborts with the signal.
 */
export function pinAll(
  epochId: EpochId,
  { batches, isInTime }: ToPin,
  deps: PinDeps & PersistDeps & TracedDeps,
  signal: AbortSignal,
): Pins {
  const limit = pLimit(PINS_AT_ONCE_MAX)
  const [late, settled] = [new AbortController(), new AbortController()]
  const until = AbortSignal.any([signal, late.signal])
  const done = new Set<number>()

  const tooLate = new WeftError('STOPPED', { what: `pinning of epoch ${epochId}` })

  async function watchWindow(): Promise<never> {
    while (isInTime()) await deps.clock.sleep(LATE_LOOK_EVERY_MS, AbortSignal.any([signal, settled.signal]))
    throw tooLate
  }
  async function pinOne(batch: PlannedBatch): Promise<boolean> {
    if (!isInTime()) return false
    try {
      const span = spanOfBatch('sequencer.pin', { epochId, batchCid: batch.batchCid })
      await traced(span, () => pin(epochId, batch, { ...deps, limit }, until), deps)
      done.add(batch.index)
      return true
    } catch (failure) {
      if (late.signal.reason === tooLate) return false
      throw failure
    }
  }

  const ends = new Map(batches.map((batch) => [batch.index, persist({ doing: 'pin', attempt: () => pinOne(batch), signal }, deps)]))
  // When all are pinned, that ends nothing any more.
  watchWindow().catch((why: unknown) => late.abort(why))
  // Whoever waits for one hears of it.
  void Promise.allSettled(ends.values()).then(() => settled.abort())
  return { ends, done: { has: (index) => !ends.has(index) || done.has(index) } }
}

export interface PinDeps {
  readonly ipfs: Ipfs
  /** Without it the node's own copy is enough. */
  readonly copies?: Held | undefined
  /** Of files on their way to the node; copies at other places wait for nobody. */
  readonly limit?: LimitFunction
}

/**
 * Adds the file, then reads it back and hashes it again, here and at as many other places as must hold it: only what can be fetched may be
 * anchored (G3, S5). Throws `IPFS_CONTENT_WRONG` when the node stored something else, what the node throws, and `COPIES_TOO_FEW`.
 */
export async function pin(epochId: EpochId, batch: PlannedBatch, deps: PinDeps, signal: AbortSignal): Promise<void> {
  // The node hears nothing of the signal while it adds: one that hangs is left to itself.
  const own = () => untilAborted(pinHere(epochId, batch, deps, signal), signal)
  await (deps.limit === undefined ? own() : deps.limit(own))
  await deps.copies?.held(batch.batchCid, epochId, signal)
}

async function pinHere(epochId: EpochId, { batchCid, file }: PlannedBatch, { ipfs }: PinDeps, signal: AbortSignal): Promise<void> {
  const added = await ipfs.add(file, epochId, isDagCborCid(batchCid) ? 'dag-cbor' : undefined)
  if (added !== batchCid) throw new WeftError('IPFS_CONTENT_WRONG', { cid: batchCid, got: added })
  const bytes = await ipfs.get(batchCid, { bytesMax: file.length, timeoutMs: READ_BACK_TIMEOUT_MS, signal })
  const got = await batchCidOf(bytes, batchCid)
  if (got !== batchCid) throw new WeftError('IPFS_CONTENT_WRONG', { cid: batchCid, got })
}
