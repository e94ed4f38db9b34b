import { type Role, ROLES } from './roles.ts'
import type { SettingRow } from './row.ts'

const onSource: readonly Role[] = ['epochs', 'snapshotter']

/** A collector without the chain takes whatever has the form of a submission, and a relay serves whoever comes. */
const withoutChain = {
  roles: ['collector', 'relay'],
  otherwise: 'a collector checks nothing but forms without it, and a relay serves anyone',
} as const

/** How endpoints are named, in words. */
export const RPC_FORM =
  'Several stand between commas; each may say how many times better than another it counts as, how many calls per second it takes, and that it has old state: `URL;weight=2;rps=25;archive`.'

/** Which chains a role reads, from whom, and how far it believes them. */
export const CHAIN_SETTINGS = {
  anchorRpcUrl: {
    env: 'WEFT_ANCHOR_RPC_URL',
    type: 'rpc',
    roles: ROLES,
    optional: withoutChain,
    doc: `JSON-RPC endpoint of the anchor chain, or several. ${RPC_FORM}`,
  },
  anchorChainId: {
    env: 'WEFT_ANCHOR_CHAIN_ID',
    type: 'integer',
    min: 1,
    max: 2 ** 53 - 1,
    fromNetwork: 'chainId',
    roles: ROLES,
    optional: withoutChain,
    doc: 'Chain id of the anchor chain; a different answer from the endpoint stops the role.',
  },
  protocolState: {
    env: 'WEFT_PROTOCOL_STATE',
    type: 'address',
    fromNetwork: 'protocolState',
    roles: ROLES,
    optional: withoutChain,
    doc: 'Address of the ProtocolState contract.',
  },
  dataMarket: {
    env: 'WEFT_DATA_MARKET',
    type: 'address',
    fromNetwork: 'dataMarket',
    roles: ROLES,
    optional: withoutChain,
    doc: 'Address of the data market.',
  },
  pollMs: {
    env: 'WEFT_POLL_MS',
    type: 'integer',
    min: 50,
    max: 60_000,
    unit: 'ms',
    fallback: 500,
    roles: ROLES,
    doc: 'How often a chain is asked for a new head, while one may be there.',
  },
  proofs: {
    env: 'WEFT_PROOFS',
    type: 'choice',
    choices: ['on', 'off'],
    fallback: 'on',
    roles: ROLES,
    doc: 'Whether what RPC endpoints say of blocks and logs is proved: headers by their hash, logs by the bloom of their header and, where the two differ, by the receipts. See docs/ENDPOINTS.md.',
  },
  proofSamplePercent: {
    env: 'WEFT_PROOF_SAMPLE_PERCENT',
    type: 'integer',
    min: 0,
    max: 100,
    unit: '%',
    fallback: 5,
    roles: ROLES,
    doc: 'Of blocks with logs that fit the bloom, how many are compared with all their receipts: at 100 no endpoint can keep back one log of several, at the cost of all receipts of each such block.',
  },
  sourceRpcUrl: {
    env: 'WEFT_SOURCE_RPC_URL',
    type: 'rpc',
    roles: onSource,
    doc: `JSON-RPC endpoint of the source chain, or several. ${RPC_FORM}`,
  },
  sourceChainId: {
    env: 'WEFT_SOURCE_CHAIN_ID',
    type: 'integer',
    min: 1,
    max: 2 ** 53 - 1,
    fromMarket: { otherwise: '' },
    roles: onSource,
    doc: "Chain id of the source chain; a different one in the market's contract stops the role.",
  },
} as const satisfies Record<string, SettingRow>
