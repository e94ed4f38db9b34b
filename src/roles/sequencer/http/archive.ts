import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { Asking } from '#io/http/port.ts'
import type { Store, StoreEntry } from '#io/store/port.ts'
import { fromBytes } from '#roles/sequencer/bytes.ts'
import type { Day } from '#roles/sequencer/days/day-book.ts'
import { type Ballot, decodeBallot, idOfBallot } from '#roles/sequencer/intake/ballot.ts'
import { evidencePrefix, planFileKey, plansPrefix, slotOfVoteKey, voteKey, votesPrefix } from '#roles/sequencer/keys.ts'
import type { EpochEntry, ProjectEntry } from '#roles/sequencer/ledger.ts'
import type { PlannedBatch } from '#roles/sequencer/seal/batch.ts'
import type { Sequencer } from '#roles/sequencer/sequencer.ts'
import { readCompactBatch } from '#wire/batch-cbor.ts'
import { inTurns } from '#wire/in-turns.ts'
import { createProver, type InclusionProof, inclusionProof } from '#wire/inclusion.ts'

/** What the sequencer has on disk, for whoever asks: read in small pages with a breath between, so that no question holds up the intake (S16). */

/** Entries read in one go: about a millisecond. */
const READ_LENGTH = 250
/** Leaves hashed in one go: a few milliseconds. */
const LEAVES_LENGTH = 1_000
/** Epochs looked through for an id whose epoch is not named. */
const EPOCHS_SEARCHED_MAX = 32

export interface ArchiveDeps {
  readonly sequencer: Pick<Sequencer, 'epoch' | 'newestEpochId'>
  readonly store: Pick<Store, 'get' | 'scan'>
}

/** Where a page begins and how long it is; `cursor` is where the one before ended. */
export interface PageOf {
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** There are more behind this place. */
  readonly next: string | undefined
}

export interface RecordedVote {
  readonly epochId: EpochId
  readonly ballot: Ballot
}

/** Of one slot and project, on a day. */
export interface DiscardedOnDay {
  readonly projectId: ProjectId
  /** What the project was last finalized with instead. */
  readonly finalizedCid: Cid
  readonly snapshotCids: readonly Cid[]
}

/** An id is what its sender wrote, and others may write the same: then slot and project say which of the votes is meant. */
export interface VoteNamed {
  readonly submissionId: SubmissionId
  /** Without it the newest are looked through. */
  readonly epochId?: EpochId | undefined
  readonly slotId?: SlotId | undefined
  readonly projectId?: ProjectId | undefined
}

/** An id in the tree of its batch, and its project's CID in the tree whose root is on chain. */
export interface Inclusion {
  readonly vote: RecordedVote
  /** In the batch the vote has another id than its sender gave it, for several votes bear that (S3): `submission.text`. */
  readonly isRenamed: boolean
  /** Under the root that the batch file names. */
  readonly submission: InclusionProof
  readonly result: ResultInclusion
}

export interface ResultInclusion {
  readonly projectId: ProjectId
  readonly batchCid: Cid
  /** As the chain has it: `finalizedCidsRootHash`. */
  readonly rootHash: Hash
  readonly isAnchored: boolean
  readonly proof: InclusionProof
}

/** Throws `EPOCH_NOT_KEPT`. */
export function epochIn(epochId: EpochId, { sequencer }: Pick<ArchiveDeps, 'sequencer'>): EpochEntry {
  const entry = sequencer.epoch(epochId)
  if (entry === undefined) throw new WeftError('EPOCH_NOT_KEPT', { epochId, newestEpochId: sequencer.newestEpochId() })
  return entry
}

/**
 * The epoch, whose votes anybody may see: before its window is over they would show slots what to vote for, without a look at the source
 * (S24). One that a reorganisation took away may be released, and voted on, again. Throws `EPOCH_OPEN`, `EPOCH_NOT_KEPT`.
 */
export function closedIn(epochId: EpochId, deps: Pick<ArchiveDeps, 'sequencer'>): EpochEntry {
  const entry = epochIn(epochId, deps)
  if (entry.state === 'released' || entry.state === 'void') throw new WeftError('EPOCH_OPEN', { epochId, state: entry.state })
  return entry
}

/** Recorded votes of an epoch, by project, then slot. */
export const votesOf = (epochId: EpochId, page: PageOf, deps: ArchiveDeps, asking: Asking) =>
  pageOf(votesPrefix(epochId), page, { deps, asking, itemOf: ({ value }) => decodeBallot(value) })

/** Votes that contradict recorded ones, by slot. */
export const evidenceOf = (epochId: EpochId, page: PageOf, deps: ArchiveDeps, asking: Asking) =>
  pageOf(evidencePrefix(epochId), page, { deps, asking, itemOf: ({ value }) => decodeBallot(value) })

/** Votes that lost to another CID, by project, then slot. */
export function discardedOf(epoch: EpochEntry, page: PageOf, deps: ArchiveDeps, asking: Asking): Promise<Page<Ballot>> {
  const winners = winnersOf(epoch)
  return pageOf(votesPrefix(epoch.epochId), page, {
    deps,
    asking,
    itemOf({ value }) {
      const ballot = decodeBallot(value)
      const { projectId, snapshotCid } = ballot.submission.request
      const winner = winners.get(projectId)
      return winner === undefined || winner === snapshotCid ? undefined : ballot
    },
  })
}

