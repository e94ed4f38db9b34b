import type { Address } from '#domain/ids.ts'
import type { AnchorChain, MarketState } from '#io/chain/port.ts'
import { type PersistDeps, persist } from './persist.ts'

/** No event says that a market has appointed somebody else; a minute of unproved receipts is what it costs to look this rarely. */
const LOOK_INTERVAL_MS = 60_000

export interface Appointed {
  /** Of the market's sequencers, as the chain said it last; `undefined` while it has not. */
  sequencers(): readonly Address[] | undefined
  /** Looks again and again until the signal aborts; then it rejects with its reason. */
  run(signal: AbortSignal): Promise<never>
}

/** Who may anchor for the market, and so whose receipts count (C14). `onMarket` is told all that the chain said, each time. */
export function createAppointed(
  deps: PersistDeps & { readonly chain: Pick<AnchorChain, 'market'>; readonly onMarket?: (market: MarketState) => void },
): Appointed {
  let sequencers: readonly Address[] | undefined
  return {
    sequencers: () => sequencers,
    async run(signal) {
      for (;;) {
        const market = await persist({ doing: 'read_market', attempt: () => deps.chain.market(), signal }, deps)
        sequencers = market.sequencers
        deps.onMarket?.(market)
        await deps.clock.sleep(LOOK_INTERVAL_MS, signal)
      }
    },
  }
}
