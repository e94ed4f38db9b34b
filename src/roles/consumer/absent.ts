import type { ProjectId } from '#domain/ids.ts'
import { meant, nearest } from '#domain/nearest.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { type DataPoint, isOnChain, type ListedBatch } from './find-batch.ts'
import type { Reported } from './reported.ts'

/** Projects that a misspelt one is compared with: more than a market has, and a moment's work. */
const COMPARED_MAX = 10_000

/** Why there is no snapshot, in words: the epoch may be still to come, the project misspelt. Throws as the chain does. */
export async function whyAbsent(
  { projectId, epochId }: DataPoint,
  { listed, isOpen }: Pick<Reported, 'listed' | 'isOpen'>,
  chain: AnchorChain,
): Promise<string> {
  const [{ epochId: newest }, first, { contractNumber: released }] = await Promise.all([
    chain.currentEpoch(),
    chain.projectFirstEpochId(projectId),
    chain.epochInfo(epochId),
  ])
  if (newest === 0) return 'no epoch is released yet'
  if (epochId > newest) return `epoch ${epochId} is not released yet, the newest is ${newest}`
  if (released === 0) return `epoch ${epochId} was never released, the newest is ${newest}`
  // What the chain has no more than roots of may hold it, whatever else is known of the project.
  const untold = typeof listed === 'string' ? undefined : listed.find((batch) => 'mayHold' in batch)
  if (untold !== undefined && 'unreadable' in untold) return notAllRead(untold.unreadable)
  if (isOpen) {
    const slip = first === 0 && typeof listed !== 'string' ? nearest(projectId, projectsOf(listed)) : []
    return `epoch ${epochId} has not ended: batches of it may still come${slip.length > 0 ? meant(slip) : ''}`
  }
  if (first > epochId) return `the project is known from epoch ${first} on`
  if (first > 0) return `the project is known, and no batch of epoch ${epochId} holds it`
  if (typeof listed === 'string') return listed
  const unread = listed.find((batch) => !isOnChain(batch))
  if (unread !== undefined && 'unreadable' in unread) return notAllRead(unread.unreadable)
  return `no epoch has the project${meant(nearest(projectId, projectsOf(listed)))}`
}

const notAllRead = (why: string): string => `not all of the epoch's batches can be read: ${why}`

/** Those that the epoch's batches hold, as far as they are compared. */
function projectsOf(listed: readonly ListedBatch[]): ProjectId[] {
  const projects = listed.filter(isOnChain).flatMap(({ projectIds }) => projectIds)
  return [...new Set(projects.slice(0, COMPARED_MAX))]
}
