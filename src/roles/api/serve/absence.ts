import { isWeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import { nearest } from '#domain/nearest.ts'
import type { IndexReads } from '#io/database/port.ts'
import type { Point, Reason } from '#wire/api.ts'
import { reasonOf } from './points.ts'
import type { WindowedDeps } from './windows.ts'

/** Why there is no data point: what a person who asked for it does next depends on it. */

/** Projects whose names are compared with one that nobody knows. */
const COMPARED_MAX = 100
const NEAREST_MAX = 3

type AbsenceDeps = Pick<WindowedDeps, 'index' | 'chain' | 'windows'>
type Asked = { readonly projectId: ProjectId; readonly epochId: EpochId }

/** As the answer tells it. */
export async function absentPoint(asked: Asked, deps: AbsenceDeps): Promise<Point> {
  return { ...asked, status: 'absent', reason: await reasonOfAbsence(asked, deps) }
}

export async function reasonOfAbsence({ projectId, epochId }: Asked, deps: AbsenceDeps): Promise<Reason> {
  const { index, chain, windows } = deps
  const [bounds, project, epoch] = await Promise.all([index.bounds(), index.project(projectId), index.epoch(epochId)])
  const { newestEpochId = 0, oldestEpochId = 0, indexed } = bounds
  if (epoch === undefined) {
    const released = await releasedIn(epochId, chain)
    if (epochId < oldestEpochId && released !== 0) return reasonOf('epoch_forgotten', { oldestEpochId })
    if (released !== undefined && released > 0) return reasonOf('not_indexed', { indexedBlock: indexed?.block ?? 0 })
    return epochId > newestEpochId ? reasonOf('epoch_not_released', { newestEpochId }) : reasonOf('epoch_skipped', { newestEpochId })
  }
  const { isOpen, untilBlock } = await windows.now()
  if (isOpen(epoch)) return reasonOf('epoch_open', { untilBlock: untilBlock(epoch), newestEpochId })
  if (epoch.unreadBatches > 0) return reasonOf('not_read')
  if (project === undefined) return reasonOf('project_unknown', { nearest: await nearestProjects(projectId, index) })
  if (project.firstEpochId > epochId) return reasonOf('project_later', { firstEpochId: project.firstEpochId })
  return reasonOf('not_batched')
}

/** Why a project has no newest data point. Of epochs that the index has not come to nobody knows here what they have. */
export async function reasonOfNone(projectId: ProjectId, { index, chain }: Pick<AbsenceDeps, 'index' | 'chain'>): Promise<Reason> {
  const [{ newestEpochId = 0, indexed }, project, newest] = await Promise.all([index.bounds(), index.project(projectId), newestIn(chain)])
  const alike = project === undefined ? { nearest: await nearestProjects(projectId, index) } : {}
  if (newest !== undefined && newest > newestEpochId) return reasonOf('not_indexed', { indexedBlock: indexed?.block ?? 0, ...alike })
  return project === undefined ? reasonOf('project_unknown', alike) : reasonOf('not_final', { firstEpochId: project.firstEpochId })
}

/** The newest epoch that the chain has. */
const newestIn = (chain: AbsenceDeps['chain']): Promise<number | undefined> =>
  unlessSilent(async () => (await chain.currentEpoch()).epochId)

/** 0 when it was not. */
const releasedIn = (epochId: EpochId, chain: AbsenceDeps['chain']): Promise<number | undefined> =>
  unlessSilent(async () => (await chain.epochInfo(epochId)).contractNumber)

/** `undefined` where the chain does not answer: then the index says what it knows. */
async function unlessSilent(ask: () => Promise<number>): Promise<number | undefined> {
  try {
    return await ask()
  } catch (failure) {
    if (isWeftError(failure) && failure.kind === 'transient') return undefined
    throw failure
  }
}

/** Those of the same source or type that are spelled nearly so; else those that share most of it. */
export async function nearestProjects(projectId: string, index: IndexReads): Promise<string[]> {
  const parts = projectId.split(':')
  const type = parts.slice(0, Math.max(1, parts.length - 2)).join(':')
  const source = parts.length > 2 ? parts.at(-2) : undefined
  const pages = await Promise.all([
    source === undefined ? [] : index.projects({ source, limit: COMPARED_MAX }),
    index.projects({ type, limit: COMPARED_MAX }),
    index.projects({ search: type.slice(0, Math.ceil(type.length / 2)), limit: COMPARED_MAX }),
  ])
  const known = [...new Set(pages.flat().map((project) => project.projectId as string))]
  const alike = nearest(projectId, known)
  return [...new Set([...alike, ...known])].slice(0, NEAREST_MAX)
}
