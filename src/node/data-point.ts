import { WeftError } from '#domain/errors.ts'
import { type EpochId, isProjectId, parseProjectId, type ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { batchesUpTo, type DataPoint, isOnChain, type ReadFile } from '#roles/consumer/find-batch.ts'
import { reportedOf } from '#roles/consumer/reported.ts'

/** Epochs looked back through for one that has what is asked for. */
const EPOCHS_MAX = 50
/** Of those whose batch files are read, where the chain has no more than their roots. */
const EPOCHS_READ_MAX = 10
/** Projects that an ambiguous part names. */
const NAMED_MAX = 10

/** A project as a person types it, part of its id at least, and an epoch. */
export interface AskedPoint {
  readonly project: string
  readonly epoch: EpochId | 'latest'
}

/**
 * The data point that is meant. A part of an id is looked for in the epoch's batches; `latest` is the newest epoch in which the project is
 * final, or where none is, the newest that has it. Throws `PROJECT_AMBIGUOUS`, `ID_MALFORMED` for a part that no project has, and as the chain does.
 */
export async function meantPoint({ project, epoch }: AskedPoint, chain: AnchorChain, readFile: ReadFile): Promise<DataPoint> {
  const { epochId: newest } = await chain.currentEpoch()
  const projectId = await meantProject(project, epoch === 'latest' ? epochsBefore(newest) : [epoch], chain, readFile)
  return { projectId, epochId: epoch === 'latest' ? await latestOf(projectId, newest, chain, readFile) : epoch }
}

/** The newest, newest first, as far as anybody looks back. */
export const epochsBefore = (newest: EpochId): EpochId[] =>
  Array.from({ length: Math.min(EPOCHS_MAX, newest) }, (_, index) => (newest - index) as EpochId)

async function meantProject(text: string, epochIds: readonly EpochId[], chain: AnchorChain, readFile: ReadFile): Promise<ProjectId> {
  if (isProjectId(text) && (await chain.projectFirstEpochId(text)) > 0) return text
  for (const epochId of epochIds) {
    const projects = await projectsOf(epochId, chain, readFile)
    if (projects.length === 0) continue
    const matches = matching(text, projects)
    if (matches.length > 1) {
      const more = matches.length > NAMED_MAX ? [`and ${matches.length - NAMED_MAX} more`] : []
      throw new WeftError('PROJECT_AMBIGUOUS', { text, projects: [...matches.slice(0, NAMED_MAX), ...more].join(', ') })
    }
    if (matches[0] !== undefined) return matches[0]
  }
  // A whole id that nobody has: why there is no snapshot is for the proof to say.
  return parseProjectId(text)
}

/** Those that begin with the text, or else those that hold it, in any case. */
export function matching(text: string, projects: readonly ProjectId[]): ProjectId[] {
  const wanted = text.toLowerCase()
  const beginning = projects.filter((projectId) => projectId.toLowerCase().startsWith(wanted))
  return beginning.length > 0 ? beginning : projects.filter((projectId) => projectId.toLowerCase().includes(wanted))
}

/** Of ids on chain those that are project ids: any text may be there. */
export async function projectsOf(epochId: EpochId, chain: AnchorChain, readFile: ReadFile): Promise<ProjectId[]> {
  const listed = await batchesUpTo({ projectId: '' as ProjectId, epochId }, chain, readFile)
  if (typeof listed === 'string') return []
  return [...new Set(listed.filter(isOnChain).flatMap(({ projectIds }) => projectIds))].filter(isProjectId)
}

async function latestOf(projectId: ProjectId, newest: EpochId, chain: AnchorChain, readFile: ReadFile): Promise<EpochId> {
  const epochIds = epochsBefore(newest)
  const statuses = await Promise.all(epochIds.map((epochId) => chain.snapshotStatus(projectId, epochId)))
  if (statuses.every(({ status }) => status === 'absent')) return latestByRoots(projectId, epochIds, chain, readFile)
  const index = [statuses.findIndex(({ status }) => status === 'finalized'), statuses.findIndex(({ status }) => status !== 'absent')]
  return epochIds[index.find((each) => each >= 0) ?? 0] ?? newest
}

/** The same where no batch names the project on chain, one epoch after the other: each costs its batch files. */
async function latestByRoots(projectId: ProjectId, epochIds: readonly EpochId[], chain: AnchorChain, readFile: ReadFile): Promise<EpochId> {
  let newest: EpochId | undefined
  for (const epochId of epochIds.slice(0, EPOCHS_READ_MAX)) {
    const { status } = await reportedOf({ projectId, epochId }, chain, readFile)
    if (status === 'finalized') return epochId
    if (status !== undefined && status !== 'absent') newest ??= epochId
  }
  return newest ?? epochIds[0] ?? (0 as EpochId)
}
