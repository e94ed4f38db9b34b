import { isWeftError } from '#domain/errors.ts'
import type { Report } from '#domain/events.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import type { Journal } from './journal.ts'

/** Nobody waits for it: a node that starts anew is back by then. */
const LOOK_EVERY_MS = 30_000
/** Of one file: for an hour of this role's running, restarts and all. */
const ATTEMPTS_MAX = 120
/** Files tried at one look, one after the other: the oldest. Those behind them have their turn when these are published, or given up. */
const AT_ONCE_MAX = 64

export interface PublishDeps {
  readonly journal: Journal
  readonly ipfs: Pick<Ipfs, 'add'>
  readonly clock: Clock
  readonly report: Report
}

/** Puts evidence on IPFS that could not be put there when it was found (V22), until it is there or was tried too often. Rejects with the signal's reason, and for what does not pass. */
export async function publishLater(deps: PublishDeps, signal: AbortSignal): Promise<never> {
  for (;;) {
    for (const each of deps.journal.unpublished(AT_ONCE_MAX)) {
      signal.throwIfAborted()
      await publish(each, deps)
    }
    await deps.clock.sleep(LOOK_EVERY_MS, signal)
  }
}

/** Order: that it is tried is on disk before it is, so that no crash makes it more often; its CID in the record when the file is there. */
async function publish(unpublished: ReturnType<Journal['unpublished']>[number], { journal, ipfs, report }: PublishDeps): Promise<void> {
  const { epochId, batchCid, attempts } = unpublished
  const [record, bytes] = [journal.batch(epochId, batchCid), journal.evidenceBytes(epochId, batchCid)]
  // Without an end it is judged, and its evidence published, again.
  if (record === undefined || bytes === undefined) return
  await journal.noteUnpublished({ epochId, batchCid, attempts: attempts + 1 })
  try {
    const evidenceCid = await ipfs.add(bytes, epochId)
    await journal.notePublished({ ...(journal.batch(epochId, batchCid) ?? record), evidenceCid })
    report('evidence_published', { epochId, batchCid, evidence: evidenceCid })
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind !== 'transient') throw failure
    if (attempts + 1 < ATTEMPTS_MAX) return
    await journal.notePublished(record)
    report('evidence_given_up', { epochId, batchCid, code: failure.code })
  }
}
