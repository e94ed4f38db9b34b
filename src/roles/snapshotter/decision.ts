import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, ContractNumber, EpochId, ProjectId } from '#domain/ids.ts'
import {
  type BlockTime,
  isAttestationWindowOver,
  isBatchWindowOver,
  isSettled,
  lastAttestationBlock,
  lastBatchBlock,
  lastBlockOfRounds,
} from '#domain/window.ts'
import type { AnchorChain, AnchoredByRoots, MarketState } from '#io/chain/port.ts'
import type { ByRoots, SaidByRoots } from './by-roots.ts'
import type { HistoryCache } from './history-cache.ts'

/** What the network had decided of a project in an epoch by some block. */
export type Decision =
  | { readonly kind: 'finalized'; readonly snapshotCid: Cid }
  /** No data. `openUntil`: the last block in which a round that corrects what was refuted may bring some, as contracts number it; absent when none can any more. */
  | { readonly kind: 'none'; readonly openUntil?: ContractNumber }
  /** In the first block after this one in which contracts see `decidedBy` or more it is decided at the latest, nothing else having happened. */
  | { readonly kind: 'undecided'; readonly decidedBy: ContractNumber }

/** As of the end of which block is asked: its number for the endpoint, and the one that contracts see in it for windows. */
export type AsOf = Pick<BlockTime, 'number' | 'contractNumber'>

/** As of the end of `block`. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
export type Decide = (block: AsOf, projectId: ProjectId, epochId: EpochId) => Promise<Decision>

export interface DecisionDeps {
  readonly chain: Pick<AnchorChain, 'epochInfo' | 'isEpochEnded' | 'batchCids' | 'snapshotStatus'>
  readonly market: MarketState
  readonly byRoots: ByRoots
  /** After a reorganisation everything is asked again. */
  readonly cache: Pick<HistoryCache, 'generation' | 'decision' | 'setDecision'>
}

/** What all projects of an epoch share, as of the same block. */
interface EpochThen {
  readonly released: ContractNumber
  /** Where the chain is asked: `undefined` for the head, which can say nothing else. */
  readonly at: BlockNumber | undefined
  readonly isEnded: boolean
  readonly batchCids: readonly Cid[]
  /** Those that are anchored by their roots, once somebody has asked; `undefined` when that cannot be told. */
  roots?: Promise<readonly AnchoredByRoots[] | undefined>
}

/** Of an epoch before one that was released: who knows of no release is behind (throws `CHAIN_ANSWER_INVALID`), and is to be asked again. */
export async function releaseOf(epochId: EpochId, chain: Pick<AnchorChain, 'epochInfo'>): Promise<ContractNumber> {
  const { contractNumber } = await chain.epochInfo(epochId)
  if (contractNumber > 0) return contractNumber
  throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'anchor chain', method: 'epochInfo', detail: `no release of epoch ${epochId}` })
}

/**
 * Reads what was decided as of one block, so that whoever asks, and whenever, sees the same (N5). Where the windows were over by then the
 * chain is asked as it is now, which provably says the same, and also of nodes that keep no state of that block; everywhere else such a
 * node's failure is thrown, to be tried again. Of an epoch without batches its projects are not asked one by one.
 */
export function createDecide({ chain, market, byRoots, cache }: DecisionDeps): Decide {
  const epochs = new Map<string, Promise<EpochThen>>()

  async function readEpoch(block: AsOf, epochId: EpochId): Promise<EpochThen> {
    const released = await releaseOf(epochId, chain)
    const at = isSettled(released, block.contractNumber, market) ? undefined : block.number
    const [isEnded, batchCids] = await Promise.all([chain.isEpochEnded(epochId, at), chain.batchCids(epochId, at)])
    return { released, at, isEnded, batchCids }
  }

  function epochThen(block: AsOf, epochId: EpochId): Promise<EpochThen> {
    const key = `${epochId} ${block.number} ${cache.generation}`
    const known = epochs.get(key) ?? readEpoch(block, epochId)
    epochs.set(key, known)
    known.catch(() => epochs.delete(key))
    return known
  }

  async function rootsOf(epochId: EpochId, { batchCids, at }: EpochThen): Promise<readonly AnchoredByRoots[] | undefined> {
    const applies = await byRoots.applies(epochId)
    if (applies === undefined) return undefined
    return applies ? byRoots.batches(epochId, batchCids, at) : []
  }

  /** What the contract says of the project, or where it has no more than roots, the files under them. */
  async function said(projectId: ProjectId, epochId: EpochId, then: EpochThen, block: AsOf): Promise<SaidByRoots> {
    if (then.batchCids.length === 0) return { kind: 'absent' }
    const { status, snapshotCid } = await chain.snapshotStatus(projectId, epochId, then.at)
    if (status === 'finalized') return { kind: status, snapshotCid: snapshotCid as Cid }
    if (status === 'pending') return { kind: status }
    then.roots ??= rootsOf(epochId, then)
    then.roots.catch(() => delete then.roots)
    const roots = await then.roots
    if (roots === undefined) return { kind: 'unreadable' }
    // What did not become final in its windows gives no data, whether or not its file can be read: nobody leaves that open for ever.
    const isOver = isAttestationWindowOver(then.released, block.contractNumber, market)
    return byRoots.said(projectId, isOver ? roots.filter(({ isFinalized }) => isFinalized) : roots)
  }

  async function ask(block: AsOf, projectId: ProjectId, epochId: EpochId): Promise<Decision> {
    const then = await epochThen(block, epochId)
    const { released, at, isEnded } = then
    const seen = block.contractNumber
    const told = await said(projectId, epochId, then, block)
    if (told.kind === 'finalized') return told
    // As good as undecided: with the next block it is looked for again.
    if (told.kind === 'unreadable') return { kind: 'undecided', decidedBy: seen }
    // The contract takes no batch and counts no attestation after its windows (spec/contracts.md §4.6, §4.7).
    const [isOver, last] =
      told.kind === 'pending'
        ? [isAttestationWindowOver(released, seen, market), lastAttestationBlock(released, market)]
        : [isEnded || isBatchWindowOver(released, seen, market), lastBatchBlock(released, market)]
    if (!isOver) return { kind: 'undecided', decidedBy: (last + 1) as ContractNumber }
    return at === undefined ? { kind: 'none' } : { kind: 'none', openUntil: lastBlockOfRounds(released, market) }
  }

  return async (block, projectId, epochId) => {
    const key = `${epochId} ${projectId}`
    const known = cache.decision(key, block.number)
    if (known?.snapshotCid !== undefined) return { kind: 'finalized', snapshotCid: known.snapshotCid }
    if (known !== undefined) return { kind: 'none' }
    const { generation } = cache
    const decision = await ask(block, projectId, epochId)
    // Else decided on a chain that is gone: another one may say something else.
    if (cache.generation === generation) {
      if (decision.kind === 'finalized') cache.setDecision(key, decision.snapshotCid, block.number)
      if (decision.kind === 'none' && decision.openUntil === undefined) cache.setDecision(key, undefined, block.number)
    }
    return decision
  }
}
