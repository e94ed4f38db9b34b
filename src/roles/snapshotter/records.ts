import type { BlockNumber, Cid, ContractNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { ProjectReason, ProjectState } from '#domain/project.ts'
import {
  type BlockTime,
  isAttestationWindowOver,
  isLongOver,
  type LaterWindows,
  type WindowRule,
  withContractNumber,
} from '#domain/window.ts'
import type { BlockRef } from '#io/chain/port.ts'
import type { Store, StoreEntry, StoreWrite } from '#io/store/port.ts'
import type { PlannedSet } from './plan.ts'

/** What the snapshotter remembers on disk. The README lists the keys. */

/** Epochs that are over are kept this long for whoever asks why; deployed nodes keep as many (spec/03 §3). */
export const EPOCHS_KEPT = 30
/** Blocks remembered to notice a reorganisation that happened while we were away. */
export const BLOCKS_KEPT = 128
/** Snapshots of ours that stand in for finalized ones which nobody serves: about one MiB of them. */
const STAND_INS_MAX = 8_192

/** `open`: work to do. `done`: every project has its end. `skipped`: its window was closed when we first saw it. `undone`: the release is no longer on the chain. */
export interface EpochRecord {
  readonly epochId: EpochId
  /** Source blocks, both included. */
  readonly begin: BlockNumber
  readonly end: BlockNumber
  readonly release: BlockTime
  readonly state: 'open' | 'done' | 'skipped' | 'undone'
  /** What its projects were planned from when it was begun (N10). Absent before that, and where an earlier version wrote it: then it may be anything. */
  readonly sets?: readonly PlannedSet[]
  /** In what its window is counted, by the rules of the epoch (N11). Absent as `sets` is. */
  readonly windowUnit?: WindowRule['unit']
  /** How many rollbacks have voided votes of it: each begins the work anew. Absent before the first. */
  readonly rollbacks?: number
}

/** A snapshot of an earlier epoch that went into an aggregate. */
export interface Source {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  readonly snapshotCid: Cid
  /** Our own: nothing was finalized by then, or nobody served it. */
  readonly isOwn: boolean
}

/** What an aggregate was built on besides its own epoch. */
export interface BuiltOn {
  /** The release block of its epoch, as of which the chain was asked. */
  readonly asOf: BlockNumber
  /** How many snapshots of earlier epochs went into it. */
  readonly count: number
  /** Our own, then the finalized ones, each newest first; what is beyond a limit is only counted. */
  readonly sources: readonly Source[]
}

export interface ProjectRecord {
  readonly projectId: ProjectId
  readonly state: ProjectState
  /** Why it ended; `undefined` while it has not. */
  readonly reason?: ProjectReason
  /** For people; empty when the reason says it all. */
  readonly detail: string
  /** The one CID that is ever signed for this project and epoch; there before the first signature. */
  readonly snapshotCid?: Cid
  /** The source blocks it was computed from. */
  readonly begin: BlockNumber
  readonly end: BlockNumber
  /** Of the last of them, on the fork that was read. Absent where an earlier version wrote it. */
  readonly sourceHash?: Hash
  /** Of an aggregate that asked for earlier epochs. */
  readonly builtOn?: BuiltOn
  /** By our clock, in ms since 1970: when the CID was recorded, and when the project ended here. Absent where an earlier version wrote it. */
  readonly computedMs?: number
  readonly endedMs?: number
}

/** How our own word on a project fared, once the network had decided, or might do so only in a later round. */
export interface Outcome {
  readonly projectId: ProjectId
  /** The anchor block as of which the chain was asked: a rollback below it forgets the outcome. */
  readonly asOf: BlockNumber
  /** By our clock. */
  readonly concludedMs: number
  /** `same`: our CID was finalized. `other`: another one. `only_finalized`: we had none. `none`: nothing was finalized. */
  readonly verdict: 'same' | 'other' | 'only_finalized' | 'none'
  /** Of `none`: the last block, as contracts number it, in which a later round may still make something final; absent when nothing can. */
  readonly openUntil?: ContractNumber
  readonly finalizedCid?: Cid
  /** Slots whose vote the collector took and no batch holds. Absent where a batch file could not be read, there was no vote, or it is open. */
  readonly leftOut?: readonly SlotId[]
  /** Of another one: where ours differs. */
  readonly differences?: readonly string[]
}

const pad = (value: number): string => String(value).padStart(16, '0')
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const decode = <Value>(bytes: Uint8Array): Value => JSON.parse(new TextDecoder().decode(bytes)) as Value
function epochOf(value: Uint8Array): EpochRecord {
  const epoch = decode<EpochRecord>(value)
  return { ...epoch, release: withContractNumber(epoch.release) }
}
const epochKey = (epochId: EpochId) => `epoch/${pad(epochId)}`
const projectKey = (epochId: EpochId, projectId: ProjectId) => `project/${pad(epochId)}/${projectId}`
const recomputedKey = (epochId: EpochId, projectId: ProjectId) => `recomputed/${pad(epochId)}/${projectId}`
const standInKey = (epochId: EpochId, projectId: ProjectId) => `stand-in/${pad(epochId)}/${projectId}`
const outcomeKey = (epochId: EpochId, projectId: ProjectId) => `outcome/${pad(epochId)}/${projectId}`
const handedPrefix = (epochId: EpochId, projectId: ProjectId) => `handed/${pad(epochId)}/${projectId}/`
const handedKey = (epochId: EpochId, projectId: ProjectId, slotId: SlotId) => `${handedPrefix(epochId, projectId)}${pad(slotId)}`

export type Records = ReturnType<typeof openRecords>

export function openRecords(store: Store) {
  const blocks = (): BlockRef[] => store.scan('block/').map((entry) => withContractNumber(decode<BlockRef>(entry.value)))
  const readEpoch = (epochId: EpochId): EpochRecord | undefined => {
    const value = store.get(epochKey(epochId))
    return value === undefined ? undefined : epochOf(value)
  }
  const epochs = (): EpochRecord[] => store.scan('epoch/').map((entry) => epochOf(entry.value))

  /** Where no block is recorded, as earlier versions did, it may be any: to give a vote once too often harms nothing. */
  function handedAbove(epochId: EpochId, block: number): StoreEntry[] {
    return store.scan(`handed/${pad(epochId)}/`).filter(({ value }) => value.length === 0 || decode<number>(value) > block)
  }

  const readProject = (epochId: EpochId, projectId: ProjectId): ProjectRecord | undefined => {
    const value = store.get(projectKey(epochId, projectId))
    return value === undefined ? undefined : decode<ProjectRecord>(value)
  }
  const hasOpenOutcome = (epochId: EpochId): boolean =>
    store.scan(`outcome/${pad(epochId)}/`).some(({ value }) => decode<Outcome>(value).openUntil !== undefined)
  const readRecomputed = (epochId: EpochId, projectId: ProjectId): ProjectRecord | undefined => {
    const value = store.get(recomputedKey(epochId, projectId))
    return value === undefined ? undefined : decode<ProjectRecord>(value)
  }

  /**
   * Everything about epochs that are over, older than those kept, and decided for all that are worked on: nobody asks for our word any more, and
   * how it fared is known, or will never be.
   */
  function expired(market: LaterWindows): StoreWrite[] {
    const all = epochs()
    const open = all.filter(({ state }) => state === 'open')
    const isAskedFor = ({ epochId, release }: EpochRecord): boolean => {
      const asking = open.find((epoch) => epoch.epochId > epochId) ?? (all.at(-1) as EpochRecord)
      const [from, at] = [release.contractNumber, asking.release.contractNumber]
      return !isAttestationWindowOver(from, at, market) || (hasOpenOutcome(epochId) && !isLongOver(from, at, market))
    }
    const over = all
      .filter((epoch) => epoch.state !== 'open')
      .slice(0, -EPOCHS_KEPT)
      .filter((epoch) => !isAskedFor(epoch))
    return over.flatMap(({ epochId }) => [
      { key: epochKey(epochId) },
      ...['project', 'recomputed', 'handed', 'outcome'].flatMap((kind) =>
        store.scan(`${kind}/${pad(epochId)}/`).map(({ key }) => ({ key })),
      ),
    ])
  }

  /** `market`: until when earlier epochs may be undecided, and so be asked for. */
  function saveEpoch(epoch: EpochRecord, market: LaterWindows): Promise<void> {
    return store.commit([{ key: epochKey(epoch.epochId), value: encode(epoch) }, ...expired(market)])
  }

  return {
    /** The last blocks taken in, ascending. */
    blocks,
    epochs,
    epoch: readEpoch,
    /** Moves the cursor past `block` and writes the epochs that it released: in one commit, so that no epoch is forgotten (N1). */
    saveBlock(block: BlockRef, released: readonly EpochRecord[]): Promise<void> {
      return store.commit([
        { key: `block/${pad(block.number)}`, value: encode(block) },
        { key: `block/${pad(block.number - BLOCKS_KEPT)}` },
        ...released.map((epoch) => ({ key: epochKey(epoch.epochId), value: encode(epoch) })),
      ])
    },
    /**
     * `changed`: epochs that are `undone`, and those that are `open` again because votes of theirs name blocks that are gone. What was
     * handed over for a release that is gone may be gone too: should the epoch come again, so do its votes.
     */
    saveRollback(to: BlockRef, changed: readonly EpochRecord[]): Promise<void> {
      const blocksGone = store.scan('block/', { after: `block/${pad(to.number)}` })
      const handed = changed.flatMap(({ epochId, state }) => handedAbove(epochId, state === 'undone' ? -1 : to.number))
      const concluded = store.scan('outcome/').filter(({ value }) => decode<Outcome>(value).asOf > to.number)
      return store.commit([
        ...[...blocksGone, ...handed, ...concluded].map(({ key }) => ({ key })),
        ...changed.map((epoch) => ({ key: epochKey(epoch.epochId), value: encode(epoch) })),
      ])
    },
    hasHandedAbove: (epochId: EpochId, block: BlockNumber): boolean => handedAbove(epochId, block).length > 0,
    /** Of the chain that is followed; `undefined` when it was not read or is too long ago. */
    block(number: BlockNumber): BlockRef | undefined {
      const value = store.get(`block/${pad(number)}`)
      return value === undefined ? undefined : withContractNumber(decode<BlockRef>(value))
    },
    saveEpoch,
    /** Writes that all work on the epoch is done. Resolves with `false`, nothing being written, when a rollback has begun it anew meanwhile (N9). */
    async finishEpoch(epoch: EpochRecord, market: LaterWindows): Promise<boolean> {
      if (readEpoch(epoch.epochId)?.rollbacks !== epoch.rollbacks) return false
      await saveEpoch({ ...epoch, state: 'done' }, market)
      return true
    },
    project: readProject,
    /** Our own snapshot of the epoch as it was released last; `undefined` when there is none, or none yet. */
    own(epochId: EpochId, projectId: ProjectId): Cid | undefined {
      const epoch = readEpoch(epochId)
      if (epoch === undefined) {
        const standIn = store.get(standInKey(epochId, projectId))
        return standIn === undefined ? undefined : (decode<string>(standIn) as Cid)
      }
      if (epoch.state === 'undone') return undefined
      const ours = [readProject(epochId, projectId), readRecomputed(epochId, projectId)]
      return ours.find((each) => each?.snapshotCid !== undefined && each.begin === epoch.begin && each.end === epoch.end)?.snapshotCid
    },
    /** Whether we know that the epoch had no such project: it is over, and every project of it was written down. */
    isUnplanned: (epochId: EpochId, projectId: ProjectId): boolean =>
      readEpoch(epochId)?.state === 'done' && readProject(epochId, projectId) === undefined,
    /** Keeps our own snapshot's CID for longer than its epoch: what is finalized cannot be had. */
    async saveStandIn(epochId: EpochId, projectId: ProjectId, own: Cid): Promise<void> {
      if (store.get(standInKey(epochId, projectId)) !== undefined) return
      const tooMany = store.scan('stand-in/').slice(0, 1 - STAND_INS_MAX)
      await store.commit([{ key: standInKey(epochId, projectId), value: encode(own) }, ...tooMany.map(({ key }) => ({ key }))])
    },
    projects(epochId: EpochId): ProjectRecord[] {
      return store.scan(`project/${pad(epochId)}/`).map((entry) => decode<ProjectRecord>(entry.value))
    },
    saveProject(epochId: EpochId, project: ProjectRecord): Promise<void> {
      return store.commit([{ key: projectKey(epochId, project.projectId), value: encode(project) }])
    },
    /** Our own data of epochs that we were away for. Who signs and hands over looks at the other records alone, and so never at these (N25). */
    recomputed: {
      project: readRecomputed,
      projects: (epochId: EpochId): ProjectRecord[] =>
        store.scan(`recomputed/${pad(epochId)}/`).map((entry) => decode<ProjectRecord>(entry.value)),
      saveProject: (epochId: EpochId, project: ProjectRecord): Promise<void> =>
        store.commit([{ key: recomputedKey(epochId, project.projectId), value: encode(project) }]),
    },
    outcome(epochId: EpochId, projectId: ProjectId): Outcome | undefined {
      const value = store.get(outcomeKey(epochId, projectId))
      return value === undefined ? undefined : decode<Outcome>(value)
    },
    /** Writes nothing where the epoch has gone meanwhile: nobody would remove it. */
    async saveOutcome(epochId: EpochId, outcome: Outcome): Promise<void> {
      if (readProject(epochId, outcome.projectId) === undefined) return
      await store.commit([{ key: outcomeKey(epochId, outcome.projectId), value: encode(outcome) }])
    },
    /** Which slots' votes the collector has, and the block that each names, where that is known. */
    handedOver(epochId: EpochId, projectId: ProjectId): { readonly slotId: SlotId; readonly header: number | undefined }[] {
      const prefix = handedPrefix(epochId, projectId)
      return store.scan(prefix).map(({ key, value }) => ({
        slotId: Number(key.slice(prefix.length)) as SlotId,
        header: value.length === 0 ? undefined : decode<number>(value),
      }))
    },
    isHandedOver(epochId: EpochId, projectId: ProjectId, slotId: SlotId): boolean {
      return store.get(handedKey(epochId, projectId, slotId)) !== undefined
    },
    /** `header`: the block that the vote names. */
    saveHandOver(epochId: EpochId, projectId: ProjectId, slotId: SlotId, header: BlockNumber): Promise<void> {
      return store.commit([{ key: handedKey(epochId, projectId, slotId), value: encode(header) }])
    },
  }
}
