import pLimit from 'p-limit'
import { EPOCHS_AT_ONCE_MAX } from '#domain/epoch.ts'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'
import { isPastWindow, type SubmissionWindow, windowOf } from '#domain/window.ts'
import type { BlockRef } from '#io/chain/port.ts'
import type { EpochTerms } from './plan.ts'
import type { EpochRecord } from './records.ts'

/** An epoch that is worked on. */
export interface OpenEpoch {
  readonly record: EpochRecord
  /** What the market asks for in it. */
  readonly terms: EpochTerms
  /** Aborts with `STOPPED` when the window closes, the release is undone, or the process stops. */
  readonly signal: AbortSignal
  /** Why work on it must end; `undefined` while it need not, or when only the process stops. */
  ending(): ProjectReason | undefined
}

export interface OpenEpochs {
  readonly count: number
  start(record: EpochRecord, terms: EpochTerms, head: BlockRef): void
  /** Ends the epoch's work; does nothing when it is not open. */
  close(epochId: EpochId, ending: ProjectReason): void
  /** Ends every epoch whose window is over. */
  closePast(head: BlockRef): void
  /** Resolves when nothing is under way. */
  settled(): Promise<void>
}

interface Entry {
  readonly window: SubmissionWindow
  close(ending: ProjectReason): void
  readonly done: Promise<void>
}

/** `stopping` ends all of them. `run` does the work of one; when it rejects, `onFailure` is told. */
export function createOpenEpochs(options: {
  /** Of the window of each, in the unit that its rules say. */
  readonly windowLength: number
  readonly stopping: AbortSignal
  readonly run: (epoch: OpenEpoch) => Promise<void>
  readonly onFailure: (failure: unknown) => void
}): OpenEpochs {
  const entries = new Map<EpochId, Entry>()
  const limit = pLimit(EPOCHS_AT_ONCE_MAX)

  async function work(epoch: OpenEpoch, before: Promise<void> | undefined): Promise<void> {
    // An epoch that was undone and released again, or whose votes are to be given again, waits until its first life is over.
    await before
    await limit(() => options.run(epoch)).catch(options.onFailure)
  }

  return {
    get count() {
      return entries.size
    },
    start(record, terms, head) {
      const { epochId } = record
      const controller = new AbortController()
      const before = entries.get(epochId)
      const window = windowOf({ release: record.release, unit: terms.rules.windowUnit, length: options.windowLength })
      let ending: ProjectReason | undefined
      const epoch: OpenEpoch = {
        record,
        terms,
        signal: AbortSignal.any([controller.signal, options.stopping]),
        ending: () => (options.stopping.aborted ? undefined : ending),
      }
      const entry: Entry = {
        window,
        close(why) {
          before?.close(why)
          if (ending !== undefined) return
          ending = why
          controller.abort(new WeftError('STOPPED', { what: `epoch ${epochId}: ${why}` }))
        },
        done: work(epoch, before?.done).finally(() => {
          if (entries.get(epochId) === entry) entries.delete(epochId)
        }),
      }
      entries.set(epochId, entry)
      // Its window may have closed while we were away: then only the reasons are left to be written.
      if (isPastWindow(window, head)) entry.close('window_closed')
    },
    close(epochId, ending) {
      entries.get(epochId)?.close(ending)
    },
    closePast(head) {
      for (const entry of entries.values()) if (isPastWindow(entry.window, head)) entry.close('window_closed')
    },
    async settled() {
      await Promise.all([...entries.values()].map((entry) => entry.done))
    },
  }
}
