import type { Cid } from '#domain/ids.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { Lie } from './plan.ts'

export const NO_SUCH_DATA = `bafkrei${'a'.repeat(52)}` as Cid

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
