import type { Header } from '#domain/anchor-view.ts'
import { advanceEpoch, type EpochReason, type EpochState, isEpochOver } from '#domain/epoch.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import { endProject, isProjectOver, type ProjectReason, type ProjectState } from '#domain/project.ts'
import type { DisputeReason } from '#domain/reasons.ts'
import type { Rejection } from '#domain/rejection.ts'
import { withContractNumber } from '#domain/window.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import { pagesOf } from '#life/pages.ts'
import { fileOf } from '#wire/batch-file.ts'
import { fromBytes, readAt, toBytes } from './bytes.ts'
import type { FreshBatch, PlannedBatch } from './seal/batch.ts'
import type { KeptCost } from './seal/keep.ts'
import {
  closedPrefix,
  CURSOR_KEY,
  EPOCHS_PREFIX,
  epochKey,
  evidencePrefix,
  planFileKey,
  planFilesPrefix,
  planKey,
  plansPrefix,
  votesPrefix,
} from './keys.ts'

/** What became of one project of an epoch. */
export interface ProjectEntry {
  readonly projectId: ProjectId
  readonly state: ProjectState
  readonly reason: ProjectReason | undefined
  /** The CID that won; `undefined` when none did. */
  readonly snapshotCid: Cid | undefined
  readonly batchCid: Cid | undefined
  /** How many slots voted for the CID that won; `total`: for any. */
  readonly votes: number
  readonly total: number
  readonly isTie: boolean
}

/** A batch that was planned for an epoch, and sent. */
export interface BatchEntry {
  readonly batchCid: Cid
  readonly rootHash: Hash
  /** Only of a batch that is anchored by its roots: then the chain tells of the batch, and of its projects nothing. */
  readonly projectsRootHash?: Hash
  readonly isAnchored: boolean
  /** Of the epoch, from 1 on, in which it takes the place of what was refuted; absent of what the epoch was sealed with. */
  readonly round?: number
  /** It came too late, or the chain took it no more. */
  readonly isLost?: true
}

/** All that this sequencer knows about an epoch: for people and for a restart, and never part of a batch file (spec/06 §5). */
export interface EpochEntry {
  readonly epochId: EpochId
  readonly state: EpochState
  readonly reason: EpochReason | undefined
  readonly release: Header
  /** How many votes were recorded when the window closed. */
  readonly accepted: number
  /** How many deliveries were refused, by code, since the start of the process that closed the window. */
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>
  /** The block that showed that the window was over; `undefined` while it is open. */
  readonly closedBlock?: BlockNumber
  /** The last block that took one of the batches. */
  readonly anchoredBlock?: BlockNumber
  readonly batches: readonly BatchEntry[]
  readonly projects: readonly ProjectEntry[]
  /** Slots that lost at least one vote, ascending. */
  readonly outvotedSlots: readonly SlotId[]
  /** What it took to keep the bytes of the winners; `undefined` where the market does not ask for them, and before. */
  readonly kept?: KeptCost | undefined
  /** Why nothing was sent in the place of what a majority of the validators refuted last. */
  readonly uncorrected?: DisputeReason | undefined
  /** How often the calls of the epoch had to be made anew, under other intents: a refusal by a chain that had no release of it is final for its intent. */
  readonly attempt?: number
}

export type EpochChange = Partial<Omit<EpochEntry, 'epochId'>>

/** What this sequencer did in each epoch, on disk. Every change of state is durable before the next effect (S4). */
export interface Ledger {
  get(epochId: EpochId): EpochEntry | undefined
  /** Its state alone, from memory: it is asked for each delivery, and the entry of a finished epoch is read from the disk, with all of its projects. */
  stateOf(epochId: EpochId): EpochState | undefined
  /** The highest epoch that was seen released; 0 before the first. */
  newest(): EpochId
  /** The epochs that are not over, or one of whose projects is not. */
  unfinished(): Iterable<EpochEntry>
  /** The newest of the epochs on disk, back to the first of whose release `isWanted` does not hold; ascending. */
  releasedSince(isWanted: (release: Header) => boolean): readonly EpochEntry[]
  /**
   * Whether the epoch is released as far as seen here: it or a later one was seen released, and no reorganisation has undone its release
   * since. `false` says that its release is still to come, for the first time or again.
   */
  isReleased(epochId: EpochId): boolean
  /** Notes that the release is gone, before it is known what that means for calls that were made. In memory: a restart sees it again. */
  undo(epochId: EpochId): void
  /** The entry holds under the release that took the place of the one that is gone. */
  move(epochId: EpochId, release: Header): Promise<void>
  /**
   * Begins the entry of a released epoch, or begins it again, without its old plan, after its release was undone or while its window was open
   * under another one. An entry that is further on stays as it is: if it is of another release, that one is noted as undone.
   */
  release(epochId: EpochId, release: Header): Promise<void>
  /** Changes the entry and makes the other writes in one commit (S4). A new `state` must be a step that `#domain/epoch.ts` allows. */
  change(epochId: EpochId, change: EpochChange, writes?: readonly StoreWrite[]): Promise<EpochEntry>
  /**
   * The writes that keep planned batches; to be committed together with the change to `planned` (S4). Files are kept in the compact form, whatever
   * form they have: the bytes follow from it. Those of a large plan are on disk ahead of it, and count for nothing without it.
   */
  planWrites(epochId: EpochId, batches: readonly FreshBatch[]): Promise<readonly StoreWrite[]>
  /** The batches that were planned for the epoch, with their files, in their order. */
  plans(epochId: EpochId): readonly PlannedBatch[]
  /** The block from which a restarted sequencer must follow the chain; `undefined` when it never ran before. */
  cursor(): BlockNumber | undefined
  saveCursor(block: BlockNumber): Promise<void>
  /** Finished epochs beyond those that are kept, ascending: they go with the next change, or with `trim`. */
  surplus(): readonly EpochId[]
  /** Removes these, with all that is kept of them. */
  trim(): Promise<void>
}

