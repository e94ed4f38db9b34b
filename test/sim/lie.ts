import type { Cid, ProjectId } from '#domain/ids.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { Lie } from './plan.ts'

export const NO_SUCH_DATA = `bafkrei${'a'.repeat(52)}` as Cid

/** The lie as its sequencer keeps to it: again and again, or until it is refuted, whereupon what corrects it is what it should be. `hide` keeps a batch from all others. */
export function lyingOnce(lie: Lie, hide: (batchCid: Cid) => void): (call: ProtocolCall) => ProtocolCall {
  const lied = new Map<ProjectId, Cid>()
  let first: Cid | undefined
  return (call) => {
    if (call.kind !== 'submitSubmissionBatch' || call.epochId !== lie.epochId) return call
    first ??= call.batchCid
    if (lie.how === 'withhold') {
      if (call.batchCid !== first) return call
      hide(first)
    }
    const isCorrection = call.projectIds.some((projectId) => (lied.get(projectId) ?? call.batchCid) !== call.batchCid)
    if (isCorrection && !isStubborn(lie)) return call
    for (const projectId of call.projectIds) lied.set(projectId, call.batchCid)
    return lying(lie)(call)
  }
}

/** Half of the liars never say anything else of their epoch. */
export const isStubborn = ({ epochId }: Lie): boolean => epochId % 2 === 1

/** What a sequencer that lies about one epoch puts on chain instead of what it should. */
export function lying({ epochId, how }: Lie): (call: ProtocolCall) => ProtocolCall {
  return (call) => {
    if (call.kind !== 'submitSubmissionBatch' || call.epochId !== epochId) return call
    const [first, second, ...others] = call.snapshotCids
    const sworn = (cids: readonly (Cid | undefined)[], projectIds = call.projectIds): ProtocolCall => {
      const snapshotCids = cids.filter((cid) => cid !== undefined)
      return { ...call, projectIds, snapshotCids, rootHash: publishedRoot(snapshotCids) }
    }
    switch (how) {
      case 'swap':
      case 'withhold':
        return second === undefined ? sworn([NO_SUCH_DATA]) : sworn([second, first, ...others])
      case 'invent':
        return sworn([NO_SUCH_DATA, second, ...others])
      case 'omit':
        return sworn(call.snapshotCids.slice(0, -1), call.projectIds.slice(0, -1))
      case 'other_root':
        return { ...call, rootHash: publishedRoot(['nothing']) }
    }
  }
}
