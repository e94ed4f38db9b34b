import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { Lie } from './plan.ts'

export const NO_SUCH_DATA = `bafkrei${'a'.repeat(52)}` as Cid

/** What is not the name of any file. */
const NO_CID = 'not-a-cid' as Cid

/** Told of what a liar does beside what it says. */
export interface Accomplice {
  /** Keeps a batch from all others. */
  hide(batchCid: Cid): void
  /** The epoch's first batch is on chain under a name that is not its own. */
  misname(epochId: EpochId, name: Cid): void
}

/** The lie as its sequencer keeps to it: again and again, or until it is refuted, whereupon what corrects it is what it should be. */
export function lyingOnce(lie: Lie, { hide, misname }: Accomplice): (call: ProtocolCall) => ProtocolCall {
  const lied = new Map<ProjectId, Cid>()
  let earlier: Cid | undefined
  let first: Cid | undefined
  return (call) => {
    if (call.kind !== 'submitSubmissionBatch') return call
    if (call.epochId < lie.epochId) earlier ??= call.batchCid
    if (call.epochId !== lie.epochId) return call
    first ??= call.batchCid
    const name = lie.how === 'reuse' ? earlier : lie.how === 'unreadable' ? NO_CID : undefined
    if (isMisnaming(lie) && (name === undefined || call.batchCid !== first)) return call
    if (lie.how === 'withhold') {
      if (call.batchCid !== first) return call
      hide(first)
    }
    const isCorrection = call.projectIds.some((projectId) => (lied.get(projectId) ?? call.batchCid) !== call.batchCid)
    if (isCorrection && !isStubborn(lie)) return call
    for (const projectId of call.projectIds) lied.set(projectId, call.batchCid)
    const told = lying(lie)(call)
    if (name === undefined || told.kind !== 'submitSubmissionBatch') return told
    misname(call.epochId, name)
    return { ...told, batchCid: name }
  }
}

/** Whether the lie is about the name of a batch too: its sequencer takes what it has sent for lost, and corrects nothing. */
export const isMisnaming = ({ how }: Lie): boolean => how === 'reuse' || how === 'unreadable'

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
      case 'reuse':
      case 'unreadable':
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
