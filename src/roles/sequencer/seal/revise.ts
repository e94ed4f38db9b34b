import type { EpochId } from '#domain/ids.ts'
import { persist } from '#life/persist.ts'
import { type EpochEntry, isLost, isUnsent } from '#roles/sequencer/ledger.ts'
import type { Sequencing } from '#roles/sequencer/sequencer.ts'
import type { AnchorFailure } from './anchor.ts'
import { type CorrectDeps, correct } from './correct.ts'
import { noteAnchored, noteVoid } from './outcome.ts'
import { breathing, count, isUndone, pinAndPut, putEnd, readGasMax } from './seal.ts'

/** What a majority of the validators refuted: correct → pin → anchor, in the round that the refutation has begun (S23). */
export async function answer(epochId: EpochId, deps: Sequencing, signal: AbortSignal): Promise<void> {
  if (isUndone(epochId, deps)) return
  const { ledger } = deps
  const mine = { ...deps, breathe: breathing(deps), gasMax: (until: AbortSignal) => readGasMax(deps, until) }
  const counting = { ...mine, count: async (...of: Parameters<CorrectDeps['count']>) => (await count(of[0], of[1], mine, of[2])).counted }
  const batches = await correct(epochId, counting, signal)
  if (batches.length === 0) return
  const entry = ledger.get(epochId) as EpochEntry
  const put = await pinAndPut(entry, batches, deps, signal)
  if (!isUndone(epochId, deps) && ledger.get(epochId) !== undefined) await noteAnchored(epochId, { batches, ...put }, deps)
}

/**
 * After a reorganisation: the calls of an epoch once more. Each finds itself on the chain, or goes out again as it was (S10); what came too
 * late is noted. Where the release went too, and with it all that was built on it, the epoch begins anew with its next release.
 */
export async function revise(epochId: EpochId, deps: Sequencing, signal: AbortSignal): Promise<void> {
  const { ledger, report } = deps
  const entry = ledger.get(epochId)
  if (entry === undefined || entry.state === 'released' || entry.state === 'void') return
  if (entry.state !== 'ended' && !isUndone(epochId, deps)) return
  // What a dispute has planned and not sent yet is not read back from IPFS either (S5): `answer` is next.
  const sent = ledger.plans(epochId).filter(({ batchCid }) => !isUnsent(entry, batchCid))
  // Nor was perhaps what was lost: it holds up none of the others.
  const batches = sent.toSorted((one, other) => Number(isLost(entry, one.batchCid)) - Number(isLost(entry, other.batchCid)))
  const isOnWay = isUndone(epochId, deps) && (entry.state === 'anchored' || entry.state === 'ended')
  const calling = pinAndPut(entry, batches, deps, signal)
  // At once: an old end that is left behind would be mined after the next release, and end the epoch that has just begun again.
  const ending = isOnWay ? putEnd(entry, deps, signal) : undefined
  let [put] = await Promise.all([calling, ending])
  if (isUndone(epochId, deps)) {
    await settleUndone(entry, put.failures, deps, signal)
    if (isUndone(epochId, deps) || ledger.get(epochId)?.state !== 'ended') return
    // Those that the chain refused while it had no release are made anew, beside those that it has.
    if (put.failures.some((failure) => failure !== undefined))
      put = await pinAndPut(ledger.get(epochId) as EpochEntry, batches, deps, signal)
  }
  // So much may have happened meanwhile that nothing of the epoch is kept any more.
  if (ledger.get(epochId) !== undefined) await noteAnchored(epochId, { batches, ...put }, deps)
  await putEnd(ledger.get(epochId) ?? entry, deps, signal)
  report('anchored_again', { epochId, lost: put.failures.filter((failure) => failure !== undefined).length })
}

/**
 * What becomes of an epoch whose release is gone, now that its calls have their outcome. If the chain has any of them, under the release that
 * took the place of the other, the plan stands and what the chain refused is made anew. Otherwise nothing is left of it, and it begins
 * again with its next release, which may be there already.
 */
async function settleUndone(entry: EpochEntry, failures: readonly AnchorFailure[], deps: Sequencing, signal: AbortSignal): Promise<void> {
  const { ledger, view, chain } = deps
  const { epochId, attempt = 0 } = entry
  const isEnded = () => persist({ doing: 'read_end', attempt: () => chain.isEpochEnded(epochId), signal }, deps)
  const stands = failures.includes(undefined) || (entry.batches.length === 0 && (await isEnded()))
  const again = view.epoch(epochId)
  if (stands) {
    // While the new release is not seen here the epoch waits: it calls again.
    if (again === undefined) return
    if (failures.some((failure) => failure !== undefined)) await ledger.change(epochId, { attempt: attempt + 1 })
    await ledger.move(epochId, again.release)
    return
  }
  await noteVoid(epochId, deps)
  if (again !== undefined) await ledger.release(epochId, again.release)
}
