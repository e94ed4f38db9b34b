import pLimit from 'p-limit'
import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Batch } from '#domain/batch.ts'
import { byCodeUnit, type Cid, type ContractNumber, type EpochId, type ProjectId } from '#domain/ids.ts'
import type { Rounds } from '#domain/rounds.ts'
import { isBatchWindowOver } from '#domain/window.ts'
import type { AnchoredWithProjects } from '#io/chain/port.ts'
import { isUnreadable } from '#life/keep.ts'
import type { Life } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { type BatchFile, batchCidOf, batchFile, isBatchCid, readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { isDagCborCid } from '#wire/cid.ts'
import { keccak256 } from '#wire/keccak.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { withUniqueIds } from '#wire/unique-ids.ts'
import { type JudgedBy, type OwnResult, ownResults } from './recheck.ts'
import { learnJudgedBy, type Validating } from './validate.ts'

/**
 * How long each validator has for its turn, in blocks: for its call to be mined and seen by the next. The first waits as long: the
 * sequencer's own may be in a block that is not seen here yet.
 */
const TURN_BLOCKS = 2
/** The files were kept here when they were judged (V4). */
const READ_TIMEOUT_MS = 5_000
/** Files read and counted at once: after a sequencer has lied for long many epochs may have their turn with one block. */
const FILES_AT_ONCE = 4

export interface StandIns {
  /** Stands in where it is this validator's turn now. Does not wait. */
  look(): void
  /** Resolves when nothing is under way. */
  idle(): Promise<unknown>
}

/** When half of a round's batch window is over and nobody has answered a refutation, validators send what the valid votes give (V15). */
export function createStandIns(deps: Validating, { fail, signal }: Life): StandIns {
  /** By epoch, the block of the refutation that was last tried to answer. The next one may begin the same round anew, or, in the last round, none. */
  const tried = new Map<EpochId, ContractNumber>()
  /** No epoch waits for the calls of another. */
  const works = new Set<Promise<unknown>>()
  const files = pLimit(FILES_AT_ONCE)

  async function begin(epoch: ReleasedEpoch, { start, refutedAt }: Rounds): Promise<void> {
    const isWhole = await standIn({ epoch, start, files }, deps, signal)
    // What a file was missing for is tried again with the next block, while it is still our turn.
    if (!isWhole && tried.get(epoch.epochId) === refutedAt) tried.delete(epoch.epochId)
  }

  return {
    look() {
      if (signal.aborted) return
      for (const epoch of deps.view.epochs()) {
        const rounds = deps.view.rounds(epoch.epochId)
        if (rounds?.refutedAt === undefined || !rounds.hasRefuted) continue
        if (tried.get(epoch.epochId) === rounds.refutedAt || !isOurTurn(epoch, deps)) continue
        tried.set(epoch.epochId, rounds.refutedAt)
        const work = begin(epoch, rounds)
          .catch(fail)
          .finally(() => works.delete(work))
        works.add(work)
      }
      for (const epochId of tried.keys()) if (deps.view.epoch(epochId) === undefined) tried.delete(epochId)
    },
    idle: () => Promise.all(works),
  }
}

/** The first half of the round is the sequencer's. Then the validators take turns, in an order that is another one in each epoch and the same for all. */
function isOurTurn({ epochId }: ReleasedEpoch, { view, contract, sender }: Validating): boolean {
  const start = view.rounds(epochId)?.start
  const head = view.head?.contractNumber
  if (start === undefined || head === undefined || isBatchWindowOver(start, head, contract)) return false
  const placeOf = (address: string): string => keccak256(new TextEncoder().encode(`${epochId} ${address}`)).toHex()
  const order = contract.validators.map(placeOf).sort(byCodeUnit)
  const rank = order.indexOf(placeOf(sender.address))
  return rank >= 0 && head >= start + Math.floor(contract.batchWindowBlocks / 2) + TURN_BLOCKS * (rank + 1)
}

interface Round {
  readonly epoch: ReleasedEpoch
  /** The block from which its windows count. */
  readonly start: ContractNumber
  readonly files: ReturnType<typeof pLimit>
}

/**
 * Order: what is still refuted, from the chain; what the votes give; the files on IPFS; then the calls, each once for what was refuted and the
 * block that began the round (G4). Says whether no file was missing for any of them.
 */
async function standIn({ epoch, start, files }: Round, deps: Validating, signal: AbortSignal): Promise<boolean> {
  const { epochId } = epoch
  const [batchCids, anchored] = await persist({ doing: 'read_batches', attempt: () => readBatches(epochId, deps), signal }, deps)
  const judgedBy = await learnJudgedBy(epoch, () => isOurTurn(epoch, deps), deps, signal)
  if (judgedBy === undefined) return true
  const read = (batchCid: Cid) => files(() => readFile(batchCid, deps, signal))
  const author = createAuthor({ batchCids, judgedBy, read }, deps)
  const holders = new Map(anchored.flatMap((batch) => batch.projectIds.map((projectId) => [projectId, batch] as const)))
  const answers: Answer[] = []
  // One for each that was refuted: no larger than that was, whatever the market allows.
  for (const batch of anchored) {
    const disputed = batch.projectIds.filter((projectId) => batch.isRefused && holders.get(projectId) === batch)
    if (disputed.length > 0) answers.push(await author.answer(batch, disputed))
  }
  const corrections = answers.filter((answer) => answer.kind === 'correction')
  await Promise.all(corrections.map((correction) => store(correction, epochId, deps, signal)))
  // In their order: what continues a tree continues those before it.
  await Promise.all(corrections.map((correction) => send(correction, { epochId, start }, deps, signal)))
  const unanswered = answers.filter((answer) => answer.kind === 'missing')
  for (const { refutedCid, missingCid } of unanswered) deps.report('stand_in_waits', { epochId, batchCid: refutedCid, missingCid })
  return unanswered.length === 0
}

/**
 * The CIDs of the epoch's batches in the order of the chain, and those of which it names projects: by its roots alone nobody can take one over.
 * As of the block that was followed: an endpoint that is behind knows nothing of the refutation, and must not be believed that there is none.
 */
async function readBatches(
  epochId: EpochId,
  { chain, view }: Validating,
): Promise<readonly [batchCids: readonly Cid[], anchored: readonly AnchoredWithProjects[]]> {
  const at = view.head?.number
  const batchCids = await chain.batchCids(epochId, at)
  const batches = await Promise.all([...new Set(batchCids)].map((batchCid) => chain.batch(epochId, batchCid, at)))
  return [batchCids, batches.filter((batch) => batch?.projectIds !== undefined)]
}

async function readFile(batchCid: Cid, { ipfs, breathe }: Validating, signal: AbortSignal): Promise<Batch | undefined> {
  try {
    const bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: READ_TIMEOUT_MS, signal })
    // As in `recheck`: what is said in our name is made of no other votes than those that were refuted (V1).
    if (isBatchCid(batchCid) && (await batchCidOf(bytes, batchCid)) !== batchCid) return undefined
    const parsed = await readBatchFile(bytes, batchCid, breathe)
    return parsed.ok ? parsed.batch : undefined
  } catch (failure) {
    signal.throwIfAborted()
    // Any text may be on chain as a CID: without its file nothing is to be said of it.
    if (!isUnreadable(failure)) throw failure
    return undefined
  }
}

