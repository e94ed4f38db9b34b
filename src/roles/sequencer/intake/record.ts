import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Address, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission, VerifiedSubmission } from '#domain/submission.ts'
import { isInWindow } from '#domain/window.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { evidenceKey, evidencePrefix, simulatedKey, voteKey, votesPrefix } from '#roles/sequencer/keys.ts'
import { type Ballot, decodeBallot, encodeBallot } from './ballot.ts'
import { createOtherVotes, isSameVote, knownVote, type OtherVotes } from './known-votes.ts'

/** How many votes that contradict an earlier one are kept as evidence, per slot and epoch. One convicts; a few show a pattern; more would be a way to fill the disk. */
const EVIDENCE_PER_SLOT_MAX = 4

/**
 * What became of a vote. `accepted`: it counts. `duplicate`: the same vote is recorded already. `vote_conflict`: the slot voted for another
 * CID before, and that vote counts. `quota_exceeded`: the slot votes on too many projects. `window_closed`: the votes are fixed, and this is none of
 * them. `simulated`: a vote of epoch 0, which counts nowhere. `reason` is for people, empty when there is nothing to add.
 */
export interface Recorded {
  readonly code: 'accepted' | 'simulated' | 'duplicate' | Extract<Rejection, 'vote_conflict' | 'quota_exceeded' | 'window_closed'>
  readonly writes: readonly StoreWrite[]
  readonly reason: string
}

/** What must be known of an open epoch's votes to judge the next one, and to count them all, without reading the disk. */
interface EpochBallots {
  readonly votes: Map<ProjectId, Map<SlotId, VerifiedSubmission>>
  voteCount: number
  readonly others: OtherVotes
  /** Each text that votes have in common, once: a decoder makes a new one for every vote. */
  readonly texts: Map<string, string>
  readonly projectsPerSlot: Map<SlotId, number>
  readonly evidencePerSlot: Map<SlotId, number>
}

/** The ballot box: one vote per (epoch, project, slot), the first valid one (G5). */
export interface Ballots {
  /**
   * Checks and records in one synchronous step, so that of two votes of a slot that arrive together only one passes (S2). The caller must
   * commit `writes` before it answers the sender, and must answer `duplicate` only once the commits called before are durable: the vote
   * that it repeats may be in one of them.
   */
  record(ballot: Ballot): Recorded
  /** Who has signed this vote, where the very same is recorded and in memory, or was judged beside one that is. */
  signerOf(submission: Submission): Address | undefined
  /** Votes recorded for the epoch so far. */
  count(epochId: EpochId): number
  /** The recorded votes, in no order, as far as they are in memory: `undefined` when an earlier process recorded them. Not before they are durable is any of them to be counted. */
  inMemory(epochId: EpochId): Iterable<VerifiedSubmission> | undefined
  /** Forgets what is only needed until the votes of the epoch are counted. */
  close(epochId: EpochId): void
}

