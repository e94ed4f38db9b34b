import { basename } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { byCodeUnit, type EpochId, parseProjectId, type ProjectId } from '#domain/ids.ts'
import type { TraceStep } from '#domain/trace.ts'
import type { Store } from '#io/store/port.ts'
import { openSqliteCopy } from '#io/store/sqlite-copy.ts'
import { traceOf as collectorTrace } from '#roles/collector/trace.ts'
import { projectsIn as sequencerProjects, traceOf as sequencerTrace } from '#roles/sequencer/trace.ts'
import { projectsIn as snapshotterProjects, traceOf as snapshotterTrace } from '#roles/snapshotter/trace.ts'
import { traceOf as validatorTrace } from '#roles/validator/trace.ts'
import { matching, unknownProject } from './data-point.ts'
import { stateFile } from './home.ts'
import { homesIn } from './homes.ts'

/** In the order in which a submission passes them. A folder does not say whose it is: each finds nothing in the others' stores. */
const READERS = [snapshotterTrace, collectorTrace, sequencerTrace, validatorTrace]

/** What one role of this machine has on record. */
export interface RoleTrace {
  /** Name of the role's folder. */
  readonly role: string
  readonly steps: readonly TraceStep[]
}

export interface Trace {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  /** Those that know the project or the epoch, in the order in which data pass them. */
  readonly roles: readonly RoleTrace[]
}

/**
 * The way of a project through an epoch, from what the roles of the data directory have on disk, whether they run or not. `project` may be a part
 * of an id that only one project has. Throws `DATA_DIR_EMPTY`, `PROJECT_AMBIGUOUS`, `PROJECT_UNKNOWN`, and as `storeFailed`.
 */
export async function traceIn(
  dataDir: string,
  { project, epochId }: { readonly project: string; readonly epochId: EpochId },
): Promise<Trace> {
  const stores: { readonly role: string; readonly store: Store }[] = []
  try {
    for (const home of homesIn(dataDir)) stores.push({ role: basename(home), store: openSqliteCopy({ path: stateFile(home) }) })
    const known = new Set(stores.flatMap(({ store }) => [...snapshotterProjects(epochId, store), ...sequencerProjects(epochId, store)]))
    const projectId = known.has(project) ? parseProjectId(project) : meantOf(project, [...known].sort(byCodeUnit) as ProjectId[])
    const roles = READERS.flatMap((read) =>
      stores.map(({ role, store }) => ({ role, steps: read({ projectId, epochId }, store) })).filter(({ steps }) => steps.length > 0),
    )
    return { projectId, epochId, roles }
  } finally {
    for (const { store } of stores) await store.close()
  }
}

function meantOf(text: string, projects: readonly ProjectId[]): ProjectId {
  const matches = matching(text, projects)
  if (matches.length > 1) throw new WeftError('PROJECT_AMBIGUOUS', { text, projects: matches.slice(0, 10).join(', ') })
  return matches[0] ?? unknownProject(text)
}
