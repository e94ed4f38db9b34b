import type { Cid, EpochId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { voteKey } from '#roles/sequencer/keys.ts'
import type { Ledger } from '#roles/sequencer/ledger.ts'
import { parseBatchFile } from '#wire/batch-file.ts'

/**
 * Says whether the votes of an epoch are fixed, and this one is none of them. Only asked of a window that a reorganisation has opened again, so that
 * the files of its plan are read once, and those of the epoch asked about last are remembered.
 */
export function createPlannedVotes(ledger: Pick<Ledger, 'get' | 'plans'>) {
  let known: { readonly plan: string; readonly votes: ReadonlyMap<string, Cid> } | undefined

  function votesOf(epochId: EpochId): ReadonlyMap<string, Cid> {
    const plans = ledger.plans(epochId)
    const plan = [epochId, ...plans.map(({ batchCid }) => batchCid)].join(' ')
    if (known?.plan === plan) return known.votes
    const votes = new Map<string, Cid>()
    for (const { batchCid, file } of plans) {
      const parsed = parseBatchFile(file, batchCid)
      for (const { submission } of parsed.ok ? parsed.batch.submissions : [])
        votes.set(voteKey(epochId, submission.request.projectId, submission.request.slotId), submission.request.snapshotCid)
    }
    known = { plan, votes }
    return votes
  }

  return ({ request: { epochId, projectId, slotId, snapshotCid } }: Submission): boolean =>
    ledger.get(epochId)?.state !== 'released' && votesOf(epochId).get(voteKey(epochId, projectId, slotId)) !== snapshotCid
}
