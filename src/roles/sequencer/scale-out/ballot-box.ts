import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import { WeftError } from '#domain/errors.ts'
import type { ContractNumber, EpochId } from '#domain/ids.ts'
import type { ManyRecoverer, Signer } from '#io/keys/port.ts'
import type { Lease, Log } from '#io/log/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Backoff } from '#life/backoff.ts'
import { type Life, live } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { createIntake } from '#roles/sequencer/intake/admit.ts'
import { type Ballots, createBallots } from '#roles/sequencer/intake/record.ts'
import { closedKey } from '#roles/sequencer/keys.ts'
import { removeAll, takenPrefixes } from '#roles/sequencer/ledger.ts'
import { ended } from './lead.ts'
import { createPart, judgingBy, type Part, type PartDeps, type PartOptions } from './listen.ts'
import { type LogStore, openLogStore } from './log-store.ts'

export interface BallotBoxDeps extends PartDeps {
  /** This machine's copy of what the log says. */
  readonly store: Store
  readonly receiptSigner?: Pick<Signer, 'signHashOf'> | undefined
}

/** Who signed is found out by listeners; that of a delivery without a signer is never asked. */
const NOBODY: ManyRecoverer = { recoverMany: async () => [] }

const boxName = (partition: number): string => `box-${partition}`

/** Servers that elect take seconds themselves, and a partition without a box takes no votes. */
const AGAIN: Backoff = { firstMs: 250, lastMs: 1_000 }

/**
 * The ballot box of one partition, the first that has none. When another may have it (`LEASE_LOST`, `LOG_MOVED`) or the log is out of reach it lets go of
 * all that it knows and begins anew, with the first that is free: mostly its own again.
 */
export function createBallotBox(options: PartOptions, deps: BallotBoxDeps): Part {
  const { run: keep, stats } = createKeeping(options, deps)
  const run = (ending: AbortSignal): Promise<void> =>
    live(ending, ({ signal }) => persist({ doing: 'keep_partition', attempt: () => keep(signal), signal, backoff: AGAIN }, deps))
  return { run, stats }
}

/**
 * The box for as long as it has its partition. Judges what listeners pass on by its own view of the chain, records it, and answers when the log has it. Ends with
 * `LEASE_LOST` or `LOG_MOVED` when another may keep the partition, and when nothing that it began to write is under way any more.
 */
function createKeeping(options: PartOptions, deps: BallotBoxDeps): Part {
  return createPart(deps, async ({ following, counters, life }) => {
    const names = Array.from({ length: options.partitions }, (_, partition) => boxName(partition))
    const lease = await deps.shared.lease(names, life.signal)
    void life.spawn(heldWhile(lease, life))
    const partition = names.indexOf(lease.name)
    const log = await deps.shared.log(partition)
    const store = await openLogStore({ log, partition, local: deps.store }, life.signal)
    deps.report('partition_taken', { partition, partitions: options.partitions, position: store.position() })
    const { view, rulesOf } = following
    const ballots = createBallots({ store, view, rulesOf, isLeftOut: () => false })
    const closing = createClosing(partition, { store, ballots, fail: life.fail })
    const isOpen = (epochId: EpochId) => following.isReleased(epochId) && !closing.isClosed(epochId)
    const judging = judgingBy({ following, counters, isOpen, isDiskFull: store.isFull }, options, deps)
    const { receiptSigner } = deps
    const listener = deps.shared.passed(partition)
    const intake = createIntake({ ...judging, listener, recoverer: NOBODY, store, ...ballots, receiptSigner }, life)
    const letting = createLettingGo({ store, log, local: deps.store })
    const reacting = {
      onReleased: (epoch: ReleasedEpoch) => letting.begin(epoch, following.isReady()),
      onClosed(epochId: EpochId) {
        closing.close(epochId)
        counters.forget(epochId)
      },
      onPast: letting.letGo,
    }
    return { intake, reacting, close: store.close }
  })
}

/** Lets go of it at the end, so that the next has not to wait; ends the life when it is lost before. */
async function heldWhile(lease: Lease, { signal, fail }: Life): Promise<void> {
  await ended([signal, lease.lost])
  if (lease.lost.aborted) fail(new WeftError('LEASE_LOST', { name: lease.name }))
  else await lease.release()
}

/** What is closed once stays closed: the sealer counts when all partitions have said so (S27). */
function createClosing(
  partition: number,
  { store, ballots, fail }: { readonly store: Store; readonly ballots: Ballots; readonly fail: Life['fail'] },
) {
  const isClosed = (epochId: EpochId): boolean => store.get(closedKey(epochId, partition)) !== undefined
  return {
    isClosed,
    close(epochId: EpochId): void {
      if (isClosed(epochId)) return
      ballots.close(epochId)
      // Behind all votes that were taken: commits are durable in the order of their calls.
      store.commit([{ key: closedKey(epochId, partition), value: new Uint8Array(0) }]).catch(fail)
    },
  }
}

interface LettingGoDeps {
  readonly store: LogStore
  readonly log: Pick<Log, 'forget'>
  readonly local: Store
}

/** Epochs of which no batch is taken any more: their entries go from the log, and from the copy here. The sealer has its own. */
function createLettingGo({ store, log, local }: LettingGoDeps) {
  /** By epoch its release, and where the log ended when that was first seen: its votes lie behind. 0 where that was before this start. */
  const beginnings = new Map<EpochId, { readonly release: ContractNumber; readonly position: number }>()
  let forgotten = 0
  return {
    begin({ epochId, release }: ReleasedEpoch, isNew: boolean): void {
      // Released again after a reorganisation it has votes of before.
      const { position } = beginnings.get(epochId) ?? { position: isNew ? store.position() : 0 }
      beginnings.set(epochId, { release: release.contractNumber, position })
    },
    async letGo(past: ContractNumber): Promise<void> {
      for (const [epochId, { release }] of beginnings) {
        if (release >= past) continue
        beginnings.delete(epochId)
        await removeAll(local, takenPrefixes(epochId))
      }
      const upTo = Math.min(store.position(), ...[...beginnings.values()].map(({ position }) => position))
      if (upTo <= forgotten) return
      forgotten = upTo
      await log.forget(upTo)
    },
  }
}
