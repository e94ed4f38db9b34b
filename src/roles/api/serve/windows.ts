import { isWeftError } from '#domain/errors.ts'
import type { ContractNumber } from '#domain/ids.ts'
import { isBatchWindowOver, lastBatchBlock } from '#domain/window.ts'
import type { MarketState } from '#io/chain/port.ts'
import type { EpochRow } from '#io/database/port.ts'
import { createRecentMarket } from '#roles/api/recent-market.ts'
import { lately } from './lately.ts'
import type { ServeDeps } from './served.ts'

/** How old the block may be that windows are held against. */
const HEAD_FOR_MS = 1_000

/** Which epochs may still get batches: until the sequencer has said that it is done, or, where it never does, until the contract takes none any more. */
export interface Windows {
  /** As of now. Does not fail where the chain does not answer: then only the sequencer's word counts. */
  now(): Promise<WindowsNow>
  /** As of lately. Throws as the chain's port until it has answered once. */
  market(): Promise<MarketState>
}

export interface WindowsNow {
  isOpen(epoch: Pick<EpochRow, 'endedBlock' | 'releasedContractNumber'>): boolean
  /** The last block in which a batch may come, as contracts number them; `undefined` while windows are not known. */
  untilBlock(epoch: Pick<EpochRow, 'releasedContractNumber'>): ContractNumber | undefined
}

/** What answers are made from that speak of open epochs. */
export type WindowedDeps = ServeDeps & { readonly windows: Windows }

export function createWindows(
  { index, chain, clock }: Pick<ServeDeps, 'index' | 'chain' | 'clock'>,
  { headForMs = HEAD_FOR_MS }: { readonly headForMs?: number } = {},
): Windows {
  const market = createRecentMarket({ chain, clock })
  // Of the index, not of the chain: a batch that it has not come to yet may be there.
  const bounds = lately(() => index.bounds(), headForMs, clock)
  return {
    market,
    async now() {
      const known = await market().catch(unlessNotAnswered)
      const head = (await bounds()).indexed?.contractNumber
      const untilBlock: WindowsNow['untilBlock'] = ({ releasedContractNumber }) => known && lastBatchBlock(releasedContractNumber, known)
      return {
        untilBlock,
        isOpen: (epoch) => epoch.endedBlock === undefined && !(known && isBatchWindowOver(epoch.releasedContractNumber, head, known)),
      }
    },
  }
}

function unlessNotAnswered(failure: unknown): undefined {
  if (!isWeftError(failure)) throw failure
}
