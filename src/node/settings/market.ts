import type { SettingRow } from './row.ts'

/** What is said of the market where the chain does not say it. */
export const MARKET_SETTINGS = {
  manifest: {
    env: 'WEFT_MANIFEST',
    type: 'text',
    fallback: '',
    roles: ['snapshotter', 'sequencer', 'validator', 'api'],
    doc: "File with the market's manifest, as `weft deploy` wrote it, or the draft that it was made from, where it lies neither beside the network file nor with an IPFS peer.",
  },
  namespace: {
    env: 'WEFT_NAMESPACE',
    type: 'namespace',
    fromMarket: { otherwise: 'needed' },
    roles: ['snapshotter', 'sequencer', 'validator', 'api'],
    doc: 'Namespace of the project ids: the part after the last colon.',
  },
  windowUnit: {
    env: 'WEFT_WINDOW_UNIT',
    type: 'choice',
    choices: ['blocks', 'seconds'],
    fromMarket: { otherwise: 'default seconds' },
    roles: ['snapshotter', 'sequencer', 'validator'],
    doc: "Unit in which the market's snapshot window is meant; deployed sequencers count seconds.",
  },
} as const satisfies Record<string, SettingRow>
