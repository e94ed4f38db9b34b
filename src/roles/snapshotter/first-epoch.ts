import type { EpochId, ProjectId } from '#domain/ids.ts'
import { isBatchWindowOver } from '#domain/window.ts'
import type { AnchorChain, MarketState } from '#io/chain/port.ts'
import type { ByRoots } from './by-roots.ts'
import { type AsOf, releaseOf } from './decision.ts'
import type { Records } from './records.ts'

export interface FirstEpochDeps {
  readonly chain: Pick<AnchorChain, 'epochInfo' | 'isEpochEnded' | 'projectFirstEpochId'>
  readonly market: MarketState
  readonly byRoots: Pick<ByRoots, 'applies'>
  readonly records: Pick<Records, 'isUnplanned'>
}

/**
 * Finds a project's first epoch as of the block that released `present`. While nothing of it was on chain by then, that is the first epoch
 * for which something could still come: the same for every node, whatever it has of its own, so that one which came later waits for what
 * it lacks and does not count from where it came (N5). Only what we know to have had no such project is left out.
 */
export function createFirstEpochId(
  present: EpochId,
  release: AsOf,
  patiently: <Value>(attempt: () => Promise<Value>) => Promise<Value>,
  { chain, market, records, byRoots }: FirstEpochDeps,
): (projectId: ProjectId) => Promise<EpochId | undefined> {
  let open: Promise<readonly EpochId[]> | undefined

  /** Earlier epochs that could still get a batch, newest first. */
  async function readOpen(): Promise<readonly EpochId[]> {
    const found: EpochId[] = []
    for (let epochId = (present - 1) as EpochId; epochId > 0; epochId = (epochId - 1) as EpochId) {
      const released = await patiently(() => releaseOf(epochId, chain))
      if (isBatchWindowOver(released, release.contractNumber, market)) break
      if (!(await patiently(() => chain.isEpochEnded(epochId, release.number)))) found.push(epochId)
    }
    return found
  }

  return async (projectId) => {
    const first = await patiently(() => chain.projectFirstEpochId(projectId, release.number))
    if (first > 0) return first < present ? first : undefined
    // Nothing on chain names the project: any epoch may have it, and those that do not are seen to have no data.
    if (present > 1 && (await patiently(() => byRoots.applies(present))) === true) return 1 as EpochId
    open ??= readOpen()
    return (await open).findLast((epochId) => !records.isUnplanned(epochId, projectId))
  }
}