/** A batch that says the right thing about what was refuted, before anybody has it. */
interface Correction extends BatchFile {
  readonly kind: 'correction'
  readonly refutedCid: Cid
  readonly projectIds: readonly ProjectId[]
  readonly snapshotCids: readonly Cid[]
}

/** `missing`: it cannot be written without a file that nobody serves now. `stands`: the votes give nothing, or just what was refuted. */
type Answer = Correction | { readonly kind: 'missing'; readonly refutedCid: Cid; readonly missingCid: Cid } | { readonly kind: 'stands' }

interface Sources {
  /** As the chain has them, in its order. */
  readonly batchCids: readonly Cid[]
  readonly judgedBy: JudgedBy
  readonly read: (batchCid: Cid) => Promise<Batch | undefined>
}

/**
 * Writes the corrections of an epoch, each under a CID that the chain does not have: of those it has no validator says a second thing. A tree
 * of its own where that gives a new CID, else the one that continues all batches of the chain, and what was written before. That is one only
 * with all their ids: behind a gap nothing is written, for a root that is of neither tree is withheld from, and the contract takes one
 * correction only.
 */
function createAuthor({ batchCids, judgedBy, read }: Sources, deps: Validating) {
  const written: string[] = []

  /** The ids of all batches on chain; or the first batch that nobody serves. */
  async function idsOnChain(): Promise<readonly string[] | { readonly missingCid: Cid }> {
    const ids: string[] = []
    for (const batchCid of batchCids) {
      const file = await read(batchCid)
      if (file === undefined) return { missingCid: batchCid }
      for (const id of idsOf(file)) ids.push(id)
    }
    return ids
  }

  async function write(refutedCid: Cid, results: readonly OwnResult[]): Promise<Answer> {
    // What was heard may bear an id that another vote has.
    const submissions = await withUniqueIds(
      results.flatMap((result) => result.submissions),
      deps.hasher,
      deps.breathe,
    )
    const projectIds = results.map(({ projectId }) => projectId)
    const snapshotCids = results.map(({ snapshotCid }) => snapshotCid)
    const ids = idsOf({ submissions })
    const fileWith = (before: readonly string[]) =>
      batchFile({ submissions, projectIds, snapshotCids, submissionsRoot: publishedRoot([...before, ...ids]) }, judgedBy.rules.batchForm)
    let file = await fileWith([])
    if (batchCids.includes(file.batchCid)) {
      const onChain = await idsOnChain()
      if ('missingCid' in onChain) return { kind: 'missing', refutedCid, ...onChain }
      file = await fileWith([...onChain, ...written])
    }
    written.push(...ids)
    return { kind: 'correction', refutedCid, projectIds, snapshotCids, ...file }
  }

  return {
    /** What the votes in the refuted batch give for those of its projects that no other has taken over. */
    async answer(refuted: AnchoredWithProjects, disputed: readonly ProjectId[]): Promise<Answer> {
      const { batchCid, projectIds, snapshotCids } = refuted
      // What nobody can read holds no vote: what was heard is all there is (V17).
      const found = await read(batchCid)
      const file = found ?? { submissions: [], submissionsRoot: '', projectIds, snapshotCids: [] }
      const results = (await ownResults(file, disputed, judgedBy, deps)).toSorted((left, right) =>
        byCodeUnit(left.projectId, right.projectId),
      )
      if (found === undefined && results.length === 0) return { kind: 'missing', refutedCid: batchCid, missingCid: batchCid }
      // Of a file that nobody can read the results may be right: it is refuted all the same.
      const isRefuted =
        found !== undefined && results.every(({ projectId, snapshotCid }) => snapshotCids[projectIds.indexOf(projectId)] === snapshotCid)
      return isRefuted ? { kind: 'stands' } : write(batchCid, results)
    },
  }
}

