import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import { isBatchWindowOver, type LaterWindows } from '#domain/window.ts'
import type { Log } from '#io/log/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Ballots } from '#roles/sequencer/intake/record.ts'
import { CLOSED_PREFIX, closedPrefix, epochOfVoteKey, votesPrefix } from '#roles/sequencer/keys.ts'
import { createLogCopy } from './log-copy.ts'

/** The votes of all partitions, as the boxes have written them. */
export interface Gathering {
  readonly ballots: Ballots
  /** Resolves when all that the boxes have taken for the epoch is in the store: every partition has said that it is closed. Or when that comes too late for a batch. */
  settled(epoch: ReleasedEpoch, signal: AbortSignal): Promise<void>
  /** Copies what comes, until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>
  /** The chain has gone on. */
  onHead(): void
}

export interface GatherDeps {
  readonly store: Store
  readonly view: AnchorView
  readonly contract: LaterWindows
}

/** `logs`: of all partitions, by their number. */
export const gatherFrom =
  (logs: readonly Log[]) =>
  ({ store, view, contract }: GatherDeps): Gathering => {
    const counts = new Map<EpochId, number>()
    let change = Promise.withResolvers<void>()

    function tell(): void {
      change.resolve()
      change = Promise.withResolvers()
    }

    function count(epochId: EpochId): number {
      const known = counts.get(epochId) ?? store.scan(votesPrefix(epochId)).length
      counts.set(epochId, known)
      return known
    }

    async function copy(log: Log, partition: number, signal: AbortSignal): Promise<void> {
      const copied = createLogCopy(partition, store)
      for await (const entry of log.read(copied.position(), signal)) {
        const { writes, durable } = copied.take(entry)
        for (const { key } of writes) {
          const epochId = epochOfVoteKey(key)
          const known = epochId === undefined ? undefined : counts.get(epochId)
          if (epochId !== undefined && known !== undefined) counts.set(epochId, known + 1)
        }
        if (writes.some(({ key }) => key.startsWith(CLOSED_PREFIX))) tell()
        // A store that fails fails for good; otherwise the next entries need not wait for its disk.
        durable.catch(signal.aborted ? () => undefined : failing.reject)
      }
    }
    const failing = Promise.withResolvers<never>()
    failing.promise.catch(() => undefined)

    const isTooLate = ({ release }: ReleasedEpoch): boolean =>
      isBatchWindowOver(release.contractNumber, view.head?.contractNumber, contract)
    const isClosed = (epochId: EpochId): boolean => store.scan(closedPrefix(epochId)).length >= logs.length

    return {
      ballots: {
        record() {
          throw new WeftError('STOPPED', { what: 'recording of a sealer' })
        },
        count,
        // They are read from the store: what is in memory is never all of them.
        signerOf: () => undefined,
        inMemory: () => undefined,
        close: (epochId) => void counts.delete(epochId),
      },
      async settled(epoch, signal) {
        while (!isClosed(epoch.epochId) && !isTooLate(epoch)) await untilAborted(change.promise, signal)
      },
      follow: (signal) => Promise.race([Promise.all(logs.map((log, partition) => copy(log, partition, signal))), failing.promise]).then(),
      onHead: tell,
    }
  }
