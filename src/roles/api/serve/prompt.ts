import { WeftError } from '#domain/errors.ts'
import type { Clock } from '#io/clock/port.ts'
import type { ServeDeps } from './served.ts'

/**
 * What answers ask of the chain comes within a moment or not at all: an endpoint that takes every question and answers none must keep no place from
 * those who ask for what the index knows (A12).
 */

/** A call or two; an endpoint that is well takes a tenth of it. */
const CHAIN_WITHIN_MS = 3_000
/** A proof is a handful of calls to the chain, and some files. */
const PROOF_WITHIN_MS = 15_000
/** Asked and not answered, by whomever: who asks beyond that is told at once, for the endpoint is not well. */
const CHAIN_ASKED_MAX = 64
const PROOFS_ASKED_MAX = 16

export function prompt(deps: ServeDeps): ServeDeps {
  const { chain, proofOf, clock } = deps
  const ask = within({ limitMs: CHAIN_WITHIN_MS, askedMax: CHAIN_ASKED_MAX }, clock)
  const prove = within({ limitMs: PROOF_WITHIN_MS, askedMax: PROOFS_ASKED_MAX }, clock)
  return {
    ...deps,
    chain: {
      chainId: chain.chainId,
      protocolState: chain.protocolState,
      dataMarket: chain.dataMarket,
      head: () => ask('head', () => chain.head()),
      market: () => ask('market', () => chain.market()),
      manifests: () => ask('manifests', () => chain.manifests()),
      slots: () => ask('slots', () => chain.slots()),
      slotDay: (slotId, day) => ask('slotDay', () => chain.slotDay(slotId, day)),
      rewardRules: () => ask('rewardRules', () => chain.rewardRules()),
      currentEpoch: () => ask('currentEpoch', () => chain.currentEpoch()),
      epochInfo: (epochId) => ask('epochInfo', () => chain.epochInfo(epochId)),
    },
    proofOf: (point) => prove('proof', () => proofOf(point)),
  }
}

/** What comes too late is let go of; until it has come or failed it counts. Throws `CHAIN_UNREACHABLE`. */
function within({ limitMs, askedMax }: { readonly limitMs: number; readonly askedMax: number }, clock: Clock) {
  let asked = 0
  return async <Value>(method: string, ask: () => Promise<Value>): Promise<Value> => {
    const unreachable = () => new WeftError('CHAIN_UNREACHABLE', { endpoint: 'any', method })
    if (asked >= askedMax) throw unreachable()
    asked += 1
    const answer = ask().finally(() => {
      asked -= 1
    })
    const answered = new AbortController()
    const late = clock.sleep(limitMs, answered.signal).then(() => {
      throw unreachable()
    })
    // Whichever loses the race is not awaited any more.
    for (const loser of [answer, late]) loser.catch(() => undefined)
    try {
      return await Promise.race([answer, late])
    } finally {
      answered.abort()
    }
  }
}
