import { WeftError } from '#domain/errors.ts'
import type { Cid, ProjectId, SlotId } from '#domain/ids.ts'
import type { Seen } from '#roles/sequencer/counters.ts'
import type { Ballot } from '#roles/sequencer/intake/ballot.ts'
import { encodeCursor } from '#wire/cursor.ts'
import { PAGE_LENGTH_MAX } from '#wire/sequencer-api.ts'
import { type AnswerDeps, type Answers, dayOf, daysBack, eligibleByDay, seenOf, timestampOf } from './answers.ts'
import { closedIn, discardedOf, discardedOnDay, epochIn, slotsOf, votesOf } from './archive.ts'

/** The answers to what deployed clients POST, in the words and forms of deployed servers (spec/06 §10). */

/** Projects of an answer about votes that lost. */
const PROJECTS_MAX = 50
/** Votes that the answer for an epoch is made of. */
const DISCARDED_MAX = 5_000

/** Days whose slots are named in one answer: of a market with ten thousand slots they take three megabytes. */
const DETAILED_DAYS_MAX = 31

export function deployedAnswers(deps: AnswerDeps) {
  const { sequencer } = deps
  return {
    totalSubmissions: ({ slotID, pastDays }) =>
      daysBack(pastDays, deps).map((day) => {
        const { eligible, total } = sequencer.tallies().ofSlot(slotID, day)
        return { day, eligibleSubmissions: eligible, totalSubmissions: total }
      }),
    async eligibleNodesCountPastDays({ pastDays, includeSlotDetails }, asking) {
      const isDetailed = includeSlotDetails === 'true'
      if (isDetailed && pastDays > DETAILED_DAYS_MAX)
        throw new WeftError('REQUEST_INVALID', { problems: [`pastDays: at most ${DETAILED_DAYS_MAX} with includeSlotDetails`] })
      const days = await eligibleByDay(daysBack(pastDays, deps), deps, asking)
      return days.map(({ day, slotIds }) => eligibleNodes(day, slotIds, isDetailed))
    },
    async eligibleNodesCount({ day, includeSlotDetails }) {
      dayOf(day, deps)
      return eligibleNodes(day, await sequencer.tallies().eligible(day), includeSlotDetails === 'true')
    },
    batchCount: ({ epochID }) => ({ totalBatches: epochIn(epochID, deps).batches.length }),
    async epochSubmissionDetails({ epochID, cursor, limit = PAGE_LENGTH_MAX }, asking) {
      const { items, next } = await votesOf(closedIn(epochID, deps).epochId, { cursor, limit }, deps, asking)
      return { submissions: items.map(submissionDetails), nextCursor: next && encodeCursor(next) }
    },
    async eligibleSlotSubmissionCount({ epochID }, asking) {
      const slots = await slotsOf(epochIn(epochID, deps), deps, asking)
      return { eligibleSubmissionCounts: slots.filter(({ won }) => won > 0).map(({ slotId, won }) => ({ slotID: slotId, count: won })) }
    },
    async discardedSubmissionsByEpoch({ epochID }, asking) {
      const epoch = epochIn(epochID, deps)
      const { items, next } = await discardedOf(epoch, { limit: DISCARDED_MAX }, deps, asking)
      const winners = new Map(epoch.projects.map(({ projectId, snapshotCid }) => [projectId, snapshotCid]))
      const projects = [...Map.groupBy(items, ({ submission }) => submission.request.projectId)]
      // Of the last there may be more than was read.
      const whole = next === undefined ? projects : projects.slice(0, Math.max(1, projects.length - 1))
      const shown = whole.slice(0, PROJECTS_MAX)
      return {
        projects: shown.map(([projectId, ballots]) => discarded(projectId, winners.get(projectId), ballots)),
        // Of a single project with more the count is of what was read.
        isCut: next !== undefined || shown.length < projects.length ? true : undefined,
      }
    },
    async discardedSubmissionsByDay({ slotID, day, page = 1 }, asking) {
      const all = await discardedOnDay(slotID, dayOf(day, deps), deps, asking)
      const currentPage = Math.max(1, page)
      return {
        slotID,
        discardedSubmissions: all.slice((currentPage - 1) * PROJECTS_MAX, currentPage * PROJECTS_MAX).map((each) => ({
          projectID: each.projectId,
          details: {
            finalizedCID: each.finalizedCid,
            discardedSubmissionCount: each.snapshotCids.length,
            discardedSubmissions: each.snapshotCids,
          },
        })),
        totalPages: Math.ceil(all.length / PROJECTS_MAX),
        currentPage,
      }
    },
    lastSimulatedSubmission: ({ slotID }) => submissionInfo(seenOf(slotID, 'simulated', deps)),
    lastSnapshotSubmission: ({ slotID }) => submissionInfo(seenOf(slotID, 'snapshot', deps)),
    activeNodesCountByEpoch: async ({ epochID }, asking) => (await slotsOf(epochIn(epochID, deps), deps, asking)).length,
    snapshotterNodeVersion: ({ slotID }) => seenOf(slotID, 'any', deps).nodeVersion,
  } satisfies Partial<Answers>
}

const submissionInfo = (seen: Seen) => ({ timestamp: timestampOf(seen), nodeVersion: seen.nodeVersion })

const eligibleNodes = (day: number, slotIds: readonly SlotId[], isDetailed: boolean) => ({
  day,
  eligibleNodesCount: slotIds.length,
  slotIDs: isDetailed ? slotIds.map(String) : [],
})

function submissionDetails({ submissionId, submission }: Ballot) {
  const { slotId, deadlineBlock, snapshotCid, epochId, projectId } = submission.request
  return {
    submissionID: submissionId,
    submissionData: {
      request: { slotID: slotId, deadline: deadlineBlock, snapshotCID: snapshotCid, epochID: epochId, projectID: projectId },
      signature: submission.signature,
      header: submission.header,
    },
  }
}

function discarded(projectID: ProjectId, winner: Cid | undefined, ballots: readonly Ballot[]) {
  const perSlot = ballots.map(({ submission: { request } }) => [request.slotId, [request.snapshotCid]] as const)
  return {
    projectID,
    details: {
      mostFrequentSnapshotCID: winner,
      discardedSubmissionCount: ballots.length,
      discardedSubmissions: Object.fromEntries(perSlot),
    },
  }
}
