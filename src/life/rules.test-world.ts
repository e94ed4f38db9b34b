import type { MarketRules } from '#domain/market-rules.ts'

/** What a market of tests asks for, unless a test says otherwise: nothing beyond most votes. */
export function rulesWith(change: Partial<MarketRules> = {}): MarketRules {
  return {
    namespace: 'TEST',
    windowUnit: 'blocks',
    deadlineBufferMaxBlocks: 500,
    tally: { minVotes: 0, minShareBp: 0 },
    voting: 'open',
    anchoring: 'projects',
    projectsPerBatch: 50,
    projectsPerSlotMax: 3,
    availability: 'none',
    completeness: 'none',
    batchForm: 'json',
    batchTree: 'either',
    ...change,
  }
}
