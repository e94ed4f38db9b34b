import type { ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Batch } from '#domain/batch.ts'
import { byCodeUnit, type Cid, type EpochId, type ProjectId } from '#domain/ids.ts'
import { lastBatchBlock } from '#domain/window.ts'
import type { AnchoredWithProjects, ProtocolCall } from '#io/chain/port.ts'
import { isUnreadable } from '#life/keep.ts'
import type { Life } from '#life/live.ts'
import { persist } from '#life/persist.ts'
import { parseBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX, encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { keccak256 } from '#wire/keccak.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { withUniqueIds } from '#wire/unique-ids.ts'
import { type OwnResult, ownResults } from './recheck.ts'
import { learnJudgedBy, type Validating } from './validate.ts'

/**
 * How long each validator has for its turn, in blocks: for its call to be mined and seen by the next. The first waits as long: an endpoint that
 * is a block behind would still refuse its call, and a refusal is for good.
 */
const TURN_BLOCKS = 2
/** The files were kept here when they were judged (V4). */
const READ_TIMEOUT_MS = 5_000

export interface StandIns {
  /** Stands in where it is this validator's turn now. Does not wait. */
  look(): void
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** When half of a round's batch window is over and nobody has answered a refutation, validators send what the valid votes give (V15). */
export function createStandIns(deps: Validating, { fail, signal }: Life): StandIns {
  /** Epoch and round; each is tried once. */
  const tried = new Map<EpochId, number>()
  let work: Promise<void> = Promise.resolve()
  return {
    look() {
      for (const epoch of deps.view.epochs()) {
        const rounds = deps.view.rounds(epoch.epochId)
        if (rounds === undefined || !rounds.hasRefuted || tried.get(epoch.epochId) === rounds.count || !isOurTurn(epoch, deps)) continue
        tried.set(epoch.epochId, rounds.count)
        work = work.then(() => (signal.aborted ? undefined : standIn(epoch, rounds.count, deps, signal))).catch(fail)
      }
      for (const epochId of tried.keys()) if (deps.view.epoch(epochId) === undefined) tried.delete(epochId)
    },
    idle: () => work,
  }
}

/** The first half of the round is the sequencer's. Then the validators take turns, in an order that is another one in each epoch and the same for all. */
function isOurTurn({ epochId }: ReleasedEpoch, { view, contract, sender }: Validating): boolean {
  const start = view.rounds(epochId)?.start
  const head = view.head?.number
  if (start === undefined || head === undefined || head > lastBatchBlock(start, contract)) return false
  const placeOf = (address: string): string => keccak256(new TextEncoder().encode(`${epochId} ${address}`)).toHex()
  const order = contract.validators.map(placeOf).sort(byCodeUnit)
  const rank = order.indexOf(placeOf(sender.address))
  return rank >= 0 && head >= start + Math.floor(contract.batchWindowBlocks / 2) + TURN_BLOCKS * (rank + 1)
}

/** Order: what is still refuted, from the chain; what the votes give; the files on IPFS; then the calls, each once per round (G4). */
async function standIn(epoch: ReleasedEpoch, round: number, deps: Validating, signal: AbortSignal): Promise<void> {
  const { epochId } = epoch
  const anchored = await persist({ doing: 'read_batches', attempt: () => readBatches(epochId, deps), signal }, deps)
  const holders = new Map(anchored.flatMap((batch) => batch.projectIds.map((projectId) => [projectId, batch] as const)))
  const files = createFiles(anchored, deps, signal)
  const calls: SubmitCall[] = []
  // One for each that was refuted: no larger than that was, whatever the market allows.
  for (const batch of anchored) {
    const disputed = batch.projectIds.filter((projectId) => batch.isRefused && holders.get(projectId) === batch)
    const results = disputed.length > 0 ? await correctedOf(batch, disputed, epoch, deps, signal) : []
    if (results.length > 0) calls.push(await callOf(epochId, results, files, deps))
  }
  await Promise.all(
    calls.map(async (call, index) => {
      const send = () => deps.sender.send(`correct/${epochId}/${round}/${index}`, call, signal)
      const outcome = await persist({ doing: 'stand_in', attempt: send, signal }, deps)
      const { batchCid } = call
      deps.report('stood_in', { epochId, round, batchCid, outcome: outcome.kind === 'done' ? 'done' : outcome.reason })
    }),
  )
}

/** Of a batch by its roots the chain names no project: nobody can take one over. */
async function readBatches(epochId: EpochId, { chain }: Validating): Promise<readonly AnchoredWithProjects[]> {
  const batchCids = [...new Set(await chain.batchCids(epochId))]
  const batches = await Promise.all(batchCids.map((batchCid) => chain.batch(epochId, batchCid)))
  return batches.filter((batch) => batch?.projectIds !== undefined)
}

/** What this validator finds for the projects; nothing where that is what was refuted. */
async function correctedOf(
  { batchCid, projectIds, snapshotCids }: AnchoredWithProjects,
  disputed: readonly ProjectId[],
  epoch: ReleasedEpoch,
  deps: Validating,
  signal: AbortSignal,
): Promise<readonly OwnResult[]> {
  // What nobody can read holds no vote: what was heard is all there is (V17).
  const read = await readFile(batchCid, deps, signal)
  const file = read ?? { submissions: [], submissionsRoot: '', projectIds, snapshotCids: [] }
  const judgedBy = await learnJudgedBy(epoch, () => isOurTurn(epoch, deps), deps, signal)
  if (judgedBy === undefined) return []
  const results = await ownResults(file, disputed, judgedBy, deps)
  // Of a file that nobody can read the results may be right: it is refuted all the same.
  const isRefuted =
    read !== undefined && results.every(({ projectId, snapshotCid }) => snapshotCids[projectIds.indexOf(projectId)] === snapshotCid)
  return isRefuted ? [] : results
}

async function readFile(batchCid: Cid, { ipfs }: Validating, signal: AbortSignal) {
  try {
    const parsed = parseBatchFile(await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: READ_TIMEOUT_MS, signal }), batchCid)
    return parsed.ok ? parsed.batch : undefined
  } catch (failure) {
    signal.throwIfAborted()
    // Any text may be on chain as a CID: without its file nothing is to be said of it.
    if (!isUnreadable(failure)) throw failure
    return undefined
  }
}

