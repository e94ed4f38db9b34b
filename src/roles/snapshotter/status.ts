import type { ProjectId } from '#domain/ids.ts'
import type { HttpRoute } from '#io/http/port.ts'
import type { Store } from '#io/store/port.ts'
import { parseRequest } from '#wire/routes.ts'
import {
  SNAPSHOTTER_API,
  type SnapshotterInput,
  type SnapshotterOutput,
  type SnapshotterRoute,
  type StateUpdate,
} from '#wire/snapshotter-api.ts'
import { type EpochRecord, openRecords, type Outcome, type ProjectRecord, type Records } from './records.ts'

type Answers = { readonly [Name in SnapshotterRoute]: (input: SnapshotterInput<Name>) => SnapshotterOutput<Name> }

/** What the snapshotter answers over HTTP of its own work, from what is on disk. Nothing here writes. */
export function statusRoutes(store: Store): readonly HttpRoute[] {
  const answers = statusAnswers(openRecords(store))
  return (Object.keys(SNAPSHOTTER_API) as SnapshotterRoute[]).map((name) => {
    const form = SNAPSHOTTER_API[name]
    return {
      method: form.method,
      path: form.path,
      answer: (fields) => (answers[name] as (input: unknown) => unknown)(parseRequest(form as Parameters<typeof parseRequest>[0], fields)),
    }
  })
}

/** How all of it fared, for those who are told when something is wrong: as the route has it, and how many projects were missed in a row, to the last. */
export function totalsOf(store: Store): SnapshotterOutput<'snapshotterStatus'> & { readonly consecutiveMissedSubmissions: number } {
  const records = openRecords(store)
  const fared = faredIn(records)
  const lastGood = fared.findLastIndex(({ as }) => as !== 'missed')
  return { ...statusAnswers(records).snapshotterStatus({}), consecutiveMissedSubmissions: fared.length - 1 - lastGood }
}

/** A project in an epoch that is over here, and how it fared. */
interface Fared {
  readonly epoch: EpochRecord
  readonly project: ProjectRecord
  readonly outcome: Outcome | undefined
  readonly as: 'successful' | 'incorrect' | 'missed'
}

/** What is handed over and not decided yet counts as successful, as deployed nodes count it. */
function faredIn(records: Records): readonly Fared[] {
  return records
    .epochs()
    .filter(({ state }) => state === 'done')
    .flatMap((epoch) =>
      records.projects(epoch.epochId).map((project) => {
        const outcome = records.outcome(epoch.epochId, project.projectId)
        const as = project.state !== 'submitted' ? 'missed' : outcome?.verdict === 'other' ? 'incorrect' : 'successful'
        return { epoch, project, outcome, as }
      }),
    )
}

function statusAnswers(records: Records): Answers {
  return {
    snapshotterStatus() {
      const projects = new Map<
        ProjectId,
        { projectId: string; successfulSubmissions: number; incorrectSubmissions: number; missedSubmissions: number }
      >()
      for (const { project, as } of faredIn(records)) {
        const { projectId } = project
        const counts = projects.get(projectId) ?? { projectId, successfulSubmissions: 0, incorrectSubmissions: 0, missedSubmissions: 0 }
        counts[`${as}Submissions`] += 1
        projects.set(projectId, counts)
      }
      const all = [...projects.values()]
      const total = (name: 'successfulSubmissions' | 'incorrectSubmissions' | 'missedSubmissions') =>
        all.reduce((sum, each) => sum + each[name], 0)
      return {
        totalSuccessfulSubmissions: total('successfulSubmissions'),
        totalIncorrectSubmissions: total('incorrectSubmissions'),
        totalMissedSubmissions: total('missedSubmissions'),
        projects: all,
      }
    },
    snapshotterProjectStatus({ projectId, data }) {
      const fared = faredIn(records).filter(({ project }) => project.projectId === projectId)
      return {
        missedSubmissions: fared
          .filter(({ as }) => as === 'missed')
          .map(({ epoch, project, outcome }) => ({
            epochId: epoch.epochId,
            finalizedSnapshotCid: outcome?.finalizedCid ?? '',
            reason: reasonInWords(project),
          })),
        incorrectSubmissions: fared
          .filter(({ as }) => as === 'incorrect')
          .map(({ epoch, project, outcome }) => ({
            epochId: epoch.epochId,
            submittedSnapshotCid: project.snapshotCid ?? '',
            finalizedSnapshotCid: outcome?.finalizedCid ?? '',
            reason: data === 'true' ? (outcome?.differences ?? []).join('; ') : '',
          })),
      }
    },
    epochProcessingStatus({ page, size }) {
      const epochs = records.epochs().reverse()
      const items = epochs.slice((page - 1) * size, page * size).map((epoch) => ({
        epochId: epoch.epochId,
        epochEnd: epoch.end,
        transitionStatus: transitionsOf(epoch, records),
      }))
      return { items, total: epochs.length, page, size, pages: Math.ceil(epochs.length / size) }
    },
  }
}