const idsOf = ({ submissions }: Pick<Batch, 'submissions'>): string[] => submissions.map(({ submissionId }) => submissionId)

/** Before the chain hears of it (G3). */
function store({ batchCid, file }: Correction, epochId: EpochId, deps: Validating, signal: AbortSignal): Promise<Cid> {
  const codec = isDagCborCid(batchCid) ? 'dag-cbor' : undefined
  return persist({ doing: 'pin', attempt: () => deps.ipfs.add(file, epochId, codec), signal }, deps)
}

async function send(
  { refutedCid, batchCid, projectIds, snapshotCids }: Correction,
  { epochId, start }: { readonly epochId: EpochId; readonly start: ContractNumber },
  deps: Validating,
  signal: AbortSignal,
): Promise<void> {
  const call = {
    kind: 'submitSubmissionBatch',
    epochId,
    batchCid,
    projectIds,
    snapshotCids,
    rootHash: publishedRoot(snapshotCids),
  } as const
  const attempt = () => deps.sender.send(`correct/${epochId}/${start}/${refutedCid}`, call, signal)
  const outcome = await persist({ doing: 'stand_in', attempt, signal }, deps)
  const round = deps.view.rounds(epochId)?.count ?? 0
  deps.report('stood_in', { epochId, round, batchCid, outcome: outcome.kind === 'done' ? 'done' : outcome.reason })
}
