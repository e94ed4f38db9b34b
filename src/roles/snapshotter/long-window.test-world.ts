import type { JsonValue } from '#domain/compute.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, ContractNumber } from '#domain/ids.ts'
import type { BlockRef, MarketState } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { createHistoryCache, type HistoryCache } from './history-cache.ts'
import { createHistory, type HistoryDeps } from './history.ts'
import type { EpochTerms } from './plan.ts'
import { type UsedHistory, useHistory } from './sources.ts'

/** A market that has been finalizing for long, epoch n released in block n, and a snapshotter that has nothing of its own yet. */

const market = { snapshotWindowBlocks: 2, batchWindowBlocks: 4, attestationWindowBlocks: 6 } as MarketState

const terms = { rules: { anchoring: 'projects' } } as EpochTerms

export interface LongWindow {
  readonly cache: HistoryCache
  /** What the aggregates of an epoch see, and what was used of it. */
  at(present: number): UsedHistory
  readonly asked: {
    /** Questions to the chain, and snapshots asked of IPFS. */
    chain: number
    ipfs: number
    /** Most of them under way at once. */
    atOnceMax: number
  }
  readonly told: (readonly [event: string, facts: unknown])[]
}

/** `snapshotOf` says what every project has in an epoch; `waitMs` passes with each snapshot that is fetched. */
export function createLongWindow(
  snapshotOf: (epochId: number) => JsonValue,
  { cache = createHistoryCache(), waitMs = 0 }: { readonly cache?: HistoryCache; readonly waitMs?: number } = {},
): LongWindow {
  let nowMs = 0
  const clock = { ...createVirtualClock(), nowMs: () => nowMs }
  const asked = { chain: 0, ipfs: 0, atOnceMax: 0 }
  const told: (readonly [string, unknown])[] = []
  let underWay = 0
  const answer = async <Value>(of: 'chain' | 'ipfs', value: () => Value): Promise<Value> => {
    asked[of] += 1
    underWay += 1
    asked.atOnceMax = Math.max(asked.atOnceMax, underWay)
    await Promise.resolve()
    underWay -= 1
    return value()
  }
  const chain: HistoryDeps['chain'] = {
    epochInfo: (epochId) =>
      answer('chain', () => ({ contractNumber: Number(epochId) as ContractNumber, timestamp: 0, end: 0 as BlockNumber })),
    isEpochEnded: () => answer('chain', () => true),
    batchCids: (epochId) => answer('chain', () => [`batch ${epochId}` as Cid]),
    batch: () => answer('chain', () => undefined),
    snapshotStatus: (projectId, epochId) =>
      answer('chain', () => ({ status: 'finalized' as const, snapshotCid: `${epochId} of ${projectId}` as Cid })),
    projectFirstEpochId: () => answer('chain', () => 1 as EpochId),
  }
  const get: Ipfs['get'] = (cid) =>
    answer('ipfs', () => {
      nowMs += waitMs
      return canonicalJson(snapshotOf(Number.parseInt(cid, 10)))
    })
  return {
    cache,
    asked,
    told,
    at: (present) =>
      useHistory(
        createHistory(
          present as EpochId,
          { number: present as BlockNumber, contractNumber: present as ContractNumber },
          new AbortController().signal,
          {
            chain,
            terms: { termsAt: async () => terms },
            ipfs: { get } as unknown as Ipfs,
            market,
            records: { own: () => undefined, isUnplanned: () => false, saveStandIn: () => Promise.resolve() },
            recompute: { ask: () => undefined, whyNot: () => undefined },
            cache,
            clock,
            random: createSeededRandom(1),
            report: (event, facts) => void told.push([event, facts]),
            head: () =>
              ({ number: present as BlockNumber, contractNumber: present as ContractNumber, hash: `0x${present}` as Hash }) as BlockRef,
            news: () => new Promise(() => undefined),
          },
        ),
      ),
  }
}

export const PROJECT = 'base:0xaa:TEST' as ProjectId
