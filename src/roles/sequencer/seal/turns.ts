import type { Clock } from '#io/clock/port.ts'

/** Votes worked on before the rest of the process gets its turn: receipts of the next epoch must not wait for this one. Takes some milliseconds in every stage. */
const VOTES_PER_TURN = 1_000
/** The same on a machine that has other work too. */
const MS_PER_TURN = 10

/** A mebibyte of a batch file in JSON, which is read in one go, holds so many (`#wire/batch-file.ts`). */
export const VOTES_PER_PIECE = 1_500

/** To be called, and awaited, with the number of votes just worked on. */
export type Breathe = (votes: number) => Promise<void>

/** Gives way whenever enough work has come together, or has taken long enough; with less it never pauses. */
export function createTurns(giveWay: () => Promise<void>, clock: Pick<Clock, 'nowMs'>): Breathe {
  let votesInTurn = 0
  let sinceMs = clock.nowMs()
  return async (votes) => {
    votesInTurn += votes
    if (votesInTurn < VOTES_PER_TURN && clock.nowMs() - sinceMs < MS_PER_TURN) return
    votesInTurn = 0
    await giveWay()
    sinceMs = clock.nowMs()
  }
}
