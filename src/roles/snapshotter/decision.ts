import type { BlockNumber, Cid, EpochId, ProjectId } from '#domain/ids.ts'
import { isAttestationWindowOver, isSettled, lastAttestationBlock, lastBatchBlock } from '#domain/window.ts'
import type { AnchorChain, MarketState } from '#io/chain/port.ts'

/** What the network had decided of a project in an epoch by some block. */
export type Decision =
  | { readonly kind: 'finalized'; readonly snapshotCid: Cid }
  /** No data; `isForGood` when no later round can bring any. */
  | { readonly kind: 'none'; readonly isForGood: boolean }
  /** In block `decidedBy` it is decided at the latest, nothing else having happened. */
  | { readonly kind: 'undecided'; readonly decidedBy: BlockNumber }

export interface DecisionDeps {
  readonly chain: Pick<AnchorChain, 'epochInfo' | 'isEpochEnded' | 'snapshotStatus'>
  readonly market: MarketState
}

/**
 * Reads what was decided as of the end of `block`: one moment, so that whoever asks, and whenever, sees the same (N5). Where the windows were
 * over by then the chain is asked as it is now, which provably says the same, and also of nodes that keep no state of that block; everywhere
 * else such a node's failure is thrown, to be tried again. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`.
 */
export async function decisionAsOf(
  block: BlockNumber,
  { projectId, epochId }: { readonly projectId: ProjectId; readonly epochId: EpochId },
  { chain, market }: DecisionDeps,
): Promise<Decision> {
  const { releaseBlock } = await chain.epochInfo(epochId)
  if (releaseBlock === 0) return { kind: 'none', isForGood: false }
  const isForGood = isSettled(releaseBlock, block, market)
  const at = isForGood ? undefined : block
  const { status, snapshotCid } = await chain.snapshotStatus(projectId, epochId, at)
  if (status === 'finalized') return { kind: 'finalized', snapshotCid: snapshotCid as Cid }
  // The contract takes no batch and counts no attestation after its windows (spec/contracts.md §4.6, §4.7).
  const [isOver, last] =
    status === 'pending'
      ? [isAttestationWindowOver(releaseBlock, block, market), lastAttestationBlock(releaseBlock, market)]
      : [block > lastBatchBlock(releaseBlock, market), lastBatchBlock(releaseBlock, market)]
  if (isOver || (status === 'absent' && (await chain.isEpochEnded(epochId, at)))) return { kind: 'none', isForGood }
  return { kind: 'undecided', decidedBy: (last + 1) as BlockNumber }
}
