import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'

/**
 * The keys of the sequencer's store. Numbers are padded, so that key order is number order. The separator is a space, which sorts before
 * every character that a project id may hold: the votes of an epoch lie in order of project id, then slot.
 */
const epochText = (epochId: EpochId): string => String(epochId).padStart(16, '0')
const slotText = (slotId: SlotId): string => String(slotId).padStart(16, '0')
const dayText = (day: number): string => String(day).padStart(8, '0')
const countText = (count: number): string => String(count).padStart(6, '0')

export const CURSOR_KEY = 'cursor'

export const EPOCHS_PREFIX = 'epoch/'
export const epochKey = (epochId: EpochId): string => `${EPOCHS_PREFIX}${epochText(epochId)}`

const VOTES_PREFIX = 'vote/'
export const votesPrefix = (epochId: EpochId): string => `${VOTES_PREFIX}${epochText(epochId)} `
export const voteKey = (epochId: EpochId, projectId: ProjectId, slotId: SlotId): string =>
  `${votesPrefix(epochId)}${projectId} ${slotText(slotId)}`

/** Of a key of a vote; `undefined` of any other. */
export const epochOfVoteKey = (key: string): EpochId | undefined =>
  key.startsWith(VOTES_PREFIX) ? (Number(key.slice(VOTES_PREFIX.length, key.indexOf(' '))) as EpochId) : undefined
/** Of a key of a vote. */
export const slotOfVoteKey = (key: string): SlotId => Number(key.slice(key.lastIndexOf(' ') + 1)) as SlotId

export const evidencePrefix = (epochId: EpochId): string => `evidence/${epochText(epochId)} `
export const evidenceKey = (epochId: EpochId, slotId: SlotId, count: number): string =>
  `${evidencePrefix(epochId)}${slotText(slotId)} ${countText(count)}`

/** Of a ballot box of its own: the window is over, and all votes of its partition are there. */
export const closedPrefix = (epochId: EpochId): string => `${CLOSED_PREFIX}${epochText(epochId)} `
export const CLOSED_PREFIX = 'closed/'
export const closedKey = (epochId: EpochId, partition: number): string => `${closedPrefix(epochId)}${countText(partition)}`

export const COUNTED_PREFIX = 'counted/'
export const countedKey = (epochId: EpochId): string => `${COUNTED_PREFIX}${epochText(epochId)}`
export const COUNTED_OVER_KEY = 'counted-over'
export const earnedPrefix = (epochId: EpochId): string => `earned/${epochText(epochId)} `
export const earnedKey = (epochId: EpochId, batchCid: Cid): string => `${earnedPrefix(epochId)}${batchCid}`
export const DAYS_PREFIX = 'day/'
export const dayKey = (day: number): string => `${DAYS_PREFIX}${dayText(day)}`
export const totalsKey = (day: number): string => `totals/${dayText(day)}`
export const TOLD_PREFIX = 'told/'
export const toldKey = (day: number): string => `${TOLD_PREFIX}${dayText(day)}`

export const simulatedKey = (slotId: SlotId): string => `simulated/${slotText(slotId)}`

export const plansPrefix = (epochId: EpochId): string => `plan/${epochText(epochId)} `
export const planKey = (epochId: EpochId, index: number): string => `${plansPrefix(epochId)}${countText(index)}`
export const planFilesPrefix = (epochId: EpochId): string => `plan-file/${epochText(epochId)} `
export const planFileKey = (epochId: EpochId, index: number): string => `${planFilesPrefix(epochId)}${countText(index)}`