const isFinished = (record: EpochEntry): boolean =>
  isEpochOver(record.state) && record.projects.every((project) => isProjectOver(project.state))

export function createLedger(options: { readonly epochsKept: number }, { store }: { readonly store: Store }): Ledger {
  const unfinished = new Map<EpochId, EpochEntry>()
  /** Finished epochs still on disk, ascending. */
  const finished: EpochId[] = []
  /** Of all that there are. */
  const states = new Map<EpochId, EpochState>()
  /** Epochs whose release a reorganisation has undone. */
  const undone = new Set<EpochId>()
  let highest = 0
  for (const record of readRecords(store)) {
    highest = Math.max(highest, record.epochId)
    states.set(record.epochId, record.state)
    if (record.state === 'void') undone.add(record.epochId)
    if (isFinished(record)) finished.push(record.epochId)
    else unfinished.set(record.epochId, record)
  }

  function get(epochId: EpochId): EpochEntry | undefined {
    const known = unfinished.get(epochId)
    if (known !== undefined) return known
    const stored = readAt<EpochEntry>(store, epochKey(epochId))
    return stored && entryOf(stored)
  }

  async function save(record: EpochEntry, writes: readonly StoreWrite[]): Promise<EpochEntry> {
    const all = [...writes, { key: epochKey(record.epochId), value: toBytes(record) }]
    states.set(record.epochId, record.state)
    if (record.state === 'void') undone.add(record.epochId)
    if (isFinished(record)) {
      // At its place among the others: epochs do not finish in the order of their ids.
      if (unfinished.delete(record.epochId))
        finished.splice(finished.findLastIndex((epochId) => epochId < record.epochId) + 1, 0, record.epochId)
    } else unfinished.set(record.epochId, record)
    all.push({ key: CURSOR_KEY, value: toBytes(replayFrom([record, ...unfinished.values()])) })
    await store.commit(all)
    await trim()
    return record
  }

  /** As many as there are, for fewer may be kept than before. */
  async function trim(): Promise<void> {
    while (finished.length > options.epochsKept) {
      const epochId = finished.shift() as EpochId
      states.delete(epochId)
      await remove(store, epochId)
    }
  }

  return {
    get,
    stateOf: (epochId) => states.get(epochId),
    newest: () => highest as EpochId,
    unfinished: () => unfinished.values(),
    releasedSince(isWanted) {
      const found: EpochEntry[] = []
      for (let epochId = highest; ; epochId -= 1) {
        const record = get(epochId as EpochId)
        if (record === undefined || !isWanted(record.release)) return found.reverse()
        found.push(record)
      }
    },
    isReleased: (epochId) => epochId <= highest && !undone.has(epochId),
    undo: (epochId) => void undone.add(epochId),
    async move(epochId, { number, contractNumber, hash, timestamp }) {
      await save({ ...(get(epochId) as EpochEntry), release: { number, contractNumber, hash, timestamp } }, [])
      undone.delete(epochId)
    },
    async release(epochId, { number, contractNumber, hash, timestamp }) {
      highest = Math.max(highest, epochId)
      const known = get(epochId)
      if (known?.release.hash === hash && known.state !== 'void') return
      if (known !== undefined && known.state !== 'void' && known.state !== 'released') {
        undone.add(epochId)
        return
      }
      const entry = releasedEntry(epochId, { number, contractNumber, hash, timestamp })
      if (known === undefined) {
        await save(entry, [])
        return
      }
      if (known.state === 'void') advanceEpoch(known.state, 'released')
      const index = finished.indexOf(epochId)
      if (index >= 0) finished.splice(index, 1)
      const oldPlan = [plansPrefix(epochId), planFilesPrefix(epochId)].flatMap((prefix) => store.scan(prefix).map(({ key }) => ({ key })))
      await save({ ...entry, attempt: (known.attempt ?? 0) + 1 }, oldPlan)
      undone.delete(epochId)
    },
    async change(epochId, change, writes = []) {
      const known = get(epochId) as EpochEntry
      if (change.state !== undefined && change.state !== known.state) advanceEpoch(known.state, change.state)
      return save({ ...known, ...change }, writes)
    },
    planWrites: (epochId, batches) => writePlan(epochId, batches, store),
    plans: (epochId) => readPlans(store, epochId),
    cursor: () => readAt<BlockNumber>(store, CURSOR_KEY),
    saveCursor: (block) => store.commit([{ key: CURSOR_KEY, value: toBytes(block) }]),
    surplus: () => finished.slice(0, Math.max(0, finished.length - options.epochsKept)),
    trim,
  }
}

