import { WeftError } from '#domain/errors.ts'
import { type EpochId, isProjectId, type ProjectId } from '#domain/ids.ts'
import { getJson } from '#io/http/client.ts'
import { API, type ApiOutput, type ApiRoute, PAGE_LENGTH_MAX, type Reason } from '#wire/api.ts'
import { unknownProject } from './data-point.ts'
import type { Data, PointRow } from './data.ts'

/** How long one answer may take. */
const ANSWER_TIMEOUT_MS = 30_000
/** A page of snapshots. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** Projects that an ambiguous part names. */
const NAMED_MAX = 10
/** Pages of projects that are read: a hundred thousand of them. */
const PAGES_MAX = 100

type Query = Readonly<Record<string, string | number>>

/** The message of an api names fields of its answer: what they hold, in their place. */
function inWords({ message, ...facts }: Reason): string {
  const held: Readonly<Record<string, unknown>> = facts
  const told = (value: unknown): string => (Array.isArray(value) ? value.join(', ') || 'none' : String(value))
  return message.replace(/`(\w+)`/g, (name, field: string) => (held[field] === undefined ? name : told(held[field])))
}

/** The same from an api, which is believed: `./weft proof` and `./weft verify` believe nobody. */
export function createApiData(url: string, signal: AbortSignal): Data {
  async function ask<Name extends ApiRoute>(name: Name, fields: Query): Promise<ApiOutput<Name>> {
    const { path, output } = API[name]
    const rest = new URLSearchParams()
    let filled: string = path
    for (const [field, value] of Object.entries(fields)) {
      if (path.includes(`{${field}}`)) filled = filled.replace(`{${field}}`, encodeURIComponent(value))
      else rest.set(field, String(value))
    }
    const address = new URL(`.${filled}?${rest}`, url.endsWith('/') ? url : `${url}/`).href
    const answer = await getJson(address, { timeoutMs: ANSWER_TIMEOUT_MS, bytesMax: ANSWER_BYTES_MAX, signal })
    const parsed = output.safeParse(answer)
    if (parsed.success) return parsed.data as ApiOutput<Name>
    const detail = typeof answer['message'] === 'string' ? answer['message'].slice(0, 500) : 'the answer is no such thing'
    throw new WeftError('LINK_FAILED', { address, detail })
  }

  async function meantProject(text: string): Promise<ProjectId> {
    const { items } = await ask('projects', { search: text, limit: NAMED_MAX + 1 })
    const ids = items.map(({ projectId }) => projectId)
    if (isProjectId(text) && ids.includes(text)) return text
    if (ids.length === 1) return ids[0] as ProjectId
    if (ids.length === 0) return unknownProject(text)
    const more = ids.length > NAMED_MAX ? ['and more'] : []
    throw new WeftError('PROJECT_AMBIGUOUS', { text, projects: [...ids.slice(0, NAMED_MAX), ...more].join(', ') })
  }

  return {
    async meant({ project, epoch }) {
      const projectId = await meantProject(project)
      return { projectId, epochId: epoch === 'latest' ? ((await ask('latest', { projectId, data: 'false' })).epochId as EpochId) : epoch }
    },
    async *points(projectId, epochIds) {
      for (const epochId of epochIds) {
        const { status, snapshotCid, text, reason } = await ask('point', { projectId, epochId, data: 'false', text: 'true' })
        const row: PointRow = { projectId, epochId, status, ...(snapshotCid !== undefined && { snapshotCid }) }
        yield { ...row, ...(text !== undefined && { text }), ...(reason !== undefined && { why: inWords(reason) }) }
      }
    },
    async projects(search) {
      const found: ProjectId[] = []
      let cursor: string | undefined
      for (let page = 0; page < PAGES_MAX && (page === 0 || cursor !== undefined); page += 1) {
        const query: Query = { limit: PAGE_LENGTH_MAX, ...(search !== '' && { search }), ...(cursor !== undefined && { cursor }) }
        const { items, nextCursor } = await ask('projects', query)
        found.push(...items.map(({ projectId }) => projectId as ProjectId))
        cursor = nextCursor
      }
      return found
    },
    async epochs(count) {
      const { items } = await ask('epochs', { limit: count })
      return items.map(({ epochId, end, releasedAt, status, batches }) => ({
        epochId: epochId as EpochId,
        end,
        releasedAt,
        status,
        batches,
      }))
    },
  }
}