/** Votes of a slot that lost on the day, by project, as far as the day's epochs are kept. */
export async function discardedOnDay(
  slotId: SlotId,
  day: Day | undefined,
  deps: ArchiveDeps,
  asking: Asking,
): Promise<readonly DiscardedOnDay[]> {
  const found = new Map<ProjectId, { projectId: ProjectId; finalizedCid: Cid; snapshotCids: Cid[] }>()
  let looked = 0
  const looking = async () => {
    if (looked % READ_LENGTH === 0) await asking.breathe()
    looked += 1
  }
  for (let epochId = day?.firstEpochId ?? 0; epochId <= (day?.lastEpochId ?? -1); epochId += 1) {
    await looking()
    const epoch = deps.sequencer.epoch(epochId as EpochId)
    for (const [projectId, finalizedCid] of epoch === undefined ? [] : winnersOf(epoch)) {
      await looking()
      const vote = deps.store.get(voteKey(epochId as EpochId, projectId, slotId))
      const snapshotCid = vote && decodeBallot(vote).submission.request.snapshotCid
      if (snapshotCid === undefined || snapshotCid === finalizedCid) continue
      const { snapshotCids } = found.get(projectId) ?? { snapshotCids: [] as Cid[] }
      snapshotCids.push(snapshotCid)
      found.set(projectId, { projectId, finalizedCid, snapshotCids })
    }
  }
  return [...found.values()].sort((left, right) => (left.projectId < right.projectId ? -1 : 1))
}

/** How many votes of the epoch each slot has on record, and how many of them won; ascending. */
export async function slotsOf(epoch: EpochEntry, deps: ArchiveDeps, asking: Asking) {
  const winners = winnersOf(epoch)
  const slots = new Map<SlotId, { votes: number; won: number }>()
  for await (const { key, value } of entries(votesPrefix(epoch.epochId), undefined, deps, asking)) {
    const slotId = slotOfVoteKey(key)
    const counted = slots.get(slotId) ?? { votes: 0, won: 0 }
    slots.set(slotId, counted)
    counted.votes += 1
    if (winners.size === 0) continue
    const { projectId, snapshotCid } = decodeBallot(value).submission.request
    if (winners.get(projectId) === snapshotCid) counted.won += 1
  }
  return [...slots].map(([slotId, counted]) => ({ slotId, ...counted })).sort((left, right) => left.slotId - right.slotId)
}

/** The vote that is named, of the newest epoch that has any such. Throws `SUBMISSION_AMBIGUOUS`, `SUBMISSION_NOT_KEPT`, `EPOCH_NOT_KEPT`. */
export async function findVote(named: VoteNamed, deps: ArchiveDeps, asking: Asking): Promise<RecordedVote> {
  const { submissionId, epochId } = named
  const newest = epochId === undefined ? deps.sequencer.newestEpochId() : epochIn(epochId, deps).epochId
  const oldest = epochId ?? Math.max(1, newest - EPOCHS_SEARCHED_MAX + 1)
  for (let each = newest as number; each >= oldest; each -= 1) {
    const [ballot, another] = await votesNamed(named, each as EpochId, deps, asking)
    if (another !== undefined) throw new WeftError('SUBMISSION_AMBIGUOUS', { submissionId, epochId: each })
    if (ballot !== undefined) return { epochId: each as EpochId, ballot }
  }
  throw new WeftError('SUBMISSION_NOT_KEPT', { submissionId, lookedIn: `epochs ${oldest} to ${newest}` })
}

/** Of those in an epoch that bear the id, no more than two: more than one is more than can be told apart. */
async function votesNamed(
  { submissionId, slotId, projectId }: VoteNamed,
  epochId: EpochId,
  deps: ArchiveDeps,
  asking: Asking,
): Promise<readonly Ballot[]> {
  const found: Ballot[] = []
  for await (const { key, value } of entries(votesPrefix(epochId), undefined, deps, asking)) {
    if (idOfBallot(value) !== submissionId || (slotId !== undefined && slotOfVoteKey(key) !== slotId)) continue
    const ballot = decodeBallot(value)
    if (projectId === undefined || ballot.submission.request.projectId === projectId) found.push(ballot)
    if (found.length > 1) break
  }
  return found
}

/** Throws `NOT_BATCHED`, `SUBMISSION_AMBIGUOUS`, `SUBMISSION_NOT_KEPT`, `EPOCH_NOT_KEPT`. */
export async function inclusionOf(named: VoteNamed, deps: ArchiveDeps, asking: Asking): Promise<Inclusion> {
  const { submissionId } = named
  const vote = await findVote(named, deps, asking)
  const result = resultInclusionOf(vote.epochId, vote.ballot.submission.request.projectId, deps)
  const submission = await provenInBatch(vote, result.batchCid, deps, asking)
  // A vote whose header a reorganisation took away is on record, and in no batch.
  if (submission === undefined) throw new WeftError('NOT_BATCHED', { what: submissionId, epochId: vote.epochId, state: 'not counted' })
  return { vote, isRenamed: submission.text !== submissionId, submission, result }
}

