import type { EpochId, SlotId } from '#domain/ids.ts'
import type { Store } from '#io/store/port.ts'
import { openRecords } from './records.ts'

/** How the votes of one slot fared, over the epochs that are kept. */
export interface SlotFared {
  readonly slotId: SlotId
  /** The newest epoch of which the collector took a vote, and when its project ended here; absent when there is none. */
  readonly lastEpochId?: EpochId
  readonly lastMs?: number
  readonly handedOver: number
  /** In a batch of the epoch. */
  readonly included: number
  /** For another CID than the one that won. */
  readonly outvoted: number
  /** Taken by the collector and in no batch, though the project has a result. */
  readonly leftOut: number
}

/** In the order of `slotIds`. `breathe` is awaited between two epochs: a market may have hundreds of projects. */
export async function slotsFared(slotIds: readonly SlotId[], store: Store, breathe: () => Promise<void>): Promise<readonly SlotFared[]> {
  const records = openRecords(store)
  const fared = new Map(slotIds.map((slotId) => [slotId, { slotId, handedOver: 0, included: 0, outvoted: 0, leftOut: 0 } as SlotFared]))
  for (const { epochId, state } of records.epochs()) {
    if (state === 'undone' || state === 'skipped') continue
    for (const { projectId, endedMs } of records.projects(epochId)) {
      const outcome = records.outcome(epochId, projectId)
      for (const { slotId } of records.handedOver(epochId, projectId)) {
        const before = fared.get(slotId)
        if (before === undefined) continue
        const isLeftOut = outcome?.leftOut?.includes(slotId) === true
        const isIncluded = outcome?.leftOut !== undefined && !isLeftOut
        fared.set(slotId, {
          ...before,
          lastEpochId: epochId,
          ...((endedMs ?? before.lastMs) === undefined ? {} : { lastMs: endedMs ?? (before.lastMs as number) }),
          handedOver: before.handedOver + 1,
          included: before.included + Number(isIncluded),
          outvoted: before.outvoted + Number(!isLeftOut && outcome?.verdict === 'other'),
          leftOut: before.leftOut + Number(isLeftOut && outcome?.verdict !== 'none'),
        })
      }
    }
    await breathe()
  }
  return [...fared.values()]
}
