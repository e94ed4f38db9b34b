import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { dataSourceOf } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import { jsonDifferences } from '#domain/json-differences.ts'
import { meant, nearest } from '#domain/nearest.ts'
import { type PlannedProject, planProjects } from '#roles/snapshotter/plan.ts'
import { parseCanonicalJson } from '#wire/canonical-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { computeEpoch, type EarlierEpochs } from './compute-epoch.ts'
import type { ComputePlace } from './compute-place.ts'
import { type OpenedComputes, runTwice, type Twice } from './compute-twice.ts'
import { matching } from './data-point.ts'
import { keepFile, openEpochSource, textIn } from './epoch-source.ts'

/** Told of one snapshot. */
const DIFFERENCES_MAX = 20

/** The ids that a person means: those of a project type, of one data source or all, of a compute set, or those that hold the text. Throws `SETTINGS_INVALID`. */
function meantProjects(name: string, plan: readonly PlannedProject[], source?: string): readonly ProjectId[] {
  const isMeant = (projectId: ProjectId): boolean => source === undefined || dataSourceOf(projectId) === source.toLowerCase()
  const ofType = plan
    .filter(({ compute, projectId }) => compute.projectType === name && isMeant(projectId))
    .map(({ projectId }) => projectId)
  const ids =
    ofType.length > 0
      ? ofType
      : matching(
          name,
          plan.map(({ projectId }) => projectId),
        )
  if (ids.length > 0) return ids
  const types = [...new Set(plan.map(({ compute }) => compute.projectType))]
  throw new WeftError('SETTINGS_INVALID', {
    problems: [`no project has '${name.slice(0, 80)}'${meant(nearest(name, types))} There are ${types.join(', ')}`],
  })
}

export interface RunOptions {
  readonly only?: readonly ProjectId[] | undefined
  /** Keeps what is read of the source, by block hash; without it nothing is kept. */
  readonly folder: string | undefined
  readonly isTwice: boolean
  readonly history: EarlierEpochs
  readonly signal: AbortSignal
}

/** Computes one epoch as a snapshotter does, once or twice. Rejects as the source does, and with the signal's reason. */
export async function runEpoch(
  epochId: EpochId,
  place: Pick<ComputePlace, 'named' | 'namespace' | 'epochSeconds' | 'source' | 'rangeOf'>,
  opened: Pick<OpenedComputes, 'computes'>,
  { only, folder, isTwice, history, signal }: RunOptions,
): Promise<ReadonlyMap<ProjectId, Twice>> {
  const { namespace, epochSeconds } = place
  const epoch = await place.rangeOf(epochId)
  const { source, conclude } = await openEpochSource(epoch, { place: place.source, folder, signal })
  const asked = { namespace, epoch, source, history, epochSeconds, only }
  const computed = isTwice ? await runTwice(place.named, opened, asked, signal) : await computeEpoch(opened.computes, { ...asked, signal })
  await conclude()
  return computed
}

/** What a project has in an epoch, as it is printed. */
export interface RunRow {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  readonly snapshotCid?: string
  /** The snapshot. */
  readonly text?: string
  /** Why there is none. */
  readonly reason?: string
  readonly detail?: string
  /** The first byte in which the second run differs. */
  readonly nondeterministic?: string
  /** Where it differs from what was finalized, or from the run before; empty when nowhere. */
  readonly compared?: {
    readonly with: 'finalized' | 'the run before'
    readonly snapshotCid: string
    readonly differences: readonly string[]
  }
}

interface RunAsked {
  readonly name: string
  readonly epochIds: readonly EpochId[]
  /** Where what is read and computed is kept. */
  readonly folder: string
  readonly isCompared: boolean
  readonly signal: AbortSignal
}

/** Runs projects for some epochs, each twice, epoch after epoch: aggregates build on what was finalized before, and else on what was run before. */
export async function* runComputes(place: ComputePlace, opened: OpenedComputes, asked: RunAsked): AsyncGenerator<RunRow> {
  const { folder, epochIds, signal } = asked
  const only = meantProjects(asked.name, planProjects(opened.computes, place.namespace), place.named.added?.source)
  const runs = join(folder, 'runs', createHash('sha256').update(place.source.name).digest('hex').slice(0, 16))
  const fileOf = (projectId: string, epochId: number): string => join(runs, String(epochId), `${encodeURIComponent(projectId)}.json`)
  const first = epochIds[0] ?? 0
  const ofThisRun = (projectId: string, epochId: number) => (epochId >= first ? textIn(fileOf(projectId, epochId)) : undefined)
  const history: EarlierEpochs = {
    firstEpochId: async (projectId) => (await place.firstEpochId(projectId as ProjectId)) ?? first,
    async snapshot(projectId, epochId) {
      const text = (await place.finalized(projectId as ProjectId, epochId as EpochId))?.text ?? ofThisRun(projectId, epochId)
      return text === undefined ? undefined : parseCanonicalJson(new TextEncoder().encode(text))
    },
  }
  for (const epochId of epochIds) {
    const computed = await runEpoch(epochId, place, opened, { only, folder, isTwice: true, history, signal })
    for (const [projectId, project] of computed) {
      const before = textIn(fileOf(projectId, epochId))
      if ('json' in project) keepFile(fileOf(projectId, epochId), project.json)
      // What they build on is computed for them alone.
      if (!only.includes(projectId)) continue
      const row = rowOf(projectId, epochId, project)
      yield asked.isCompared ? { ...row, ...(await comparedOf(row, before, place)) } : row
    }
  }
}

function rowOf(projectId: ProjectId, epochId: EpochId, { difference, ...project }: Twice): RunRow {
  const data = 'json' in project ? { snapshotCid: project.cid, text: project.json } : { reason: project.reason, detail: project.detail }
  return { projectId, epochId, ...data, ...(difference !== undefined && { nondeterministic: difference }) }
}

async function comparedOf(
  { projectId, epochId, text }: RunRow,
  before: string | undefined,
  place: ComputePlace,
): Promise<Pick<RunRow, 'compared'>> {
  const final = await place.finalized(projectId, epochId)
  const other = final?.text ?? before
  if (other === undefined || text === undefined) return {}
  const snapshotCid = final?.cid ?? (await snapshotCidOf(new TextEncoder().encode(other)))
  return { compared: { with: final === undefined ? 'the run before' : 'finalized', snapshotCid, differences: differencesOf(text, other) } }
}

/** Field by field, the new one first. */
export function differencesOf(text: string, before: string): readonly string[] {
  const [left, right] = [text, before].map((each) => parseCanonicalJson(new TextEncoder().encode(each))) as [never, never]
  return jsonDifferences(left, right, DIFFERENCES_MAX)
}
