import type { TallyPolicy } from '#domain/tally.ts'

/** Rules that a sequencer and the validators of its market must share, or they disagree about what counts. */

/** The published configuration signs 500 blocks ahead (spec/02 §1); twice that leaves room for heads that differ. */
export const DEADLINE_BUFFER_MAX_BLOCKS = 1_000
/** The protocol asks for most votes and nothing more (spec/06 §5). */
export const TALLY_POLICY: TallyPolicy = { minVotes: 0, minShareBp: 0 }
