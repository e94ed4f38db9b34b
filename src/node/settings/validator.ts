import { RPC_FORM } from './chain.ts'
import type { SettingRow } from './row.ts'

/** How far a batch is checked. */
export const VALIDATOR_SETTINGS = {
  level: {
    env: 'WEFT_LEVEL',
    type: 'choice',
    choices: ['integrity', 'tally', 'recompute'],
    fallback: 'tally',
    roles: ['validator'],
    doc: 'How far a batch is checked: that its file is what the chain says; that its results follow from its submissions too; that the data are right too, for a share of its base projects.',
  },
  recomputeShare: {
    env: 'WEFT_RECOMPUTE_SHARE',
    type: 'integer',
    min: 1,
    max: 10_000,
    unit: 'basis points',
    fallback: 500,
    roles: ['validator'],
    doc: 'At level recompute: how many of ten thousand projects are computed anew. Nobody knows which before their batch is on chain.',
  },
  recomputeRpcUrl: {
    env: 'WEFT_RECOMPUTE_RPC_URL',
    type: 'rpc',
    fallback: '',
    roles: ['validator'],
    doc: `JSON-RPC endpoint of the source chain, or several, needed at level recompute. It must answer for blocks as old as an epoch whose batches come late. ${RPC_FORM}`,
  },
} as const satisfies Record<string, SettingRow>