/** Whether a corrected batch is planned and was never sent to its end: perhaps it is not even on IPFS. */
export function isUnsent(entry: EpochEntry, batchCid: Cid): boolean {
  const known = newestOf(entry, batchCid)
  return known?.round !== undefined && !known.isAnchored && known.isLost !== true
}

/** Whether a corrected batch did not get on chain: perhaps for want of a place on IPFS. */
export const isLost = (entry: EpochEntry, batchCid: Cid): boolean => newestOf(entry, batchCid)?.isLost === true

const newestOf = ({ batches }: EpochEntry, batchCid: Cid): BatchEntry | undefined =>
  batches.findLast((batch) => batch.batchCid === batchCid)

const entryOf = (entry: EpochEntry): EpochEntry => ({ ...entry, release: withContractNumber(entry.release) })

/** Of an epoch of which only the release is known. */
function releasedEntry(epochId: EpochId, release: Header): EpochEntry {
  const nothing = { accepted: 0, rejected: {}, batches: [], projects: [], outvotedSlots: [] }
  return { epochId, state: 'released', reason: undefined, release, ...nothing }
}

/** Files in one commit: some milliseconds, for which receipts wait. */
const FILE_BYTES_PER_COMMIT = 2 * 1024 * 1024

async function writePlan(epochId: EpochId, batches: readonly FreshBatch[], store: Pick<Store, 'commit'>): Promise<StoreWrite[]> {
  let writes: StoreWrite[] = []
  let bytes = 0
  for (const { index, compact } of batches) {
    if (bytes + compact.length > FILE_BYTES_PER_COMMIT && writes.length > 0) {
      await store.commit(writes)
      writes = []
      bytes = 0
    }
    writes.push({ key: planFileKey(epochId, index), value: compact })
    bytes += compact.length
  }
  return [...writes, ...batches.map(({ file: _, compact: __, ...plan }) => ({ key: planKey(epochId, plan.index), value: toBytes(plan) }))]
}

function readPlans(store: Store, epochId: EpochId): PlannedBatch[] {
  return store.scan(plansPrefix(epochId)).map(({ value }) => {
    const plan = fromBytes<Omit<PlannedBatch, 'file'>>(value)
    return {
      ...plan,
      // Read, and written in its form, only when it goes to IPFS again.
      get file() {
        return fileOf(store.get(planFileKey(epochId, plan.index)) as Uint8Array, plan.batchCid)
      },
    }
  })
}

/** The block from which a restart follows the chain: that of the oldest release among these. */
function replayFrom(records: readonly EpochEntry[]): BlockNumber {
  return Math.min(...records.map(({ release }) => release.number)) as BlockNumber
}

/** Entries read at once: one of thousands of projects takes a megabyte. */
const RECORDS_PER_PAGE = 16

function* readRecords(store: Store): Generator<EpochEntry> {
  for (const page of pagesOf(store, EPOCHS_PREFIX, RECORDS_PER_PAGE))
    for (const { value } of page) yield entryOf(fromBytes<EpochEntry>(value))
}

/** Keys removed in one commit: an epoch may have some hundred thousand votes, and receipts wait behind it. */
const REMOVED_PER_COMMIT = 5_000

/** Removes all that is kept of an epoch, its record last: a process that ends on the way begins again. */
async function remove(store: Store, epochId: EpochId): Promise<void> {
  await removeAll(store, [...takenPrefixes(epochId), plansPrefix(epochId), planFilesPrefix(epochId), epochKey(epochId)])
}

/** Of what was taken for an epoch: its votes, evidence, and that it is closed in a box. */
export const takenPrefixes = (epochId: EpochId): readonly string[] => [votesPrefix(epochId), evidencePrefix(epochId), closedPrefix(epochId)]

/** Removes all that lies under the prefixes, in their order. */
export async function removeAll(store: Pick<Store, 'scan' | 'commit'>, prefixes: readonly string[]): Promise<void> {
  for (const prefix of prefixes)
    for (;;) {
      const page = store.scan(prefix, { limit: REMOVED_PER_COMMIT })
      if (page.length > 0) await store.commit(page.map(({ key }) => ({ key })))
      if (page.length < REMOVED_PER_COMMIT) break
    }
}

/** The list, in which every project that is not over and for which `concerns` holds has ended for the reason `why`. */
export function endProjects(
  projects: readonly ProjectEntry[],
  concerns: (project: ProjectEntry) => boolean,
  why: ProjectReason,
): readonly ProjectEntry[] {
  return projects.map((project) =>
    concerns(project) && !isProjectOver(project.state) ? { ...project, ...endProject(project.state, why) } : project,
  )
}
