import { forClaims } from './account.ts'
import type { SettingRow } from './row.ts'

/** What is computed, for which slots, and to whom it is given. */
export const SNAPSHOTTER_SETTINGS = {
  slots: {
    env: 'WEFT_SLOTS',
    type: 'slots',
    roles: ['snapshotter', 'collector'],
    optional: forClaims,
    doc: 'Ids of the slots to sign for, or ranges of them (1-100), separated by commas; of a collector, the first of them vouches for it.',
  },
  signedDir: {
    env: 'WEFT_SIGNED_DIR',
    type: 'text',
    fallback: 'auto',
    roles: ['snapshotter'],
    doc: 'Folder with what was signed on this machine, small, and the same for all data directories: no slot signs two answers to one question, whichever process comes next. `auto` is `.local/state/weft/signed` in the home of the user.',
  },
  collector: {
    env: 'WEFT_COLLECTOR',
    type: 'host:port',
    fallback: '127.0.0.1:50051',
    roles: ['snapshotter'],
    doc: 'host:port of the local collector.',
  },
  computes: {
    env: 'WEFT_COMPUTES',
    type: 'computes',
    fallback: [],
    roles: ['snapshotter', 'validator', 'api'],
    doc: 'Folders of compute sets beside those that are shipped, separated by commas. The market says which sets it asks for, and in which version.',
  },
  market: {
    env: 'WEFT_MARKET',
    type: 'market',
    fromMarket: { otherwise: 'needed' },
    roles: ['snapshotter', 'validator', 'api'],
    doc: 'JSON file that names the compute sets of the market, each with its version and configuration, or the projects.json of a deployed node, beside which its aggregator.json and preloader.json lie; a validator needs it at level recompute only, an api to describe what it serves.',
  },
} as const satisfies Record<string, SettingRow>
