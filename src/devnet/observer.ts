import type { BlockNumber, Cid, ContractNumber, EpochId, ProjectId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'
import { isFinal, type Rejection } from '#domain/rejection.ts'
import { isAttestationWindowOver } from '#domain/window.ts'
import type { AnchorChain, ChainStep, MarketState, ProtocolEvent } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import type { FaultWatch } from './fault.ts'
import type { DevnetReport, DevnetSummary, EpochLine, UnfinishedEpoch } from './report.ts'

/** Watches the anchor chain as any outsider could, asks the sequencer what it took and refused, and reports epoch by epoch. */

export interface ObserverDeps {
  readonly chain: AnchorChain
  readonly clock: Clock
  readonly report: DevnetReport
  /** Of the market: those that an epoch should finalize. */
  readonly projectsAt: (epochId: EpochId) => readonly ProjectId[]
  /** What the sequencer knows of an epoch. */
  readonly recordOf: (epochId: EpochId) => EpochEntry | undefined
  /** Why those who should have computed a project did not, as far as they know. */
  readonly failureOf?: (epochId: EpochId, projectId: ProjectId) => { readonly reason: ProjectReason; readonly detail: string } | undefined
  /** Sees all of it too. */
  readonly watch?: Pick<FaultWatch, 'seen' | 'epoch' | 'unfinished'> | undefined
}

interface Observed {
  readonly epochId: EpochId
  /** The release, or the last refutation of a batch. */
  windowsFrom: ContractNumber
  readonly releasedAt: number
  readonly releasedSeenMs: number
  /** Validators by the batch they attested. */
  readonly attestedBy: Map<Cid, Set<string>>
  readonly finalizedBatches: Set<Cid>
  /** Others took their place, or are to. */
  readonly refutedBatches: Set<Cid>
  /** None has come since. */
  isOwed: boolean
  readonly finalizedProjects: Set<ProjectId>
  finalizedSeenMs: number | undefined
  /** Of the last batch, and of the last vote. */
  announcedBlock: BlockNumber
  attestedBlock: BlockNumber | undefined
  isEnded: boolean
}

export interface Observer {
  /** Follows until `epochsWanted` epochs are finalized (never, when undefined) or the signal aborts. */
  run(epochsWanted: number | undefined, signal: AbortSignal): Promise<void>
  summary(): DevnetSummary
}

/** The summary of a devnet that was stopped before its first epoch. */
export function emptySummary(elapsedMs: number): DevnetSummary {
  const nothing = { epochs: 0, accepted: 0, rejected: 0, finalized: 0, batches: 0, attestations: 0, outvotedSnapshots: 0 }
  return { ...nothing, outvoted: [], missed: {}, rejections: {}, unfinished: [], underWay: { epochs: 0, accepted: 0 }, elapsedMs }
}

export function createObserver(deps: ObserverDeps): Observer {
  const { chain, clock, report } = deps
  const startedMs = clock.nowMs()
  const open = new Map<EpochId, Observed>()
  const totals = createTotals()
  /** As seen last: when the roles have stopped they answer no more. */
  let underWay = { epochs: 0, accepted: 0 }
  const unfinished: UnfinishedEpoch[] = []

  function note(event: ProtocolEvent): void {
    deps.watch?.seen(event)
    if (event.kind === 'EpochReleased') {
      open.set(event.epochId, observedFrom(event, clock.nowMs()))
      return
    }
    if (!('epochId' in event)) return
    const epoch = open.get(event.epochId)
    if (epoch === undefined) return
    take(event, epoch, deps)
    if (isFinalized(epoch)) epoch.finalizedSeenMs ??= clock.nowMs()
  }

  /** Reports what is decided, oldest first, so that lines come in the order of epochs. */
  function settle(head: ContractNumber, market: MarketState, epochsWanted: number | undefined): void {
    decide(head, market, epochsWanted)
    const lines = [...open.values()].map((epoch) => lineOf(epoch, deps))
    underWay = { epochs: lines.length, accepted: sum(lines.map(({ accepted }) => accepted)) }
    const newest = lines.at(-1)
    if (newest !== undefined && totals.epochs() !== epochsWanted) report.live(newest)
  }

  function decide(head: ContractNumber, market: MarketState, epochsWanted: number | undefined): void {
    for (const epoch of open.values()) {
      if (totals.epochs() === epochsWanted) return
      const record = deps.recordOf(epoch.epochId)
      const isPast = isAttestationWindowOver(epoch.windowsFrom, head, market) || (isEmpty(epoch) && record?.reason !== undefined)
      if (!isPast && !(isFinalized(epoch) && isAttestedByAll(epoch, market) && disputedOf(record) === 0)) break
      open.delete(epoch.epochId)
      if (isFinalized(epoch)) {
        const line = lineOf(epoch, deps)
        totals.add(line, record)
        report.epoch(line)
        deps.watch?.epoch(line)
      } else {
        const ended = { epochId: epoch.epochId, reason: epoch.isOwed ? 'not_corrected' : reasonOf(record) }
        unfinished.push(ended)
        report.unfinished(ended)
        deps.watch?.unfinished(ended)
      }
    }
  }

  return {
    async run(epochsWanted, signal) {
      const market = await chain.market()
      const from = await chain.deploymentBlock()
      for await (const step of follow(chain, from, signal)) {
        // The devnet's own chain never rewrites itself.
        if (step.kind === 'rollback') continue
        for (const event of step.events) note(event)
        settle(step.block.contractNumber, market, epochsWanted)
        if (totals.epochs() === epochsWanted) return
      }
    },
    summary: () => ({
      ...totals.read(),
      unfinished,
      underWay,
      elapsedMs: clock.nowMs() - startedMs,
    }),
  }
}

/** What an event of the epoch changes. */
function take(event: ProtocolEvent, epoch: Observed, { recordOf }: Pick<ObserverDeps, 'recordOf'>): void {
  switch (event.kind) {
    case 'SnapshotBatchSubmitted':
      epoch.attestedBy.set(event.batchCid, new Set())
      epoch.announcedBlock = event.block.number
      epoch.isOwed = false
      break
    case 'SnapshotBatchAttestationSubmitted':
      epoch.attestedBy.get(event.batchCid)?.add(event.validator)
      epoch.attestedBlock = event.block.number
      break
    case 'SnapshotFinalized':
      epoch.finalizedProjects.add(event.projectId)
      break
    case 'BatchSubmissionsCompleted':
      epoch.isEnded = true
      break
    case 'SnapshotBatchFinalized':
      epoch.finalizedBatches.add(event.batchCid)
      for (const projectId of heldByRoots(event.batchCid, recordOf(event.epochId))) epoch.finalizedProjects.add(projectId)
      break
    case 'TriggerBatchResubmission':
      epoch.refutedBatches.add(event.batchCid)
      epoch.windowsFrom = event.block.contractNumber
      epoch.isOwed = true
  }
}

function observedFrom({ epochId, block }: ProtocolEvent & { readonly kind: 'EpochReleased' }, nowMs: number): Observed {
  return {
    epochId,
    windowsFrom: block.contractNumber,
    releasedAt: block.timestamp * 1_000,
    releasedSeenMs: nowMs,
    attestedBy: new Map(),
    finalizedBatches: new Set(),
    refutedBatches: new Set(),
    isOwed: false,
    finalizedProjects: new Set(),
    finalizedSeenMs: undefined,
    announcedBlock: block.number,
    attestedBlock: undefined,
    isEnded: false,
  }
}

/** What has become of all final epochs together. */
function createTotals() {
  const totals = { epochs: 0, accepted: 0, rejected: 0, finalized: 0, batches: 0, attestations: 0, outvotedSnapshots: 0 }
  const outvoted = new Map<number, number>()
  const rejections: Record<string, number> = {}
  const missed: Partial<Record<ProjectReason, number>> = {}
  return {
    epochs: () => totals.epochs,
    add(line: EpochLine, record: EpochEntry | undefined): void {
      totals.epochs += 1
      for (const key of ['accepted', 'rejected', 'finalized', 'batches', 'attestations'] as const) totals[key] += line[key]
      for (const slotId of record?.outvotedSlots ?? []) outvoted.set(slotId, (outvoted.get(slotId) ?? 0) + 1)
      totals.outvotedSnapshots += sum((record?.projects ?? []).map(({ total, votes }) => total - votes))
      for (const [code, count] of finalCounts(record)) rejections[code] = (rejections[code] ?? 0) + count
      for (const { reason } of line.missed) missed[reason] = (missed[reason] ?? 0) + 1
    },
    read: () => ({
      ...totals,
      outvoted: [...outvoted].map(([slotId, epochs]) => ({ slotId, epochs })).sort((left, right) => left.slotId - right.slotId),
      missed,
      rejections,
    }),
  }
}

function lineOf(epoch: Observed, deps: ObserverDeps): EpochLine {
  const record = deps.recordOf(epoch.epochId)
  const projects = deps.projectsAt(epoch.epochId)
  const voters = standing(epoch).map(([, validators]) => validators.size)
  return {
    epochId: epoch.epochId,
    releasedAt: epoch.releasedAt,
    accepted: record?.accepted ?? 0,
    rejected: sum(finalCounts(record).map(([, count]) => count)),
    projects: projects.length,
    finalized: epoch.finalizedProjects.size,
    missed: projects
      .filter((projectId) => !epoch.finalizedProjects.has(projectId))
      .map((projectId) => ({ projectId, ...whyMissed(projectId, epoch.epochId, record, deps) })),
    batches: epoch.attestedBy.size,
    refuted: epoch.refutedBatches.size,
    disputed: disputedOf(record),
    attestations: voters.length === 0 ? 0 : Math.min(...voters),
    outvotedSlots: record?.outvotedSlots.length ?? 0,
    ...(record?.anchoredBlock !== undefined && { blocksToAnchored: record.anchoredBlock - (record.closedBlock ?? record.anchoredBlock) }),
    ...(epoch.attestedBlock !== undefined && { blocksToAttested: epoch.attestedBlock - epoch.announcedBlock }),
    releasedToFinalizedMs: epoch.finalizedSeenMs === undefined ? 0 : epoch.finalizedSeenMs - epoch.releasedSeenMs,
  }
}

/** Which projects a batch has that is anchored by its roots, only its sequencer and its file say. */
function heldByRoots(batchCid: Cid, record: EpochEntry | undefined): ProjectId[] {
  const isByRoots = record?.batches?.some((batch) => batch.batchCid === batchCid && batch.projectsRootHash !== undefined)
  return isByRoots === true ? (record?.projects ?? []).flatMap((project) => (project.batchCid === batchCid ? [project.projectId] : [])) : []
}

async function* follow(chain: AnchorChain, from: BlockNumber, signal: AbortSignal): AsyncGenerator<ChainStep> {
  try {
    yield* chain.follow({ from, known: [], signal })
  } catch (failure) {
    if (!signal.aborted) throw failure
  }
}

/** Its batches, with who attested them, but for those that were refuted. */
const standing = ({ attestedBy, refutedBatches }: Observed): [Cid, Set<string>][] =>
  [...attestedBy].filter(([batchCid]) => !refutedBatches.has(batchCid))
/** All batches that stand are final, and one has come since a batch was refuted last. */
function isFinalized(epoch: Observed): boolean {
  const batches = standing(epoch)
  return epoch.isEnded && !epoch.isOwed && batches.length > 0 && batches.every(([batchCid]) => epoch.finalizedBatches.has(batchCid))
}
const disputedOf = (record: EpochEntry | undefined): number => record?.projects?.filter(({ state }) => state === 'disputed').length ?? 0
/** Ended without a batch: nothing will come of it. */
const isEmpty = ({ isEnded, attestedBy }: Observed): boolean => isEnded && attestedBy.size === 0
/** Why an epoch is not final. A sequencer that did its part knows nothing of validators that did not. */
const reasonOf = (record: EpochEntry | undefined): string =>
  record?.reason === undefined || record.reason === 'all_batches_anchored' ? 'attestations_missing' : record.reason
/** Who should have voted did not, and some did all the same: why, the former know. */
const TOO_FEW: ReadonlySet<ProjectReason | undefined> = new Set(['below_min_votes', 'below_min_share'])

/** Why a project is not final. One that nobody submitted is unknown to the sequencer, and only those who did not know why; of one whose batch is anchored it waits for validators. */
function whyMissed(
  projectId: ProjectId,
  epochId: EpochId,
  record: EpochEntry | undefined,
  { failureOf }: ObserverDeps,
): { readonly reason: ProjectReason; readonly detail?: string } {
  const known = record?.projects?.find((project) => project.projectId === projectId)
  if (known !== undefined && !TOO_FEW.has(known.reason)) return { reason: known.reason ?? 'attestations_missing' }
  return failureOf?.(epochId, projectId) ?? { reason: known?.reason ?? 'not_submitted' }
}
const isAttestedByAll = (epoch: Observed, market: MarketState): boolean =>
  standing(epoch).every(([, { size }]) => size === market.validators.length)
/** Refusals for good, by code. A submission that came before the block it names was asked to come again, and did: that is no rejection. */
const finalCounts = (record: EpochEntry | undefined): [string, number][] =>
  Object.entries(record?.rejected ?? {}).filter(([code]) => isFinal(code as Rejection))
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
