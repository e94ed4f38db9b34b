import { isWeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { AnchorChain, AnchoredByRoots } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { isUnreadable } from '#life/keep.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { HistoryCache } from './history-cache.ts'
import type { Terms } from './plan.ts'

/** How long one batch file may take: aggregates have our own snapshot to go on with, and the next epoch asks again. */
const FETCH_TIMEOUT_MS = 2_000

/** What a batch file says of each project. */
export type BatchIndex = ReadonlyMap<ProjectId, Cid>

/** What the batches that are anchored by their roots said of a project by some block. `unreadable`: one may say it that cannot be read. */
export type SaidByRoots = { readonly kind: 'finalized'; readonly snapshotCid: Cid } | { readonly kind: 'pending' | 'absent' | 'unreadable' }

export interface ByRootsDeps {
  readonly chain: Pick<AnchorChain, 'batch'>
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly terms: Pick<Terms, 'termsAt'>
  readonly cache: Pick<HistoryCache, 'index' | 'setIndex'>
  readonly clock: Pick<Clock, 'sleep'>
}

/** Where the chain has no more than the roots of batches, their files say what is final. */
export interface ByRoots {
  /** Whether the market asks for that in the epoch; `undefined` while its rules are not to be had. */
  applies(epochId: EpochId): Promise<boolean | undefined>
  /** What these batches of the epoch say as of the end of `at`, or of the head. */
  said(projectId: ProjectId, batches: readonly AnchoredByRoots[]): Promise<SaidByRoots>
  /** Those of the epoch's batches that are anchored by their roots, as of the end of `at`. */
  batches(epochId: EpochId, batchCids: readonly Cid[], at: BlockNumber | undefined): Promise<readonly AnchoredByRoots[]>
}

/**
 * Every file is read once for all projects of its epoch, and believed as far as it gives both anchored roots (N5). That is one file for each
 * batch of each epoch that aggregates look back on, where a market with its projects on chain costs one question for each project.
 */
export function createByRoots({ chain, ipfs, terms, cache, clock }: ByRootsDeps, signal: AbortSignal): ByRoots {
  const reading = new Map<Cid, Promise<BatchIndex | undefined>>()

  async function read({ batchCid, rootHash, projectsRootHash }: AnchoredByRoots): Promise<BatchIndex | undefined> {
    try {
      const bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal })
      const parsed = await readBatchFile(bytes, batchCid, () => clock.sleep(0, signal))
      const file = parsed.ok ? parsed.batch : undefined
      const isSame =
        file !== undefined && publishedRoot(file.projectIds) === projectsRootHash && publishedRoot(file.snapshotCids) === rootHash
      // Whatever else lies there will never be what was anchored: it names nothing.
      const index = new Map(isSame ? file.projectIds.map((projectId, at) => [projectId, file.snapshotCids[at] as Cid]) : [])
      cache.setIndex(batchCid, index)
      return index
    } catch (failure) {
      signal.throwIfAborted()
      if (!isUnreadable(failure)) throw failure
      // A text that is no CID will never name a file.
      if (failure.code !== 'ID_MALFORMED') return undefined
      cache.setIndex(batchCid, new Map())
      return new Map()
    }
  }

  function indexOf(batch: AnchoredByRoots): Promise<BatchIndex | undefined> | BatchIndex {
    const known = cache.index(batch.batchCid)
    if (known !== undefined) return known
    const under = reading.get(batch.batchCid) ?? read(batch).finally(() => reading.delete(batch.batchCid))
    reading.set(batch.batchCid, under)
    return under
  }

  return {
    async applies(epochId) {
      try {
        return (await terms.termsAt(epochId)).rules.anchoring === 'roots'
      } catch (failure) {
        if (!isWeftError(failure) || failure.code.startsWith('CHAIN_')) throw failure
        return undefined
      }
    },
    async batches(epochId, batchCids, at) {
      const anchored = await Promise.all([...new Set(batchCids)].map((batchCid) => chain.batch(epochId, batchCid, at)))
      return anchored.filter((batch) => batch?.projectsRootHash !== undefined) as AnchoredByRoots[]
    },
    async said(projectId, batches) {
      let said: SaidByRoots = { kind: 'absent' }
      const indexes = await Promise.all(batches.map(indexOf))
      for (const [place, index] of indexes.entries()) {
        const batch = batches[place] as AnchoredByRoots
        const snapshotCid = index?.get(projectId)
        // The first that is final: validators refuse a project that an earlier batch has.
        if (snapshotCid !== undefined && batch.isFinalized) return { kind: 'finalized', snapshotCid }
        if (snapshotCid !== undefined && said.kind === 'absent') said = { kind: 'pending' }
        if (index === undefined) said = { kind: 'unreadable' }
      }
      return said
    },
  }
}
