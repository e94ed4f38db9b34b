import type { EpochId, ProjectId } from '#domain/ids.ts'
import { meant, nearest } from '#domain/nearest.ts'
import type { AnchorChain } from '#io/chain/port.ts'

/** Why there is no snapshot, in words: the epoch may be still to come, the project misspelt. Throws as the chain does. */
export async function whyAbsent(
  { projectId, epochId }: { readonly projectId: ProjectId; readonly epochId: EpochId },
  chain: AnchorChain,
): Promise<string> {
  const [{ epochId: newest }, first, { releaseBlock }] = await Promise.all([
    chain.currentEpoch(),
    chain.projectFirstEpochId(projectId),
    chain.epochInfo(epochId),
  ])
  if (newest === 0) return 'no epoch is released yet'
  if (epochId > newest) return `epoch ${epochId} is not released yet, the newest is ${newest}`
  if (releaseBlock === 0) return `epoch ${epochId} was never released, the newest is ${newest}`
  if (first > epochId) return `the project is known from epoch ${first} on`
  if (first > 0) return `the project is known, and no batch of epoch ${epochId} holds it`
  return `no epoch has the project${meant(nearest(projectId, await projectsOf(epochId, chain)))}`
}

/** Those that the epoch's batches hold on chain. */
async function projectsOf(epochId: EpochId, chain: AnchorChain): Promise<ProjectId[]> {
  const projects = new Set<ProjectId>()
  for (const batchCid of new Set(await chain.batchCids(epochId)))
    for (const projectId of (await chain.batch(epochId, batchCid))?.projectIds ?? []) projects.add(projectId)
  return [...projects]
}
