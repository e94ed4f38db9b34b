import { z } from 'zod'
import { type EpochId, isSubmissionId, type SlotId, type SubmissionId } from '#domain/ids.ts'
import { cursor, epochId, get, integer, page, post, projectId, type RouteForm, slotId } from './routes.ts'

/**
 * What a sequencer answers over HTTP: the POST routes of deployed ones (spec/06 §10), and GET routes below `/v1` with the same and more. Each
 * stands here once, with what it takes: requests are checked and the document is written from the same lines.
 */

/** Entries of a page, unless `limit` asks for fewer or more. */
export const PAGE_LENGTH = 100
/** At most: a submission takes some 700 bytes. */
export const PAGE_LENGTH_MAX = 500
/** Days looked back at once: a year and a day. */
const PAST_DAYS_MAX = 366
// --- of a JSON body, where integers are numbers, as deployed servers take them ---------------------------------------

const count = z.int().min(1)
const dataMarketAddress = z.string().max(64)
const ofSlot = { slotID: count.transform((id) => id as SlotId), dataMarketAddress }
const ofEpoch = { epochID: count.transform((id) => id as EpochId), dataMarketAddress }
const includeSlotDetails = z.string().max(5).optional()

// --- of a path or a query, where everything is text ------------------------------------------------------------------

const day = integer(1)
const submissionId = z
  .string()
  .refine(isSubmissionId, 'is no UUID of version 4')
  .transform((id) => id.toLowerCase() as SubmissionId)
const paged = page(PAGE_LENGTH_MAX)
/** Others may use the id of a vote as well; slot and project say which is meant. */
const submission = { submissionId, epoch: epochId.optional(), slot: slotId.optional(), project: projectId.optional() }

export const SEQUENCER_API = {
  totalSubmissions: post(
    '/totalSubmissions',
    { ...ofSlot, pastDays: count.max(PAST_DAYS_MAX) },
    'Per day, newest first: what a slot submitted, and what of it counts.',
  ),
  eligibleNodesCountPastDays: post(
    '/eligibleNodesCountPastDays',
    { pastDays: count.max(PAST_DAYS_MAX), dataMarketAddress, includeSlotDetails },
    'Per day, newest first: how many slots reached the quota. `?includeSlotDetails=true` names them.',
  ),
  eligibleNodesCount: post(
    '/eligibleNodesCount',
    { day: count, dataMarketAddress, includeSlotDetails },
    'How many slots reached the quota of a day. `?includeSlotDetails=true` names them.',
  ),
  batchCount: post('/batchCount', ofEpoch, 'How many batches an epoch has.'),
  epochSubmissionDetails: post(
    '/epochSubmissionDetails',
    { ...ofEpoch, limit: count.max(PAGE_LENGTH_MAX).optional(), cursor: cursor.optional() },
    'Submissions of an epoch. Deployed servers send all at once; here `nextCursor` says that there are more, and `cursor` asks for them.',
  ),
  eligibleSlotSubmissionCount: post(
    '/eligibleSlotSubmissionCount',
    { ...ofEpoch, day: count.optional() },
    'Per slot: how many of its votes of an epoch won.',
  ),
  discardedSubmissionsByEpoch: post(
    '/discardedSubmissionsByEpoch',
    { ...ofEpoch, day: count.optional() },
    'Votes of an epoch that lost, of its first 50 projects with any.',
  ),
  discardedSubmissionsByDay: post(
    '/discardedSubmissionsByDay',
    { ...ofSlot, day: count, page: z.int().min(0).optional() },
    'Votes of a slot that lost on a day, 50 projects a page.',
  ),
  lastSimulatedSubmission: post('/lastSimulatedSubmission', ofSlot, 'When a slot last submitted for epoch 0, and its version.'),
  lastSnapshotSubmission: post('/lastSnapshotSubmission', ofSlot, 'When a slot last submitted for an epoch, and its version.'),
  activeNodesCountByEpoch: post('/activeNodesCountByEpoch', ofEpoch, 'How many slots voted in an epoch.'),
  snapshotterNodeVersion: post('/snapshotterNodeVersion', ofSlot, 'Which version a slot last said it runs.'),

  newest: get('/v1/epochs', {}, 'The newest epoch seen released.'),
  epoch: get('/v1/epochs/{epochId}', { epochId }, 'An epoch: state, reason, batches, counts.'),
  submissions: get('/v1/epochs/{epochId}/submissions', { epochId, ...paged }, 'Its recorded votes, by project, then slot.'),
  projects: get(
    '/v1/epochs/{epochId}/projects',
    { epochId, state: z.string().max(20).optional(), ...paged },
    'What became of each project, and why. `state=omitted`: of those only.',
  ),
  projectProof: get(
    '/v1/epochs/{epochId}/projects/{projectId}/proof',
    { epochId, projectId },
    'Shows the CID of a project under the root that is on chain.',
  ),
  discarded: get('/v1/epochs/{epochId}/discarded', { epochId, ...paged }, 'Votes that lost, by project, then slot.'),
  evidence: get(
    '/v1/epochs/{epochId}/evidence',
    { epochId, ...paged },
    'Second, different votes of a slot, with their signatures, by slot.',
  ),
  activeSlots: get('/v1/epochs/{epochId}/active-slots', { epochId }, 'How many slots voted in it.'),
  eligible: get('/v1/epochs/{epochId}/eligible-submissions', { epochId }, 'Per slot: how many of its votes won.'),
  submission: get(
    '/v1/submissions/{submissionId}',
    submission,
    'A recorded vote and its epoch. Without `epoch` the newest are looked through. Of an id that several votes bear, `slot` and `project` say which.',
  ),
  proof: get(
    '/v1/submissions/{submissionId}/proof',
    submission,
    'Shows the id in the tree of its batch, and the CID of its project under the root that is on chain. `isRenamed`: several votes bear the id, and in the batch each has another.',
  ),
  proofShort: get('/submissions/{submissionId}/proof', submission, 'The same.'),
  slot: get('/v1/slots/{slotId}', { slotId }, 'When a slot last submitted, and its version.'),
  slotDays: get(
    '/v1/slots/{slotId}/days',
    { slotId, pastDays: integer(1, PAST_DAYS_MAX) },
    'Per day, newest first: what a slot submitted, and what of it counts.',
  ),
  slotDiscarded: get(
    '/v1/slots/{slotId}/days/{day}/discarded',
    { slotId, day, ...paged },
    'Votes of a slot that lost on a day, by project.',
  ),
  days: get('/v1/days', { pastDays: integer(1, PAST_DAYS_MAX) }, 'Per day, newest first: how many slots reached the quota.'),
  eligibleSlots: get('/v1/days/{day}/eligible-slots', { day, ...paged }, 'The slots that reached the quota of a day.'),
} as const satisfies Record<string, RouteForm<unknown>>

export type SequencerRoute = keyof typeof SEQUENCER_API
export type RouteInput<Name extends SequencerRoute> = z.output<(typeof SEQUENCER_API)[Name]['input']>
