import type { EpochId } from '#domain/ids.ts'

/** What may be made to go wrong on purpose, once, in one epoch of a devnet. */
export const FAULTS = ['lying-sequencer', 'silent-sequencer', 'project-flood', 'unavailable-data'] as const
export type FaultName = (typeof FAULTS)[number]

/** The epoch before it shows that all was well. */
export const FAULT_EPOCH = 2 as EpochId
