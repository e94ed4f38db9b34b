import { isWeftError } from '#domain/errors.ts'
import type { AnchorChain, MarketState } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import { lately } from './serve/lately.ts'

/** Markets change by the hand of a person: they are asked for again after so long, while what was known is used. */
const MARKET_FOR_MS = 60_000

/** The market as the chain said it lately, or last, while it does not answer; nobody waits for it twice. Throws as the chain's port until it has answered once. */
export function createRecentMarket({
  chain,
  clock,
}: {
  readonly chain: Pick<AnchorChain, 'market'>
  readonly clock: Pick<Clock, 'nowMs'>
}): () => Promise<MarketState> {
  const market = lately(() => chain.market(), MARKET_FOR_MS, clock)
  let known: MarketState | undefined
  return async () => {
    const asked = market().then((state) => {
      known = state
      return state
    })
    if (known === undefined) return asked
    asked.catch((failure: unknown) => {
      if (!isWeftError(failure)) throw failure
    })
    return known
  }
}
