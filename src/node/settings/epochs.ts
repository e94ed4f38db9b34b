import type { SettingRow } from './row.ts'

/** When epochs are released. */
export const EPOCHS_SETTINGS = {
  headOffset: {
    env: 'WEFT_HEAD_OFFSET',
    type: 'integer',
    // Of its newest block a node may answer with the state of the one that it is making.
    min: 1,
    max: 10_000,
    unit: 'blocks',
    fallback: 2,
    roles: ['epochs'],
    doc: 'How far behind the source head an epoch must end, against reorganisations.',
  },
  headTag: {
    env: 'WEFT_HEAD_TAG',
    type: 'choice',
    choices: ['latest', 'safe', 'finalized'],
    fallback: 'latest',
    roles: ['epochs'],
    doc: 'What the source chain itself must call a block before an epoch may end with it; the head offset holds beside that, and whichever is later counts.',
  },
  catchUp: {
    env: 'WEFT_CATCH_UP',
    type: 'choice',
    choices: ['release', 'skip'],
    fallback: 'release',
    roles: ['epochs'],
    doc: 'What becomes of epochs that could not be released in their time: release gives the market one after the other, each when the one before is decided; skip leaves out all but the newest, for which the account must own the market.',
  },
  firstBlock: {
    env: 'WEFT_FIRST_BLOCK',
    type: 'integer',
    min: 0,
    max: 2 ** 53 - 1,
    fallback: 0,
    roles: ['epochs'],
    doc: 'First source block of the first epoch; 0 begins at the head.',
  },
} as const satisfies Record<string, SettingRow>
