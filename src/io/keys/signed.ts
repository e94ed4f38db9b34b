import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { safeUint } from '#domain/ids.ts'
import { parseJson } from '#wire/untrusted.ts'
import type { SignedBefore, VoteOfSlots } from './port.ts'

/** What was signed for slots, in memory and as lines of a file. */

/** A vote is given while the window of its epoch is open, which is over long before so many epochs are. */
export const EPOCHS_REMEMBERED = 32

type Slots = Map<Cid, Set<SlotId>>

export interface Signed {
  /** Takes it in; nothing where it is of an epoch that is forgotten. */
  note(vote: VoteOfSlots): void
  /** The slots of the vote that signed another CID, and those that have not signed this one. */
  compare(vote: VoteOfSlots): { readonly others: readonly SignedBefore[]; readonly fresh: readonly SlotId[] }
  /** All that is remembered, by epoch. */
  votes(): readonly VoteOfSlots[]
}

export function createSigned(): Signed {
  const epochs = new Map<EpochId, Map<ProjectId, Slots>>()
  let newest = 0

  function forget(): void {
    for (const epochId of epochs.keys()) if (epochId <= newest - EPOCHS_REMEMBERED) epochs.delete(epochId)
  }

  function slotsOf({ epochId, projectId }: Pick<VoteOfSlots, 'epochId' | 'projectId'>): Slots {
    const projects = epochs.get(epochId) ?? new Map<ProjectId, Slots>()
    const slots: Slots = projects.get(projectId) ?? new Map()
    projects.set(projectId, slots)
    epochs.set(epochId, projects)
    return slots
  }

  return {
    note(vote) {
      if (vote.epochId <= newest - EPOCHS_REMEMBERED) return
      newest = Math.max(newest, vote.epochId)
      const slots = slotsOf(vote)
      slots.set(vote.snapshotCid, new Set([...(slots.get(vote.snapshotCid) ?? []), ...vote.slotIds]))
      forget()
    },
    compare({ snapshotCid, slotIds, ...vote }) {
      const known = [...(epochs.get(vote.epochId)?.get(vote.projectId) ?? [])]
      const others = slotIds.flatMap((slotId) =>
        known.filter(([cid, slots]) => cid !== snapshotCid && slots.has(slotId)).map(([cid]) => ({ slotId, snapshotCid: cid })),
      )
      const has = (slotId: SlotId) => known.some(([, slots]) => slots.has(slotId))
      return { others, fresh: slotIds.filter((slotId) => !has(slotId)) }
    },
    votes: () =>
      [...epochs].flatMap(([epochId, projects]) =>
        [...projects].flatMap(([projectId, slots]) =>
          [...slots].map(([snapshotCid, slotIds]) => ({ epochId, projectId, snapshotCid, slotIds: [...slotIds] })),
        ),
      ),
  }
}

/** `1-3,7`: those that follow one another are named by the first and the last. */
function rangesOf(slotIds: readonly SlotId[]): string {
  const sorted = [...slotIds].sort((left, right) => left - right)
  const ranges: [SlotId, SlotId][] = []
  for (const slotId of sorted) {
    const last = ranges.at(-1)
    if (last !== undefined && slotId <= last[1] + 1) last[1] = slotId
    else ranges.push([slotId, slotId])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

export function lineOf({ epochId, projectId, snapshotCid, slotIds }: VoteOfSlots): string {
  return JSON.stringify([epochId, projectId, snapshotCid, rangesOf(slotIds)])
}

/** Of one slot at most so many. */
const SLOTS_MAX = 10_000

function slotsIn(ranges: string): readonly SlotId[] {
  return ranges.split(',').flatMap((range) => {
    const [first, last] = [safeUint(range.replace(/-.*/, '')), safeUint(range.replace(/.*-/, ''))]
    if (first === undefined || last === undefined || last < first || last - first >= SLOTS_MAX) return []
    return Array.from({ length: last - first + 1 }, (_, index) => (first + index) as SlotId)
  })
}

/** `undefined` for what is no vote: the head of a file, and what power has cut short, which nothing was signed after. */
export function voteIn(line: string): VoteOfSlots | undefined {
  const [epochId, projectId, snapshotCid, ranges] = listIn(line)
  if (!Number.isSafeInteger(epochId) || typeof projectId !== 'string' || typeof snapshotCid !== 'string' || typeof ranges !== 'string')
    return undefined
  return { epochId: epochId as EpochId, projectId: projectId as ProjectId, snapshotCid: snapshotCid as Cid, slotIds: slotsIn(ranges) }
}

function listIn(line: string): readonly unknown[] {
  const parsed = parseJson(line)
  return Array.isArray(parsed) ? parsed : []
}
