import type { Header } from '#domain/anchor-view.ts'
import { type Batch, EPOCH_BATCHES_MAX } from '#domain/batch.ts'
import type { ChainStep } from '#domain/chain-step.ts'
import { isWeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { rangesOf } from '#domain/ranges.ts'
import { createRecent, type Recent } from '#domain/recent.ts'
import type { VoteFate } from '#domain/submission.ts'
import { REPLAY_MARGIN_BLOCKS } from '#domain/window.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { isUnreadable } from '#life/keep.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { readBatchFile } from '#wire/batch-file.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { createBell } from './bell.ts'
import type { Counters } from './counters.ts'
import type { KeptVote, Outbox } from './outbox.ts'

/** Nobody waits for it, and the epoch is looked at again when one of its batches is final. */
const FETCH_TIMEOUT_MS = 10_000
/** For those of an epoch together that are not final: whoever anchors can announce any number that nobody serves. */
const NOT_FINAL_TIMEOUT_MS = 60_000
/** Epochs that wait to be looked at: more than end while one is. Beyond it the oldest is given up. */
const WAITING_MAX = 1_000
/** Epochs of an earlier life that are looked at after the start: further back batches are hardly to be had. */
const LOOK_BACK_EPOCHS = 64
const IDLE_MS = 60_000
/** Of files that were read: some 70,000 votes that none of them holds, and mostly there are few. Beyond it files are read again. */
const REMEMBERED_BYTES_MAX = 16 * 1024 * 1024

export interface IncludeDeps extends PersistDeps {
  readonly chain: Pick<AnchorChain, 'dataMarket' | 'block' | 'batchCids' | 'batch'>
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly outbox: Pick<Outbox, 'unjudgedEpochs' | 'unjudged' | 'judge' | 'judgedAfter' | 'takeBack'>
  readonly counters: Pick<Counters, 'countFate'>
  readonly clock: Clock
  /** The newest block; `undefined` until the chain was followed up to the head that it had at the start. */
  head(): Header | undefined
}

export interface Including {
  /** Says which epochs have batches, which batches are final, and what a reorganisation took away; after `head` has it. */
  note(step: ChainStep): void
  /** Looks at epochs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

/**
 * Beside stage 3, when an epoch has its batches: which votes that were taken they hold (C18). `included` is one that a batch holds, `missing` one that none does,
 * though a batch with a result for its project is final. Where a file cannot be had nothing is `missing`. What was seen in blocks that are gone is taken back, and the epoch looked at again.
 */
export function createIncluding(deps: IncludeDeps): Including {
  const { chain, outbox, counters, report } = deps
  const dataMarket = chain.dataMarket.toLowerCase()
  const isOurs = (vote: KeptVote): boolean => vote.dataMarket === dataMarket
  const waiting = new Set<EpochId>()
  /** The newest block up to which an epoch was read, of those that a reorganisation may still take away. */
  const readUpTo = new Map<EpochId, BlockNumber>()
  /** The block above which what was seen of an epoch is gone. */
  const goneAbove = new Map<EpochId, BlockNumber>()
  const remembered = createRecent<FilesRead>(REMEMBERED_BYTES_MAX)
  const bell = createBell(deps.clock)

  function put(epochId: EpochId): void {
    waiting.add(epochId)
    const [oldest] = waiting
    if (waiting.size > WAITING_MAX && oldest !== undefined) waiting.delete(oldest)
  }

  function takeBack(epochId: EpochId, above: BlockNumber): void {
    goneAbove.set(epochId, Math.min(above, goneAbove.get(epochId) ?? above) as BlockNumber)
    put(epochId)
  }

  async function look(epochId: EpochId, head: Header, signal: AbortSignal): Promise<void> {
    const above = goneAbove.get(epochId)
    goneAbove.delete(epochId)
    if (above !== undefined) await outbox.takeBack(epochId, above)
    const votes = outbox.unjudged(epochId).filter(isOurs)
    if (votes.length === 0) return
    let upTo = head
    const at = (): BlockNumber => {
      upTo = deps.head() ?? upTo
      readUpTo.set(epochId, upTo.number)
      return upTo.number
    }
    const fateOf = await readEpoch(epochId, { votes, at, remembered }, deps, signal)
    // A reorganisation came in between: it waits again.
    if (goneAbove.has(epochId)) return
    const judged = await outbox.judge(epochId, (vote) => (isOurs(vote) ? fateOf(vote) : undefined), upTo)
    for (const { fate } of judged) counters.countFate(fate)
    const missing = judged.filter(({ fate }) => fate === 'missing')
    for (const [projectId, votes] of Map.groupBy(missing, (vote) => vote.projectId))
      report('votes_left_out', { epochId, projectId, slots: rangesOf(votes.map(({ slotId }) => slotId)).join(', ') })
    for (const [past, number] of readUpTo) if (number + REPLAY_MARGIN_BLOCKS < upTo.number) readUpTo.delete(past)
  }

  /** What an earlier life saw may have gone while nobody looked. */
  async function begin(head: Header, signal: AbortSignal): Promise<void> {
    const seen = outbox.judgedAfter((head.number - REPLAY_MARGIN_BLOCKS) as BlockNumber)
    // Before anything is asked: what goes while an answer is on its way is told by `note`.
    for (const { epochId, asOf } of seen) readUpTo.set(epochId, Math.max(asOf.number, readUpTo.get(epochId) ?? 0) as BlockNumber)
    const isThere = new Map<string, boolean>()
    for (const { epochId, asOf } of seen) {
      if (!isThere.has(asOf.hash)) {
        const block = await persist({ doing: 'read_batches', attempt: () => chain.block(asOf.number), signal }, deps)
        isThere.set(asOf.hash, block?.hash === asOf.hash)
      }
      if (isThere.get(asOf.hash) === false) takeBack(epochId, (asOf.number - 1) as BlockNumber)
    }
    for (const epochId of outbox.unjudgedEpochs().slice(-LOOK_BACK_EPOCHS)) put(epochId)
  }

  return {
    note(step) {
      if (step.kind === 'rollback') {
        for (const [epochId, number] of readUpTo) if (number > step.to.number) takeBack(epochId, step.to.number)
      } else
        for (const event of step.events)
          if (event.kind === 'BatchSubmissionsCompleted' || event.kind === 'SnapshotBatchFinalized') put(event.epochId)
      bell.ring()
    },
    async run(signal) {
      let hasBegun = false
      while (!signal.aborted) {
        const head = deps.head()
        if (head !== undefined) {
          if (!hasBegun) await begin(head, signal)
          hasBegun = true
          for (const epochId of waiting) {
            waiting.delete(epochId)
            await look(epochId, head, signal)
          }
        }
        await bell.wait(IDLE_MS, signal)
      }
    },
  }
}

type ReadDeps = Omit<IncludeDeps, 'outbox' | 'counters' | 'head'>

/** Files of an epoch that were read. True whatever becomes of their blocks: a CID names the same bytes on every fork. */
interface FilesRead {
  /** Votes that none of them holds. */
  readonly without: ReadonlySet<string>
  /** For which of the projects of these votes each has a result. */
  readonly projectsOf: ReadonlyMap<Cid, readonly ProjectId[]>
}

interface ReadEpoch {
  readonly votes: readonly KeptVote[]
  readonly remembered: Recent<FilesRead>
  at(): BlockNumber
}

/**
 * What the batches of the epoch say of these votes, as far as they can be read, as of the blocks that `at` names. Nothing is kept but of them: an epoch may have any number of others.
 * A file is read once while no vote is sought that was not sought in it: one that is taken later, or taken back, has all of them read again.
 */
async function readEpoch(
  epochId: EpochId,
  { votes, at, remembered }: ReadEpoch,
  deps: ReadDeps,
  signal: AbortSignal,
): Promise<(vote: KeptVote) => VoteFate | undefined> {
  const { chain, clock } = deps
  const patiently = <Value>(attempt: () => Promise<Value>) => persist({ doing: 'read_batches', attempt, signal }, deps)
  const sought = new Set(votes.map(voteKey))
  const projects = [...new Set(votes.map(({ projectId }) => projectId))]
  const before = remembered.get(`${epochId}`)
  const projectsOf = new Map<Cid, readonly ProjectId[]>(before !== undefined && sought.isSubsetOf(before.without) ? before.projectsOf : [])
  const held = new Set<string>()
  const decided = new Set<ProjectId>()
  const batchCids = [...new Set(await patiently(() => chain.batchCids(epochId, at())))]
  let isWhole = batchCids.length <= EPOCH_BATCHES_MAX
  const until = clock.nowMs() + NOT_FINAL_TIMEOUT_MS
  for (const batchCid of batchCids.slice(0, EPOCH_BATCHES_MAX)) {
    const isFinalized = (await patiently(() => chain.batch(epochId, batchCid, at())))?.isFinalized === true
    if (!projectsOf.has(batchCid)) {
      const timeoutMs = isFinalized ? FETCH_TIMEOUT_MS : Math.min(FETCH_TIMEOUT_MS, until - clock.nowMs())
      const batch = timeoutMs > 0 ? await batchAt(batchCid, timeoutMs, deps, signal) : undefined
      for (const { submission } of batch?.submissions ?? [])
        if (sought.has(voteKey(submission.request))) held.add(voteKey(submission.request))
      const results = new Set(batch?.projectIds)
      const ofOurs = projects.filter((projectId) => results.has(projectId))
      if (batch !== undefined) projectsOf.set(batchCid, ofOurs)
    }
    if (!projectsOf.has(batchCid)) isWhole = false
    if (isFinalized) for (const projectId of projectsOf.get(batchCid) ?? []) decided.add(projectId)
    if (held.size === sought.size) break
  }
  const read: FilesRead = { without: sought.difference(held), projectsOf }
  remembered.set(`${epochId}`, read, bytesOf(read))
  return (vote) => {
    if (held.has(voteKey(vote))) return 'included'
    return sought.has(voteKey(vote)) && isWhole && decided.has(vote.projectId) ? 'missing' : undefined
  }
}

const voteKey = (vote: { readonly projectId: ProjectId; readonly snapshotCid: Cid; readonly slotId: SlotId }): string =>
  `${vote.projectId} ${vote.snapshotCid} ${vote.slotId}`

/** About as much as it takes. */
function bytesOf({ without, projectsOf }: FilesRead): number {
  const votes = [...without].reduce((sum, key) => sum + key.length + 64, 0)
  return [...projectsOf].reduce((sum, [batchCid, projects]) => sum + batchCid.length + 128 + 8 * projects.length, votes)
}

type Held = Pick<Batch, 'submissions' | 'projectIds'>
const NOTHING: Held = { submissions: [], projectIds: [] }

/** `undefined` where it cannot be had now. What can be no batch, whoever serves it, holds nothing: a name that is none would hide what the others lack. */
async function batchAt(batchCid: Cid, timeoutMs: number, { ipfs, clock }: ReadDeps, signal: AbortSignal): Promise<Held | undefined> {
  try {
    const bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs, signal })
    const parsed = await readBatchFile(bytes, batchCid, () => clock.sleep(0, signal))
    return parsed.ok ? parsed.batch : NOTHING
  } catch (failure) {
    signal.throwIfAborted()
    if (isWeftError(failure, 'ID_MALFORMED') || isWeftError(failure, 'IPFS_CONTENT_TOO_LARGE')) return NOTHING
    if (!isUnreadable(failure)) throw failure
    return undefined
  }
}
