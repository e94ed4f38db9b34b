import type { ComputeSet } from '#domain/compute.ts'
import { type EpochTerms, planFrom, type Terms } from '#roles/snapshotter/plan.ts'
import type { Market, MarketTerms } from './market.ts'

/** What a market asks of a snapshotter: its rules, and the projects that its computes make. Throws `SETTINGS_INVALID` for computes that cannot be had. */
export function snapshotterTerms(market: Market, prepare: (computes: ComputeSet) => ComputeSet): Terms {
  // Manifests are kept and come as the same object: what is made of one is made once.
  const made = new WeakMap<MarketTerms, EpochTerms>()
  const make = (terms: MarketTerms): EpochTerms => {
    const known = made.get(terms)
    if (known !== undefined) return known
    const { sets, computes } = terms.computes()
    const fresh = { rules: terms.rules, plan: planFrom({ sets, computes: prepare(computes) }, terms.rules.namespace) }
    made.set(terms, fresh)
    return fresh
  }
  return { present: make(market.terms), termsAt: async (epochId) => make(await market.termsAt(epochId)) }
}