export function createBallots(deps: {
  readonly store: Store
  readonly view: AnchorView
  rulesOf(epoch: ReleasedEpoch): EpochRules | undefined
  /** Whether the votes of its epoch are fixed without this one. One of those that has lost its block may name another (S10). */
  isLeftOut(submission: Submission): boolean
}): Ballots {
  const open = new Map<EpochId, EpochBallots>()

  function rulesIn(epochId: EpochId): EpochRules | undefined {
    const epoch = deps.view.epoch(epochId)
    return epoch && deps.rulesOf(epoch)
  }

  /** Reads back what an earlier process recorded, at the first question about the epoch. */
  function ballotsOf(epochId: EpochId): EpochBallots {
    const known = open.get(epochId)
    if (known !== undefined) return known
    const ballots = readBallots(epochId, deps.store)
    open.set(epochId, ballots)
    return ballots
  }

  function conflict(ballot: Ballot, ballots: EpochBallots, firstCid: Cid): Recorded {
    const { epochId, slotId } = ballot.submission.request
    const reason = `the vote that counts is for ${firstCid}`
    const kept = ballots.evidencePerSlot.get(slotId) ?? 0
    if (kept >= EVIDENCE_PER_SLOT_MAX) return { code: 'vote_conflict', writes: [], reason }
    increase(ballots.evidencePerSlot, slotId)
    return {
      code: 'vote_conflict',
      writes: [{ key: evidenceKey(epochId, slotId, kept), value: encodeBallot(ballot) }],
      reason,
    }
  }

  return {
    record(ballot) {
      const { request } = ballot.submission
      const { epochId, slotId, snapshotCid, projectId } = request
      if (epochId === 0) return { code: 'simulated', writes: [{ key: simulatedKey(slotId), value: encodeBallot(ballot) }], reason: '' }
      const ballots = ballotsOf(epochId)
      const rules = rulesIn(epochId)
      const projectsMax = rules?.projectsPerSlotMax ?? 0
      const first = ballots.votes.get(projectId)?.get(slotId)
      // A vote whose header a reorganisation took off the chain does not count; the slot may vote again.
      const isReplacing = first !== undefined && !isValid(first, rules, deps.view)
      if (first !== undefined && !isReplacing) {
        if (!isSameVote(first.submission, ballot.submission)) ballots.others.note(ballot.submission, knownVote(ballot))
        const firstCid = first.submission.request.snapshotCid
        return firstCid === snapshotCid ? { code: 'duplicate', writes: [], reason: '' } : conflict(ballot, ballots, firstCid)
      }
      if (deps.isLeftOut(ballot.submission)) return { code: 'window_closed', writes: [], reason: '' }
      if (!isReplacing && (ballots.projectsPerSlot.get(slotId) ?? 0) >= projectsMax)
        return { code: 'quota_exceeded', writes: [], reason: `${projectsMax} projects an epoch` }
      if (isReplacing && !isSameVote(first.submission, ballot.submission)) ballots.others.note(first.submission, knownVote(first))
      keep(ballots, ballot)
      if (!isReplacing) increase(ballots.projectsPerSlot, slotId)
      return { code: 'accepted', writes: [{ key: voteKey(epochId, projectId, slotId), value: encodeBallot(ballot) }], reason: '' }
    },
    signerOf(submission) {
      const { epochId, projectId, slotId } = submission.request
      const ballots = open.get(epochId)
      const known = ballots?.votes.get(projectId)?.get(slotId)
      if (ballots === undefined || known === undefined) return undefined
      return isSameVote(known.submission, submission) ? known.signer : ballots.others.signerOf(submission)
    },
    inMemory: (epochId) =>
      open
        .get(epochId)
        ?.votes.values()
        .flatMap((ofProject) => ofProject.values()),
    count: (epochId) => ballotsOf(epochId).voteCount,
    close: (epochId) => void open.delete(epochId),
  }
}

function readBallots(epochId: EpochId, store: Store): EpochBallots {
  const ballots: EpochBallots = {
    votes: new Map(),
    voteCount: 0,
    others: createOtherVotes(),
    texts: new Map(),
    projectsPerSlot: new Map(),
    evidencePerSlot: new Map(),
  }
  for (const { value } of store.scan(votesPrefix(epochId))) {
    const ballot = decodeBallot(value)
    keep(ballots, ballot)
    increase(ballots.projectsPerSlot, ballot.submission.request.slotId)
  }
  for (const { value } of store.scan(evidencePrefix(epochId))) {
    increase(ballots.evidencePerSlot, decodeBallot(value).submission.request.slotId)
  }
  return ballots
}

/** Whether the recorded vote still counts: a reorganisation may have taken its header off the chain, or moved the epoch's window. */
function isValid({ submission }: VerifiedSubmission, rules: EpochRules | undefined, view: AnchorView): boolean {
  const header = view.header(submission.header)
  return header !== undefined && rules !== undefined && isInWindow(rules.window, header)
}

/** Notes a vote, without the bytes that it came in, in place of an earlier one of its slot on its project. */
function keep(ballots: EpochBallots, { submissionId, submission, signer }: VerifiedSubmission): void {
  const shared = withSharedTexts(submission, ballots.texts)
  const { projectId, slotId } = shared.request
  const ofProject = ballots.votes.get(projectId) ?? new Map<SlotId, VerifiedSubmission>()
  if (ofProject.size === 0) ballots.votes.set(projectId, ofProject)
  if (!ofProject.has(slotId)) ballots.voteCount += 1
  ofProject.set(slotId, { submissionId, submission: shared, signer })
}

function withSharedTexts(submission: Submission, texts: Map<string, string>): Submission {
  const shared = <Text extends string>(text: Text): Text => {
    const known = texts.get(text)
    if (known === undefined) texts.set(text, text)
    return (known as Text | undefined) ?? text
  }
  const { request, signature, header, dataMarket, nodeVersion, protocolState } = submission
  return {
    request: { ...request, snapshotCid: shared(request.snapshotCid), projectId: shared(request.projectId) },
    signature,
    header: shared(header),
    dataMarket: shared(dataMarket),
    nodeVersion: shared(nodeVersion),
    protocolState: shared(protocolState),
  }
}

function increase(counts: Map<SlotId, number>, slotId: SlotId): void {
  counts.set(slotId, (counts.get(slotId) ?? 0) + 1)
}
