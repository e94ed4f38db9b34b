import { isWeftError, toldOf, WeftError } from '#domain/errors.ts'
import { parseEpochId } from '#domain/ids.ts'
import type { Report } from '#domain/events.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { IndexDatabase } from '#io/database/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Random } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { type Life, live } from '#life/live.ts'
import { retain } from '#life/retention.ts'
import { readBatches } from './index/batches.ts'
import { createBell } from './index/bell.ts'
import { follow } from './index/follow.ts'
import { readSnapshots } from './index/snapshots.ts'

/** How soon another process takes over from one that died, and hears of what that one wrote. */
const LEAD_EVERY_MS = 1_000
const NOTICE_EVERY_MS = 200
const RETRY: Backoff = { firstMs: 250, lastMs: 10_000 }

export interface ApiOptions {
  /** Newest epochs that stay in the index, and whose content stays on IPFS here; 0 keeps all. */
  readonly historyEpochs: number
}

export interface ApiDeps {
  readonly chain: AnchorChain
  readonly database: IndexDatabase
  readonly ipfs: Ipfs
  readonly store: Store
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly report: Report
}

export interface ApiStats {
  /** Whether this process is the one that writes the index. */
  readonly isLeading: boolean
  /** Whether the index has come to the head of the chain since this process leads, or another process writes it. */
  readonly isCurrent: boolean
}

export interface Api {
  /** Works until the signal aborts; then resolves when nothing is under way any more. Rejects on a failure that needs a person, or a bug. Once: a second call throws `STOPPED`. */
  run(signal: AbortSignal): Promise<void>
  stats(): ApiStats
  /** Called when the index may have more, whoever wrote it, until the answer is called. It must not throw, and does no work. */
  onNews(listener: () => void): () => void
}

export function createApi(options: ApiOptions, deps: ApiDeps): Api {
  const { database, clock, report } = deps
  const bell = createBell()
  let [isLeading, isCurrent] = [false, false]
  let isBegun = false

  const onCurrent = (): void => {
    isCurrent = true
  }

  function index({ spawn, signal }: Life): void {
    const reading = { ...deps, bell, onCurrent }
    void spawn(follow(reading, signal))
    void spawn(readBatches(reading, signal))
    void spawn(readSnapshots(reading, signal))
    const followed = async () => (await database.bounds()).newestEpochId ?? parseEpochId(0)
    if (options.historyEpochs > 0) void spawn(retain(shelvesOf(options, deps), { ...deps, followed }, signal))
  }

  /** Writes the index whenever nobody else does (A4). A database that is away for a while ends nothing: the cursor is in it. */
  async function lead(signal: AbortSignal): Promise<void> {
    let isTold = false
    for (let attempts = 1; !signal.aborted; ) {
      try {
        if (await database.lead()) {
          report('index_leads', {})
          isLeading = true
          isCurrent = false
          attempts = 1
          await live(signal, index)
        } else {
          if (!isTold) report('index_led_elsewhere', {})
          isTold = true
          isCurrent = true
          await clock.sleep(LEAD_EVERY_MS, signal)
        }
      } catch (failure) {
        if (signal.aborted) return
        if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
        const waitMs = pauseMs(RETRY, attempts, deps.random)
        report('will_try_again', { ...toldOf(failure), doing: 'index', pauseMs: waitMs })
        attempts += 1
        await clock.sleep(waitMs, signal)
      } finally {
        isLeading = false
      }
    }
  }

  /** Hears of what another process wrote, where one may. */
  async function notice(signal: AbortSignal): Promise<void> {
    for (let seen = 0; !signal.aborted; await clock.sleep(isLeading ? LEAD_EVERY_MS : NOTICE_EVERY_MS, signal)) {
      if (isLeading) continue
      const newest = (await database.bounds().catch(unlessTransient))?.lastChange
      if (newest !== undefined && newest !== seen) bell.ring()
      seen = newest ?? seen
    }
  }

  return {
    async run(signal) {
      if (isBegun) throw new WeftError('STOPPED', { what: 'api' })
      isBegun = true
      await live(signal, ({ spawn, signal: ending }) => {
        void spawn(lead(ending))
        void spawn(notice(ending))
      })
    },
    stats: () => ({ isLeading, isCurrent }),
    onNews: bell.onRing,
  }
}

function unlessTransient(failure: unknown): undefined {
  if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
}

/** What there is more of with every epoch. */
function shelvesOf({ historyEpochs: epochsKept }: ApiOptions, { database, ipfs }: ApiDeps) {
  return [
    { epochsKept, letGo: database.forgetBefore },
    { epochsKept, letGo: ipfs.letGo },
  ]
}
