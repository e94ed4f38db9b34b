import type { Batch } from '#domain/batch.ts'
import type { ChainStep } from '#domain/chain-step.ts'
import { isWeftError } from '#domain/errors.ts'
import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { VoteFate } from '#domain/submission.ts'
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
/** Epochs that wait to be looked at: more than end while one is. Beyond it the oldest is given up. */
const WAITING_MAX = 1_000
/** Epochs of an earlier life that are looked at after the start: further back batches are hardly to be had. */
const LOOK_BACK_EPOCHS = 64
const IDLE_MS = 60_000

export interface IncludeDeps extends PersistDeps {
  readonly chain: Pick<AnchorChain, 'dataMarket' | 'batchCids' | 'batch'>
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly outbox: Pick<Outbox, 'unjudgedEpochs' | 'unjudged' | 'judge'>
  readonly counters: Pick<Counters, 'countFate'>
  readonly clock: Clock
}

export interface Including {
  /** Says which epochs have batches, and which batches are final. */
  note(step: ChainStep): void
  /** Looks at epochs until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

/**
 * Beside stage 3, when an epoch has its batches: which votes that were taken they hold (C18). `included` is one that a batch holds, `missing` one that none does,
 * though a batch with a result for its project is final. Where a file cannot be had nothing is `missing`.
 */
export function createIncluding(deps: IncludeDeps): Including {
  const { outbox, counters, report } = deps
  const waiting = new Set<EpochId>()
  const bell = createBell(deps.clock)

  function put(epochId: EpochId): void {
    waiting.add(epochId)
    const [oldest] = waiting
    if (waiting.size > WAITING_MAX && oldest !== undefined) waiting.delete(oldest)
    bell.ring()
  }

  async function look(epochId: EpochId, signal: AbortSignal): Promise<void> {
    if (outbox.unjudged(epochId).length === 0) return
    const judged = await outbox.judge(epochId, await readEpoch(epochId, deps, signal))
    for (const { fate } of judged) counters.countFate(fate)
    const missing = judged.filter(({ fate }) => fate === 'missing')
    for (const [projectId, votes] of Map.groupBy(missing, (vote) => vote.projectId))
      report('votes_left_out', { epochId, projectId, slots: rangesOf(votes.map(({ slotId }) => slotId)).join(', ') })
  }

  return {
    note(step) {
      if (step.kind === 'rollback') return
      for (const event of step.events)
        if (event.kind === 'BatchSubmissionsCompleted' || event.kind === 'SnapshotBatchFinalized') put(event.epochId)
    },
    async run(signal) {
      for (const epochId of outbox.unjudgedEpochs().slice(-LOOK_BACK_EPOCHS)) put(epochId)
      while (!signal.aborted) {
        for (const epochId of waiting) {
          waiting.delete(epochId)
          await look(epochId, signal)
        }
        await bell.wait(IDLE_MS, signal)
      }
    },
  }
}

type ReadDeps = Omit<IncludeDeps, 'outbox' | 'counters'>

/** What the batches of the epoch say of a vote, as far as they can be read. */
async function readEpoch(epochId: EpochId, deps: ReadDeps, signal: AbortSignal): Promise<(vote: KeptVote) => VoteFate | undefined> {
  const { chain } = deps
  const patiently = <Value>(attempt: () => Promise<Value>) => persist({ doing: 'read_batches', attempt, signal }, deps)
  const held = new Set<string>()
  const decided = new Set<ProjectId>()
  let isWhole = true
  for (const batchCid of new Set(await patiently(() => chain.batchCids(epochId)))) {
    const anchored = await patiently(() => chain.batch(epochId, batchCid))
    const batch = await batchAt(batchCid, deps, signal)
    if (batch === undefined) isWhole = false
    for (const { submission } of batch?.submissions ?? []) held.add(voteKey(submission.request))
    if (anchored?.isFinalized === true) for (const projectId of batch?.projectIds ?? []) decided.add(projectId)
  }
  const dataMarket = chain.dataMarket.toLowerCase()
  return (vote) => {
    if (vote.dataMarket !== dataMarket) return undefined
    if (held.has(voteKey(vote))) return 'included'
    return isWhole && decided.has(vote.projectId) ? 'missing' : undefined
  }
}

const voteKey = (vote: { readonly projectId: ProjectId; readonly snapshotCid: Cid; readonly slotId: SlotId }): string =>
  `${vote.projectId} ${vote.snapshotCid} ${vote.slotId}`

type Held = Pick<Batch, 'submissions' | 'projectIds'>
const NOTHING: Held = { submissions: [], projectIds: [] }

/** `undefined` where it cannot be had now. What can be no batch, whoever serves it, holds nothing: a name that is none would hide what the others lack. */
async function batchAt(batchCid: Cid, { ipfs, clock }: ReadDeps, signal: AbortSignal): Promise<Held | undefined> {
  try {
    const bytes = await ipfs.get(batchCid, { bytesMax: BATCH_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal })
    const parsed = await readBatchFile(bytes, batchCid, () => clock.sleep(0, signal))
    return parsed.ok ? parsed.batch : NOTHING
  } catch (failure) {
    signal.throwIfAborted()
    if (isWeftError(failure, 'ID_MALFORMED') || isWeftError(failure, 'IPFS_CONTENT_TOO_LARGE')) return NOTHING
    if (!isUnreadable(failure)) throw failure
    return undefined
  }
}