/** The CID of a project under the root of its batch on chain. Throws `NOT_BATCHED`, `EPOCH_NOT_KEPT`. */
export function resultInclusionOf(epochId: EpochId, projectId: ProjectId, deps: ArchiveDeps): ResultInclusion {
  const { projects, batches } = epochIn(epochId, deps)
  const project = projects.find((each) => each.projectId === projectId)
  const anchored = batches.find(({ batchCid }) => batchCid === project?.batchCid)
  const plan = plansOf(epochId, deps).find(({ batchCid }) => batchCid === project?.batchCid)
  const proof = plan && inclusionProof(plan.snapshotCids, plan.projectIds.indexOf(projectId))
  if (proof === undefined || plan === undefined || anchored === undefined)
    throw new WeftError('NOT_BATCHED', { what: projectId, epochId, state: told(project) })
  return { projectId, batchCid: plan.batchCid, rootHash: plan.rootHash, isAnchored: anchored.isAnchored, proof }
}

function told(project: ProjectEntry | undefined): string {
  if (project === undefined) return 'not counted yet'
  return project.reason === undefined ? project.state : `${project.state}, ${project.reason}`
}

/** A vote's id in the tree of its batch: one that goes on from batch to batch, or else one of the batch alone. */
async function provenInBatch(
  { epochId, ballot }: RecordedVote,
  batchCid: Cid,
  { store, ...deps }: ArchiveDeps,
  asking: Asking,
): Promise<InclusionProof | undefined> {
  const { slotId, projectId } = ballot.submission.request
  const before: string[] = []
  for (const plan of plansOf(epochId, { store, ...deps })) {
    const file = await batchIn(store.get(planFileKey(epochId, plan.index)), asking)
    const ids = (file?.submissions ?? []).map(({ submissionId }) => submissionId)
    if (plan.batchCid !== batchCid) {
      for (const id of ids) before.push(id)
      continue
    }
    // By whose it is and for what: its id in the batch may be another than the one that it came with.
    const isIt = ({ submission: { request } }: BatchedSubmission) => request.slotId === slotId && request.projectId === projectId
    const index = file?.submissions.findIndex(isIt) ?? -1
    if (file === undefined || index < 0) return undefined
    for (const earlier of [before, []]) {
      const proof = await proven([...earlier, ...ids], earlier.length + index, asking)
      if (proof?.root === file.submissionsRoot) return proof
    }
    return undefined
  }
  return undefined
}

/** A planned batch as it is kept, whatever form its file has. */
async function batchIn(compact: Uint8Array | undefined, { breathe }: Asking): Promise<Batch | undefined> {
  const parsed = compact && (await inTurns(readCompactBatch(compact, compact.length), breathe))
  return parsed?.ok ? parsed.batch : undefined
}

async function proven(ids: readonly string[], index: number, asking: Asking): Promise<InclusionProof | undefined> {
  const prover = createProver(index)
  for (const [done, id] of ids.entries()) {
    if (done % LEAVES_LENGTH === 0) await asking.breathe()
    prover.append(id)
  }
  return prover.proof()
}

/** The epoch's planned batches, without their files. */
function plansOf(epochId: EpochId, { store }: ArchiveDeps): readonly Omit<PlannedBatch, 'file'>[] {
  return store.scan(plansPrefix(epochId)).map(({ value }) => fromBytes<Omit<PlannedBatch, 'file'>>(value))
}

/** By project: the CID that won, where one did. */
function winnersOf({ projects }: EpochEntry): ReadonlyMap<ProjectId, Cid> {
  return new Map(projects.flatMap(({ projectId, snapshotCid }) => (snapshotCid === undefined ? [] : [[projectId, snapshotCid] as const])))
}

async function* entries(prefix: string, after: string | undefined, { store }: ArchiveDeps, asking: Asking): AsyncGenerator<StoreEntry> {
  let from = after
  for (;;) {
    await asking.breathe()
    const read = store.scan(prefix, { limit: READ_LENGTH, ...(from !== undefined && { after: from }) })
    yield* read
    if (read.length < READ_LENGTH) return
    from = read.at(-1)?.key
  }
}

interface Reading<Item> {
  readonly deps: ArchiveDeps
  readonly asking: Asking
  /** `undefined`: the entry does not belong to the list. */
  itemOf(entry: StoreEntry): Item | undefined
}

async function pageOf<Item>(prefix: string, { cursor, limit }: PageOf, { deps, asking, itemOf }: Reading<Item>): Promise<Page<Item>> {
  const items: Item[] = []
  let last: string | undefined
  for await (const entry of entries(prefix, cursor === undefined ? undefined : prefix + cursor, deps, asking)) {
    const item = itemOf(entry)
    if (item === undefined) continue
    if (items.length === limit) return { items, next: last?.slice(prefix.length) }
    items.push(item)
    last = entry.key
  }
  return { items, next: undefined }
}