const reasonInWords = ({ state, reason, detail }: ProjectRecord): string => `${reason ?? state}${detail === '' ? '' : `: ${detail}`}`

const seconds = (ms: number | undefined, or: number): number => (ms === undefined ? or : Math.floor(ms / 1_000))

/**
 * Each step that has been taken, well or not. A step that nothing is on record of is left out: so is each after one that failed. Preloads have no
 * record of their own: that of a type is as old as its first snapshot.
 */
function transitionsOf(epoch: EpochRecord, records: Records) {
  const { timestamp: releasedAt } = epoch.release
  const steps = {
    PRELOAD: {} as Updates,
    SNAPSHOT_BUILD: {} as Updates,
    SNAPSHOT_SUBMIT_COLLECTOR: {} as Updates,
    SNAPSHOT_FINALIZE: {} as Updates,
  }
  for (const project of records.projects(epoch.epochId)) {
    const { projectId, reason, snapshotCid, state } = project
    const [computedAt, endedAt] = [seconds(project.computedMs, releasedAt), seconds(project.endedMs, releasedAt)]
    const failed = { status: 'failed' as const, error: reasonInWords(project), extra: null, timestamp: endedAt }
    const type = projectTypeOf(projectId)
    if (snapshotCid !== undefined) {
      steps.PRELOAD[type] ??= success(computedAt)
      steps.SNAPSHOT_BUILD[projectId] = success(computedAt)
      if (state !== 'computed') steps.SNAPSHOT_SUBMIT_COLLECTOR[projectId] = state === 'submitted' ? success(endedAt) : failed
    } else if (reason === 'preload_failed') steps.PRELOAD[type] = failed
    else if (reason !== undefined) steps.SNAPSHOT_BUILD[projectId] = failed
    const outcome = records.outcome(epoch.epochId, projectId)
    // What a later round may still make final has not failed.
    if (outcome !== undefined && outcome.openUntil === undefined) steps.SNAPSHOT_FINALIZE[projectId] = finalizedAs(outcome)
  }
  return { EPOCH_RELEASED: success(releasedAt), ...steps }
}

/** What stands before the namespace, and the data source where there is one. */
function projectTypeOf(projectId: ProjectId): string {
  const parts = projectId.split(':')
  return parts.slice(0, parts.length > 2 ? -2 : -1).join(':')
}

type Updates = Record<string, StateUpdate>

const success = (timestamp: number, extra: Record<string, string> | null = null): StateUpdate => ({
  status: 'success',
  error: null,
  extra,
  timestamp,
})

function finalizedAs({ verdict, finalizedCid, concludedMs }: Outcome): StateUpdate {
  const timestamp = seconds(concludedMs, 0)
  if (finalizedCid === undefined) return { status: 'failed', error: 'nothing was finalized', extra: null, timestamp }
  const extra = { snapshot_cid: finalizedCid }
  const errors = {
    other: 'another CID than ours was finalized',
    only_finalized: 'finalized without a submission of ours',
    same: undefined,
    none: undefined,
  }
  const error = errors[verdict]
  return error === undefined ? success(timestamp, extra) : { status: 'failed', error, extra, timestamp }
}
