/** The promises of the design that a run is asked about. */
export const PROMISES = {
  G1: 'nothing acknowledged is lost',
  G2: 'same submissions, same bytes',
  G3: 'nothing is anchored that cannot be fetched',
  G4: 'each effect on chain happens once, and is written down before',
  G5: 'one slot, one vote, by whoever signs for the slot; a second one is kept as evidence',
  G6: 'no validator attests two roots for one batch',
  G7: 'what comes from outside is limited, and ends no process',
  G8: 'anyone can verify what is final, and nothing else is ever proved',
  G9: 'every epoch, project and dispute comes to an end with a reason, one step after the other, and a project to one end',
  G10: 'what is final was agreed by as many slots as the market asks for, and exists where it asks for that',
  G12: 'aggregates are whole again in the epoch after a bad one that went well by itself',
  honest: 'where honest slots are the majority, what is final is theirs',
} as const
export type Promised = keyof typeof PROMISES

export interface Violation {
  readonly promise: Promised
  /** In words. */
  readonly found: string
}