type SubmitCall = Extract<ProtocolCall, { readonly kind: 'submitSubmissionBatch' }>

/** The batch, stored here before it is spoken of (G3). */
async function callOf(
  epochId: EpochId,
  unordered: readonly OwnResult[],
  files: Files,
  { hasher, breathe }: Validating,
): Promise<SubmitCall> {
  const results = unordered.toSorted((left, right) => byCodeUnit(left.projectId, right.projectId))
  // What was heard may bear an id that another vote has.
  const submissions = await withUniqueIds(
    results.flatMap((result) => result.submissions),
    hasher,
    breathe,
  )
  const projectIds = results.map(({ projectId }) => projectId)
  const snapshotCids = results.map(({ snapshotCid }) => snapshotCid)
  const batchCid = await files.add(epochId, { submissions, projectIds, snapshotCids })
  return { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds, snapshotCids, rootHash: publishedRoot(snapshotCids) }
}

interface Files {
  /** Stores a batch under a CID that the chain does not have: of those it has no validator says a second thing. */
  add(epochId: EpochId, batch: Omit<Batch, 'submissionsRoot'>): Promise<Cid>
}

/** The files of an epoch's batches, with those that are added. A tree of its own where that gives a new CID, else the one that continues all of them. */
function createFiles(anchored: readonly AnchoredWithProjects[], deps: Validating, signal: AbortSignal): Files {
  const added: string[] = []
  const idsOf = (submissions: Batch['submissions']): string[] => submissions.map(({ submissionId }) => submissionId)
  async function idsBefore(): Promise<string[]> {
    const ids: string[] = []
    for (const { batchCid } of anchored) ids.push(...idsOf((await readFile(batchCid, deps, signal))?.submissions ?? []))
    return [...ids, ...added]
  }
  return {
    async add(epochId, batch) {
      const ids = idsOf(batch.submissions)
      const alone = encodeBatch({ ...batch, submissionsRoot: publishedRoot(ids) })
      const cid = await snapshotCidOf(alone)
      const isTaken = anchored.some(({ batchCid }) => batchCid === cid)
      const file = isTaken ? encodeBatch({ ...batch, submissionsRoot: publishedRoot([...(await idsBefore()), ...ids]) }) : alone
      added.push(...ids)
      return persist({ doing: 'pin', attempt: () => deps.ipfs.add(file, epochId), signal }, deps)
    },
  }
}
