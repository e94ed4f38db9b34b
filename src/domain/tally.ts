import { type Address, byCodeUnit, type Cid, type SlotId } from './ids.ts'
import type { ProjectReason } from './project.ts'

/** A valid submission for one project of one epoch, as far as counting goes. */
export interface Vote {
  readonly slotId: SlotId
  readonly signer: Address
  readonly snapshotCid: Cid
}

/** What a market asks for beyond "most votes"; zeros ask for nothing. */
export interface TallyPolicy {
  readonly minVotes: number
  /** In ten-thousandths of the slots that voted in the epoch, on whatever project, so that the comparison is exact: 5,000 is a half. */
  readonly minShareBp: number
}

interface Counted {
  /** Distinct slots per CID, most first, ties by CID. */
  readonly votesPerCid: ReadonlyMap<Cid, number>
  /** Distinct slots that voted on the project. */
  readonly total: number
  /** More than one CID had the most votes. */
  readonly isTie: boolean
}

export type TallyResult = Counted &
  (
    | { readonly kind: 'finalized'; readonly snapshotCid: Cid; readonly outvotedSlots: readonly SlotId[] }
    | {
        readonly kind: 'omitted'
        readonly reason: Extract<ProjectReason, 'no_votes' | 'below_min_votes' | 'below_min_share' | 'unavailable'>
      }
  )

interface Candidate {
  readonly snapshotCid: Cid
  readonly slots: SlotId[]
  /** One for each slot. */
  readonly signers: Address[]
}

/**
 * The finalisation rule (spec/06 §5): votes(cid) = distinct slots, of which the first vote in the given order counts; most votes win;
 * a tie goes to the CID with the most distinct signer addresses, then to the smallest CID by bytes.
 * With one vote per slot the order of `votes` changes nothing. `slotsInEpoch` is the number of distinct slots that voted in the epoch, those
 * of `votes` among them: a few that make up a project of their own are its whole electorate, and still few. Who knows of fewer slots omits
 * no project that whoever knows of more finalizes.
 */
export function tally(votes: readonly Vote[], policy: TallyPolicy, slotsInEpoch: number): TallyResult {
  const { candidates, total } = count(votes)
  const [winner, runnerUp] = candidates
  const votesPerCid = new Map(candidates.map((candidate) => [candidate.snapshotCid, candidate.slots.length]))
  if (winner === undefined) return { kind: 'omitted', reason: 'no_votes', votesPerCid, total, isTie: false }
  const counted: Counted = { votesPerCid, total, isTie: winner.slots.length === runnerUp?.slots.length }
  if (winner.slots.length < policy.minVotes) return { kind: 'omitted', reason: 'below_min_votes', ...counted }
  if (winner.slots.length * 10_000 < policy.minShareBp * slotsInEpoch) return { kind: 'omitted', reason: 'below_min_share', ...counted }
  const outvotedSlots = candidates
    .slice(1)
    .flatMap((candidate) => candidate.slots)
    .sort((left, right) => left - right)
  return { kind: 'finalized', snapshotCid: winner.snapshotCid, outvotedSlots, ...counted }
}

function count(votes: readonly Vote[]): { candidates: Candidate[]; total: number } {
  const seen = new Set<SlotId>()
  const perCid = new Map<Cid, Candidate>()
  for (const { slotId, signer, snapshotCid } of votes) {
    if (seen.has(slotId)) continue
    seen.add(slotId)
    const candidate = perCid.get(snapshotCid) ?? { snapshotCid, slots: [], signers: [] }
    perCid.set(snapshotCid, candidate)
    candidate.slots.push(slotId)
    candidate.signers.push(signer)
  }
  return { candidates: [...perCid.values()].sort(strongerFirst), total: seen.size }
}

function strongerFirst(left: Candidate, right: Candidate): number {
  return (
    right.slots.length - left.slots.length ||
    distinct(right.signers) - distinct(left.signers) ||
    byCodeUnit(left.snapshotCid, right.snapshotCid)
  )
}

/** Asked for in a tie alone. */
const distinct = (signers: readonly Address[]): number => new Set(signers).size
