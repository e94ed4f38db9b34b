import { WeftError } from '#domain/errors.ts'
import type { ProjectId } from '#domain/ids.ts'
import type { ProjectRow } from '#io/database/port.ts'
import { PAGE_LENGTH, type Project } from '#wire/api.ts'
import { nearestProjects } from './absence.ts'
import { declaredOf, kindOf, sourcesOf } from './lore.ts'
import { pageOf } from './pages.ts'
import type { Answers, ServeDeps } from './served.ts'

/** The answers about projects. */
export function projectAnswers(deps: ServeDeps) {
  const { index, computes } = deps

  async function known(projectId: ProjectId): Promise<ProjectRow> {
    const row = await index.project(projectId)
    if (row === undefined) throw new WeftError('PROJECT_UNKNOWN', { projectId, nearest: await nearestProjects(projectId, index) })
    return row
  }

  return {
    async projects({ search, type, source, limit = PAGE_LENGTH, cursor }) {
      const rows = await index.projects({ search, type, source, after: cursor, limit: limit + 1 })
      const set = await computes()
      const shown = (row: ProjectRow): Project => ({ ...row, kind: kindOf(row.projectType, set) })
      return pageOf(rows, { limit, placeOf: (row) => row.projectId, shown })
    },
    async project({ projectId }) {
      const row = await known(projectId)
      const set = await computes()
      return { ...row, kind: kindOf(row.projectType, set), ...declaredOf(row.projectType, set) }
    },
    async sources({ projectId, epochId }) {
      await known(projectId)
      const set = await computes()
      const sources = set === undefined ? [] : sourcesOf(projectId, set)
      // Which earlier epochs were looked back at is the compute's own affair.
      return { projectId, epochId, sources: sources.map((each) => ({ projectId: each, fromEpochId: epochId, toEpochId: epochId })) }
    },
  } satisfies Partial<Answers>
}
