import { machineOf } from './machine.ts'

/**
 * The life of one epoch as the sequencer drives it and everybody else observes it:
 * `released` (window open) → `closed` (votes fixed) → `planned` (batches written down) → `anchored` (all of them on chain) → `ended`.
 * `missed` and `void` are the other ends. Persisted by name: renaming a state needs a migration.
 */
export type EpochState = 'released' | 'closed' | 'planned' | 'anchored' | 'ended' | 'missed' | 'void'

const machine = machineOf<EpochState>('epoch', {
  released: ['closed', 'void'],
  // Without a single finalized project there is nothing to plan; the epoch is ended at once, with its reason. `released` again, while nothing
  // is planned, when a reorganisation took the block that showed the window to be over.
  closed: ['planned', 'ended', 'missed', 'void', 'released'],
  planned: ['anchored', 'missed', 'void'],
  anchored: ['ended', 'missed', 'void'],
  ended: ['void'],
  missed: ['void'],
  // The release itself was undone by a reorganisation, however far the epoch had come; the same id may be released again.
  void: ['released'],
})

/** Epochs that a snapshotter works on at once; with windows of 30 s and an epoch a second that is all of them. Others wait, and are never dropped. */
export const EPOCHS_AT_ONCE_MAX = 32
/** So many epochs that are due are a backlog, of which the newest alone may be released (`--catch-up skip`). Of fewer each is: aggregates miss what is left out. */
export const SKIP_FROM = 4

/** Why an epoch is over (G9). */
export const EPOCH_REASONS = {
  all_batches_anchored: 'Every batch is on chain and the epoch was ended.',
  no_submissions: 'Nobody submitted anything valid within the window.',
  votes_undone: 'There were votes, but a reorganisation removed the blocks that they name, and nobody voted again within the window.',
  nothing_finalized: 'There were submissions, but every project fell below what the market asks for.',
  batch_window_over: 'The batch window of the contract passed before all batches were mined.',
  ended_elsewhere: 'Another sequencer ended the epoch first.',
  pair_taken: 'Another batch already holds one of the projects for this epoch.',
  root_only_not_allowed:
    "The market's manifest asks for batches by their roots alone, and its contract does not allow them: its owner has to say both.",
  call_refused: 'The contract refused the call for a reason that trying again does not change.',
  rules_unknown:
    'The market has other rules for this epoch, and its manifest was not to be had, or not to be followed, before the batch window was over: nobody is judged by old rules.',
  restored:
    'The sequencer was restored from a backup while the epoch was under way: votes may be missing in it, and what was sent is not known.',
  release_undone: 'A reorganisation of the anchor chain removed the release.',
} as const
export type EpochReason = keyof typeof EPOCH_REASONS

export const advanceEpoch = machine.advance
/** Whether the role has nothing left to do for the epoch: only the chain can bring it back. */
export const isEpochOver = (state: EpochState): boolean => state === 'ended' || state === 'missed' || state === 'void'
