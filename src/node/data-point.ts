import { WeftError } from '#domain/errors.ts'
import { type EpochId, isProjectId, type ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { batchesUpTo, type DataPoint, isOnChain, type ReadFile } from '#roles/consumer/find-batch.ts'
import { openToBatches, reportedOf } from '#roles/consumer/reported.ts'

/** Epochs looked back through for one that has what is asked for. */
const EPOCHS_MAX = 50
/** Epochs looked through for the newest that has a project, of which the contract knows that there is one: an hour and a half of an epoch a second, a hundred rounds of calls. */
const LOOK_BACK_MAX = 5_000
/** Of those whose batch files are read, where the chain has no more than their roots: each costs all of them. */
const EPOCHS_READ_MAX = 10
/** Projects that an ambiguous part names. */
const NAMED_MAX = 10

/** A project as a person types it, part of its id at least, and an epoch. */
export interface AskedPoint {
  readonly project: string
  readonly epoch: EpochId | 'latest'
}

/**
 * The data point that is meant. A part of an id is looked for in the epoch's batches and in those of epochs before it, for it may have missed the epoch, or the epoch be still to come; `latest` is the newest epoch in which the project is
 * final, or where none is, the newest that has it; `onLookBack` hears from where on it goes on looking. Throws `PROJECT_AMBIGUOUS`, `PROJECT_UNKNOWN` for a
 * part that no project has, `SETTINGS_INVALID` for a project whose last epoch is too long ago, and as the chain does.
 */
export async function meantPoint(
  { project, epoch }: AskedPoint,
  chain: AnchorChain,
  readFile: ReadFile,
  onLookBack: (from: EpochId) => void = () => undefined,
): Promise<DataPoint> {
  const { epochId: newest } = await chain.currentEpoch()
  const isReleased = epoch !== 'latest' && epoch > 0 && epoch <= newest
  const projectId = await meantProject(project, epochsBefore(isReleased ? epoch : newest), chain, readFile)
  return { projectId, epochId: epoch === 'latest' ? await latestOf({ projectId, newest, onLookBack }, chain, readFile) : epoch }
}

/** The newest, newest first, as far as anybody looks back. */
export const epochsBefore = (newest: EpochId): EpochId[] =>
  Array.from({ length: Math.min(EPOCHS_MAX, newest) }, (_, index) => (newest - index) as EpochId)

async function meantProject(text: string, epochIds: readonly EpochId[], chain: AnchorChain, readFile: ReadFile): Promise<ProjectId> {
  if (isProjectId(text) && (await chain.projectFirstEpochId(text)) > 0) return text
  for await (const projects of projectsOfEach(epochIds, chain, readFile)) {
    const matches = matching(text, projects)
    if (matches.length > 1) {
      const more = matches.length > NAMED_MAX ? [`and ${matches.length - NAMED_MAX} more`] : []
      throw new WeftError('PROJECT_AMBIGUOUS', { text, projects: [...matches.slice(0, NAMED_MAX), ...more].join(', ') })
    }
    if (matches[0] !== undefined) return matches[0]
  }
  return unknownProject(text)
}

/** A whole id means itself, though nobody has it: why it has no snapshot is for who asked to say. Throws `PROJECT_UNKNOWN` for a part. */
export function unknownProject(text: string): ProjectId {
  if (isProjectId(text)) return text
  throw new WeftError('PROJECT_UNKNOWN', { projectId: text.slice(0, 80) })
}

/**
 * The one that is the text, or else those that begin with it, or else those that hold it, in any case. What has the form of an id and ends in the whole namespace
 * of one of them is whole: it means itself and no other.
 */
export function matching(text: string, projects: readonly ProjectId[]): readonly ProjectId[] {
  const wanted = text.toLowerCase()
  const lowered = projects.map((projectId) => ({ projectId, id: projectId.toLowerCase() }))
  const isWhole = isProjectId(text) && lowered.some(({ id }) => namespaceOf(id) === namespaceOf(wanted))
  const found = [
    lowered.filter(({ id }) => id === wanted),
    lowered.filter(({ id }) => !isWhole && id.startsWith(wanted)),
    lowered.filter(({ id }) => !isWhole && id.includes(wanted)),
  ].find((some) => some.length > 0)
  return found?.map(({ projectId }) => projectId) ?? []
}

const namespaceOf = (id: string): string => id.slice(id.lastIndexOf(':') + 1)

/**
 * The projects of epochs that have any, one epoch after the other; those that batches may still come of are last. Where files must be read for it,
 * only those of a few epochs are.
 */
export async function* projectsOfEach(
  epochIds: readonly EpochId[],
  chain: AnchorChain,
  readFile: ReadFile,
): AsyncGenerator<readonly ProjectId[], void> {
  const open = await openToBatches(epochIds, chain)
  const read = new Set<EpochId>()
  for (const epochId of [...epochIds.filter((each) => !open.includes(each)), ...open]) {
    const projects = await projectsOf(epochId, chain, (anchored) => {
      read.add(epochId)
      return readFile(anchored)
    })
    if (projects.length > 0) yield projects
    if (read.size >= EPOCHS_READ_MAX) return
  }
}

/** Of ids on chain those that are project ids: any text may be there. */
async function projectsOf(epochId: EpochId, chain: AnchorChain, readFile: ReadFile): Promise<ProjectId[]> {
  const listed = await batchesUpTo({ projectId: '' as ProjectId, epochId }, chain, readFile)
  if (typeof listed === 'string') return []
  return [...new Set(listed.filter(isOnChain).flatMap(({ projectIds }) => projectIds))].filter(isProjectId)
}

interface Latest {
  readonly projectId: ProjectId
  readonly newest: EpochId
  onLookBack(from: EpochId): void
}

async function latestOf({ projectId, newest, onLookBack }: Latest, chain: AnchorChain, readFile: ReadFile): Promise<EpochId> {
  const first = await chain.projectFirstEpochId(projectId)
  if (first === 0) return latestByRoots(projectId, epochsBefore(newest), chain, readFile)
  const oldest = Math.max(first, newest - LOOK_BACK_MAX + 1)
  for (let from = newest; from >= oldest; from = (from - EPOCHS_MAX) as EpochId) {
    if (from < newest) onLookBack(from)
    const epochIds = epochsBefore(from).filter((epochId) => epochId >= oldest)
    const statuses = await Promise.all(epochIds.map((epochId) => chain.snapshotStatus(projectId, epochId)))
    const final = statuses.findIndex(({ status }) => status === 'finalized')
    const found = epochIds[final >= 0 ? final : statuses.findIndex(({ status }) => status !== 'absent')]
    if (found !== undefined) return found
  }
  throw new WeftError('SETTINGS_INVALID', {
    problems: [`latest: ${projectId} is in none of the epochs ${oldest} to ${newest}. Its first is ${first}: name an epoch`],
  })
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
