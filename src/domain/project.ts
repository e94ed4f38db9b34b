import { machineOf } from './machine.ts'

/**
 * The life of one project within one epoch, over all roles: the snapshotter takes it to `submitted`, the sequencer to `pending`,
 * the validators to `finalized` or `disputed`. A role that does not see a step skips it where the table allows.
 */
export type ProjectState = 'released' | 'computed' | 'submitted' | 'batched' | 'pending' | 'finalized' | 'disputed' | 'omitted' | 'missed'

const machine = machineOf<ProjectState>('project', {
  // The sequencer learns of a project by its first submission, never by its computation.
  released: ['computed', 'submitted', 'missed'],
  computed: ['submitted', 'missed'],
  submitted: ['batched', 'omitted', 'missed'],
  batched: ['pending', 'missed'],
  pending: ['finalized', 'disputed', 'missed'],
  // Another batch may take the place of the refuted one, as often as the contract gives rounds, and may have nothing to say of the project. Or the
  // contract reaches its majority after a divergent one was announced.
  disputed: ['batched', 'finalized', 'omitted', 'missed'],
  finalized: [],
  omitted: [],
  missed: [],
})

/** Why a project of an epoch ended as it did (G9). */
export const PROJECT_REASONS = {
  majority_attested: { state: 'finalized', help: 'A majority of validators attested the batch.' },
  no_votes: { state: 'omitted', help: 'No valid submission was left when the window closed.' },
  below_min_votes: { state: 'omitted', help: 'The winning CID has fewer votes than the market asks for.' },
  below_min_share: {
    state: 'omitted',
    help: 'Fewer of the slots that voted in the epoch voted for the winning CID than the market asks for.',
  },
  unavailable: { state: 'omitted', help: 'Nobody served the bytes of the winning CID in time, and the market asks that they can be had.' },
  preload_failed: { state: 'missed', help: 'A preload that the compute needs failed.' },
  compute_failed: { state: 'missed', help: 'The compute module failed.' },
  compute_timed_out: { state: 'missed', help: 'The compute was not done in the time that it may take.' },
  compute_out_of_memory: { state: 'missed', help: 'The compute took more memory than it may, or ended its thread.' },
  compute_asked_too_much: { state: 'missed', help: 'The compute asked the source chain, or history, more often than it may.' },
  snapshot_too_large: { state: 'missed', help: 'The snapshot has more bytes than it may.' },
  nothing_happened: {
    state: 'missed',
    help: 'The compute, in bulk mode, has no snapshot of this data source in this epoch: there was nothing to tell.',
  },
  plan_changed: { state: 'missed', help: 'The epoch was begun with other computes than those that this process has.' },
  source_moved: {
    state: 'missed',
    help: 'A reorganisation of the source chain removed blocks that were read, after data of other projects of the epoch were kept, or again and again: what is signed for an epoch is of one fork.',
  },
  base_missing: { state: 'missed', help: 'A base snapshot that the aggregate needs is missing.' },
  history_missing: {
    state: 'missed',
    help: 'An earlier epoch that the aggregate needs was undecided or could not be had until the window closed, and this node had no snapshot of its own.',
  },
  upload_failed: { state: 'missed', help: 'The snapshot could not be stored, so nobody could have fetched it.' },
  hand_over_failed: { state: 'missed', help: 'The collector did not take the submission before the window closed.' },
  signed_before: {
    state: 'missed',
    help: 'This machine has signed another CID for these slots, from another data directory or a newer copy of this one: two different answers are never given.',
  },
  window_closed: { state: 'missed', help: 'The submission window closed first.' },
  submission_rejected: { state: 'missed', help: 'The sequencer rejected the submission; its receipt says why.' },
  not_submitted: { state: 'missed', help: 'The market expects this project and nobody submitted it.' },
  batch_not_anchored: { state: 'missed', help: 'The batch that holds the project did not get on chain; the epoch says why.' },
  attestations_missing: { state: 'missed', help: 'The attestation window passed without a majority.' },
  not_corrected: {
    state: 'missed',
    help: 'A majority of the validators stood behind another result, and no corrected batch became final within the rounds that the contract gives.',
  },
  release_undone: { state: 'missed', help: 'A reorganisation of the anchor chain removed the release.' },
} as const satisfies Record<string, { readonly state: 'finalized' | 'omitted' | 'missed'; readonly help: string }>
export type ProjectReason = keyof typeof PROJECT_REASONS

export const advanceProject = machine.advance
export const isProjectOver = machine.isTerminal

/** The terminal step that `reason` stands for. Throws `STATE_TRANSITION` when `from` cannot end that way. */
export function endProject(from: ProjectState, reason: ProjectReason): { readonly state: ProjectState; readonly reason: ProjectReason } {
  return { state: machine.advance(from, PROJECT_REASONS[reason].state), reason }
}

/** Projects of one epoch that share why they ended, and what is known beside it, in one: most have the same endpoint to thank for it. */
export function byReason<Project extends { readonly reason?: string | undefined; readonly detail?: string | undefined }>(
  projects: readonly Project[],
): readonly (readonly [why: { readonly reason: string; readonly detail: string }, projects: readonly Project[]])[] {
  const groups = Map.groupBy(projects, ({ reason, detail }) => JSON.stringify([reason ?? '', detail ?? '']))
  return [...groups.values()].map((alike) => {
    const { reason = '', detail = '' } = alike[0] as Project
    return [{ reason, detail }, alike]
  })
}
