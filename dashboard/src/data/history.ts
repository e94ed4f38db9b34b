import type { ApiOutput } from '#wire/api.ts'
import type { ChartPoint } from '../ui/chart.tsx'
import { ask, client } from './ask.ts'
import { type Answer, useWork } from './use-answer.ts'
import type { Value } from './value.ts'

/** Epochs of a project: the last so many, or from one to another. */
export interface Range {
  readonly last?: number
  readonly from?: number
  readonly to?: number
}

/** Of one answer. */
const OBSERVATIONS_PAGE = 1_000
/** A chart of more has more points than a screen has dots. */
const PAGES_MAX = 5

/** One number of a project over epochs. What is no number in an epoch leaves a gap. */
export function useSeries(projectId: string | undefined, path: string | undefined, range: Range): Answer<ChartPoint[]> {
  const key = projectId === undefined || path === undefined ? undefined : `series ${projectId} ${path} ${JSON.stringify(range)}`
  return useWork(key, async (signal) => {
    const points: ChartPoint[] = []
    let cursor: string | undefined
    for (let page = 0; page < PAGES_MAX; page++) {
      const query = {
        projectId: projectId as string,
        path: path as string,
        limit: OBSERVATIONS_PAGE,
        ...range,
        ...(cursor !== undefined && { cursor }),
      }
      const { items, nextCursor }: ApiOutput<'series'> = await ask('series', query, signal)
      for (const { epochId, at, value } of items) {
        const number = typeof value === 'string' ? Number(value) : value
        if (number !== null && Number.isFinite(number)) points.push({ epochId, at, value: number })
      }
      cursor = nextCursor
      if (cursor === undefined) break
    }
    return points
  })
}

export interface Snapshot {
  readonly projectId: string
  readonly epochId: number
  readonly at: number
  readonly value: Value
}

/** Epochs that are looked through for one whose bytes are here. */
const RECENT = 8

/** The newest final snapshot of a project whose bytes are here: those of the newest may be on their way. `undefined` where there is none. */
export async function latestOf(projectId: string, signal: AbortSignal): Promise<Snapshot | undefined> {
  const { status, epochId, finalizedAt, releasedAt, value } = await client.project(projectId).latest({ signal })
  if (value !== undefined) return { projectId, epochId, at: finalizedAt ?? releasedAt ?? 0, value }
  return status === 'absent' ? undefined : (await snapshotsOf(projectId, { last: RECENT }, signal)).at(-1)
}

/** The project of a type that is alive: of several the one that was final last, and whose newest snapshot looks right. */
export async function newestOf(
  types: readonly string[],
  looksRight: (value: Value) => boolean,
  signal: AbortSignal,
): Promise<Snapshot | undefined> {
  const lists = await Promise.all(types.map((type) => ask('projects', { type, limit: 20 }, signal)))
  const projects = lists
    .flatMap(({ items }) => items)
    .toSorted((left, right) => (right.lastFinalizedEpochId ?? 0) - (left.lastFinalizedEpochId ?? 0))
  for (const { projectId, lastFinalizedEpochId } of projects) {
    if (lastFinalizedEpochId === undefined) continue
    const latest = await latestOf(projectId, signal)
    if (latest !== undefined && looksRight(latest.value)) return latest
  }
  return undefined
}

/** The final snapshots of a project, oldest first. */
export async function snapshotsOf(projectId: string, range: Range, signal: AbortSignal): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = []
  for await (const { epochId, status, finalizedAt, releasedAt, value } of client.project(projectId).range({ ...range, signal }))
    if (status === 'finalized' && value !== undefined) snapshots.push({ projectId, epochId, at: releasedAt ?? finalizedAt ?? 0, value })
  return snapshots
}
