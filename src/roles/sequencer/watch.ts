import type { AnchorView, Header, ReleasedEpoch } from '#domain/anchor-view.ts'
import { isEpochOver } from '#domain/epoch.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, ContractNumber, EpochId, ProjectId } from '#domain/ids.ts'
import { advanceProject } from '#domain/project.ts'
import {
  isAttestationWindowOver,
  isBatchWindowOver,
  isPastWindow,
  isSettled,
  oldestReleaseBatchedIn,
  oldestReleaseCorrectedIn,
  REPLAY_MARGIN_BLOCKS,
  type SubmissionWindow,
} from '#domain/window.ts'
import type { AnchorChain, BlockRef, ChainStep, MarketState, ProtocolEvent } from '#io/chain/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { readSigners, readSlots } from '#life/signers.ts'
import { endProjects, type EpochEntry, type Ledger, type ProjectEntry } from './ledger.ts'

/** With nothing open the cursor still moves on, or a restart after a quiet day would read the whole day again. */
const CURSOR_STRIDE_BLOCKS = 256

export interface WatchDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly contract: MarketState
  readonly view: AnchorView
  readonly ledger: Ledger
  /** Before the first step: from this block on the chain says again what it said. */
  onBegin(from: BlockNumber): Promise<void>
  /** Of each step before anything else is made of it. */
  onStep(step: ChainStep): Promise<void>
  /** The chain was followed up to the head that it had at the start, and to the newest release on record. */
  onReady(): void
  /** Called after each step from then on. The next step waits for it: what waited for a block is judged by that block (S11). */
  onHead(): Promise<void>
  /** Of submissions; `undefined` while the rules of the epoch are not known. */
  windowOf(epoch: ReleasedEpoch): SubmissionWindow | undefined
  /** An epoch was released: its rules are to be learned. */
  onReleased(epoch: ReleasedEpoch): Promise<void>
  /** The window of an epoch that is not over, or whose release was undone, has closed. Called once per release and process, in order of release. */
  onClosed(epoch: ReleasedEpoch): void
  /** The release of an epoch whose window was open is gone. Resolves when that is durable. */
  onVoid(epochId: EpochId): Promise<void>
  /**
   * A reorganisation may have taken calls of the epoch off the chain, or its release: they must be looked for, and sent again, or the epoch
   * begins anew (S10). Called again when a release that is noted as undone is back.
   */
  onTakenBack(epochId: EpochId): void
  /** A majority of the validators refuted a batch of the epoch (S23). Called again for one that is still disputed after a restart. */
  onDisputed(epochId: EpochId): void
}

/**
 * Follows the anchor chain. Each step changes the view. Then the ledger learns which epochs were released, undone or attested, and
 * `onClosed` is called for those whose window is over. It starts at the oldest release of which anything is left to be done, so that a restart finds the same
 * state (S8). What the chain does not answer is asked again: one bad moment of an endpoint must end neither receipts nor windows (G12).
 */
export async function watch(deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const { chain, view, ledger } = deps
  const headAtStart = await persist({ doing: 'read_head', attempt: () => chain.head(), signal }, deps)
  const from = await persist({ doing: 'read_current_epoch', attempt: () => startBlock(deps, headAtStart), signal }, deps)
  // A process that ends before it has seen a release would otherwise be started as if nobody had ever sent anything here.
  if (ledger.cursor() === undefined) await ledger.saveCursor((from + REPLAY_MARGIN_BLOCKS) as BlockNumber)
  await readSlots(deps, signal)
  await deps.onBegin(from)
  const started = new Set<ReleasedEpoch>()
  /** While the chain is only read up to its head, the answer may be there already. */
  const disputed = new Set<EpochId>()
  let isReady = false
  /** That the chain says again: of one that has not come so far, its head. */
  const first = (await persist({ doing: 'read_release', attempt: () => chain.block(from), signal }, deps)) ?? headAtStart
  const readyAt = Math.max(headAtStart.number, newestRelease(ledger))
  for await (const step of chain.follow({ from, known: [], signal })) {
    const applied = view.apply(step, (epochId, block) => !isBeforeOurTime(epochId, block, ledger))
    await deps.onStep(step)
    if (step.kind === 'rollback') await undo(step.to, deps)
    // All of them side by side: what is in the view and not in the ledger is refused as over, for good.
    await Promise.all(applied.released.map((epoch) => takeRelease(epoch, deps)))
    if (step.kind === 'block') await noteVerdicts(step.events, disputed, deps)
    await readSigners(applied, deps, signal)
    const head = view.head
    if (head === undefined) continue
    if (!isReady && head.number >= readyAt) {
      isReady = true
      await undoUnseen(first, deps, signal)
      // What was anchored may have been taken back while nobody looked, and however long ago.
      reviseAnchored(first, deps)
      deps.onReady()
    }
    if (isReady) {
      await reopen(head, started, deps)
      await deps.onHead()
      for (const epochId of disputed) deps.onDisputed(epochId)
      disputed.clear()
    }
    for (const epoch of view.epochs()) {
      if (started.has(epoch) || !isWindowOver(epoch, head, deps)) continue
      started.add(epoch)
      if (!isOver(ledger.get(epoch.epochId)) || !ledger.isReleased(epoch.epochId)) deps.onClosed(epoch)
    }
    await endUnattested(head.contractNumber, deps)
    forget(started, deps)
    if (isReady) await moveCursor(head.number, deps)
  }
}

/** The ledger knows of the epoch as soon as this is called. Resolves when that is durable, and its rules were asked for. */
async function takeRelease(epoch: ReleasedEpoch, { ledger, onReleased, onTakenBack }: WatchDeps): Promise<void> {
  await ledger.release(epoch.epochId, epoch.release)
  await onReleased(epoch)
  if (!ledger.isReleased(epoch.epochId)) onTakenBack(epoch.epochId)
}

/** Whether the votes of the epoch are to be counted now. While nobody knows its window, there is time for as long as a batch can be sent (S12). */
function isWindowOver(epoch: ReleasedEpoch, head: Header, { windowOf, contract }: WatchDeps): boolean {
  const window = windowOf(epoch)
  return window === undefined ? isBatchWindowOver(epoch.release.contractNumber, head.contractNumber, contract) : isPastWindow(window, head)
}

/**
 * What closed on a block that a reorganisation has taken closes again, if its window is open on the chain that took the other's place (S10). Votes that
 * are fixed in a plan stay so; those of them that have lost their block may name another.
 */
async function reopen(head: Header, started: Set<ReleasedEpoch>, deps: WatchDeps): Promise<void> {
  for (const epoch of deps.view.epochs()) {
    if (isWindowOver(epoch, head, deps)) continue
    started.delete(epoch)
    if (deps.ledger.get(epoch.epochId)?.state !== 'closed') continue
    await deps.ledger.change(epoch.epochId, { state: 'released' })
    deps.report('epoch_reopened', { epochId: epoch.epochId })
  }
}

/** Seen before: a head below it is that of an endpoint that is behind, or of a chain that will grow. Whether the release stays is seen when it is reached. */
function newestRelease(ledger: Ledger): number {
  const newest = ledger.get(ledger.newest())
  return newest === undefined || newest.state === 'void' ? 0 : newest.release.number
}

const isOver = (record: EpochEntry | undefined): boolean => record === undefined || isEpochOver(record.state)

async function startBlock({ chain, ledger }: WatchDeps, head: BlockRef): Promise<BlockNumber> {
  const cursor = ledger.cursor()
  if (cursor !== undefined) return Math.max(0, cursor - REPLAY_MARGIN_BLOCKS) as BlockNumber
  // On first start nobody has sent anything here before: the newest epoch is the oldest that can concern us.
  const { epochId } = await chain.currentEpoch()
  return (epochId === 0 ? undefined : await chain.release(epochId))?.number ?? head.number
}

/** The replay margin reaches into epochs that were finished and forgotten, or that another sequencer dealt with. */
function isBeforeOurTime(epochId: EpochId, block: Header, ledger: Ledger): boolean {
  return block.number < (ledger.cursor() ?? 0) && ledger.isReleased(epochId) && ledger.get(epochId) === undefined
}

/** What validators decided about our batches in one block (G9). One change per epoch: a block may finalize thousands of projects. */
async function noteVerdicts(events: readonly ProtocolEvent[], disputed: Set<EpochId>, deps: WatchDeps): Promise<void> {
  const { ledger } = deps
  const finalized = new Map<EpochId, Set<ProjectId>>()
  for (const event of events) {
    if (event.kind === 'SnapshotFinalized' || event.kind === 'SnapshotBatchFinalized')
      for (const projectId of finalizedBy(event, ledger))
        finalized.set(event.epochId, (finalized.get(event.epochId) ?? new Set()).add(projectId))
    if (event.kind === 'TriggerBatchResubmission') {
      await dispute(event.epochId, event.batchCid, deps)
      disputed.add(event.epochId)
    }
  }
  for (const [epochId, projectIds] of finalized) {
    const projects = ledger
      .get(epochId)
      ?.projects.map((project) =>
        project.state === 'batched' && projectIds.has(project.projectId)
          ? { ...project, state: advanceProject(project.state, 'pending') }
          : project,
      )
    if (projects !== undefined)
      await ledger.change(epochId, { projects: endProjects(projects, (project) => projectIds.has(project.projectId), 'majority_attested') })
  }
}

/** Projects that an event makes final. Of a batch that is anchored by its roots the chain names none: they are those that were planned. */
function finalizedBy(
  event: Extract<ProtocolEvent, { readonly kind: 'SnapshotFinalized' | 'SnapshotBatchFinalized' }>,
  ledger: Ledger,
): readonly ProjectId[] {
  if (event.kind === 'SnapshotFinalized') return [event.projectId]
  const record = ledger.get(event.epochId)
  const isByRoots = record?.batches.some(({ batchCid, projectsRootHash }) => batchCid === event.batchCid && projectsRootHash !== undefined)
  return isByRoots === true ? projectsIn(event.batchCid, record) : []
}

const projectsIn = (batchCid: Cid, record: EpochEntry | undefined): readonly ProjectId[] =>
  record?.projects.flatMap((project) => (project.batchCid === batchCid ? [project.projectId] : [])) ?? []

async function dispute(epochId: EpochId, batchCid: Cid, { ledger, report }: WatchDeps): Promise<void> {
  const record = ledger.get(epochId)
  const isConcerned = (project: ProjectEntry) => project.batchCid === batchCid && ['batched', 'pending'].includes(project.state)
  const count = record?.projects.filter(isConcerned).length ?? 0
  if (record === undefined || count === 0) return
  const projects = record.projects.map((project): ProjectEntry => {
    if (!isConcerned(project)) return project
    const pending = project.state === 'batched' ? advanceProject(project.state, 'pending') : project.state
    return { ...project, state: advanceProject(pending, 'disputed') }
  })
  await ledger.change(epochId, { projects })
  report('batch_refuted', { epochId, batchCid, projects: count })
}

/** Projects whose attestation window passed without a majority end so, and those for which no corrected batch came in the last round. */
async function endUnattested(head: ContractNumber, { ledger, contract, view }: WatchDeps): Promise<void> {
  for (const record of [...ledger.unfinished()]) {
    const { epochId, release, state } = record
    if (!isEpochOver(state) || !isAttestationWindowOver(view.rounds(epochId)?.start ?? release.contractNumber, head, contract)) continue
    const ended = endProjects(record.projects, (project) => project.state === 'disputed', 'not_corrected')
    await ledger.change(epochId, { projects: endProjects(ended, () => true, 'attestations_missing') })
  }
}

/** What a rollback to the block `to` means for the epochs whose release is gone, and for the calls of those that stay. */
async function undo(to: BlockRef, deps: WatchDeps): Promise<void> {
  // The view forgets epochs long before the chain is sure about their release: the records know.
  for (const record of deps.ledger.releasedSince(({ number }) => number > to.number)) await undoRelease(record, deps)
  reviseAnchored(to, deps)
}

/** While the window is open nothing has left the house. Later it depends on what became of the calls that were made. */
async function undoRelease({ epochId, state }: EpochEntry, { ledger, report, onVoid }: WatchDeps): Promise<void> {
  if (state === 'void') return
  report('release_undone', { epochId, state })
  if (state === 'released') await onVoid(epochId)
  else ledger.undo(epochId)
}

/** Epochs of which a call may be mined in the block or later: batches lie above their release, and corrected ones as far above it as all rounds go. */
function calledFrom({ contractNumber: block }: BlockRef, { ledger, contract }: WatchDeps): readonly EpochEntry[] {
  const [oldest, oldestCorrected] = [oldestReleaseBatchedIn(block, contract), oldestReleaseCorrectedIn(block, contract)]
  return ledger
    .releasedSince(({ contractNumber }) => contractNumber >= oldestCorrected)
    .filter(({ release, batches }) => release.contractNumber >= oldest || batches.some(({ round }) => round !== undefined))
}

/** Epochs whose calls in the block or later a reorganisation may have taken off the chain. */
function reviseAnchored(from: BlockRef, deps: WatchDeps): void {
  const { ledger, onTakenBack } = deps
  for (const { epochId, state } of calledFrom(from, deps))
    if (['planned', 'anchored', 'ended'].includes(state) || (state !== 'void' && !ledger.isReleased(epochId))) onTakenBack(epochId)
}

/** Epochs on record whose release is not in its block any more. What a reorganisation released anew while nobody looked begins anew. */
async function undoUnseen(from: BlockRef, deps: WatchDeps, signal: AbortSignal): Promise<void> {
  const { view, ledger } = deps
  for (const record of calledFrom(from, deps)) {
    const { epochId, release } = record
    const block = await persist({ doing: 'read_release', attempt: () => blockAt(release.number, deps), signal }, deps)
    if (block?.hash === release.hash) continue
    await undoRelease(record, deps)
    const again = view.epoch(epochId)
    if (again !== undefined) await ledger.release(epochId, again.release)
  }
}

/** `undefined` above the chain that was followed. Of a block below its head an endpoint without it is behind, and says nothing of a reorganisation. */
async function blockAt(number: BlockNumber, { chain, view }: WatchDeps): Promise<BlockRef | undefined> {
  const block = await chain.block(number)
  if (block === undefined && number <= (view.head?.number ?? 0))
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'anchor chain', method: 'block', detail: `no block ${number}` })
  return block
}

/** An epoch is needed until its window is over, its headers until the votes are counted, for the last time. */
function forget(started: Set<ReleasedEpoch>, { view, ledger, contract }: WatchDeps): void {
  const { head } = view
  if (head === undefined) return
  // What others send in the place of what was refuted is judged as ours is.
  const isInRounds = ({ epochId, release }: ReleasedEpoch): boolean =>
    view.rounds(epochId)?.hasRefuted === true && !isSettled(release.contractNumber, head.contractNumber, contract)
  const unfinished = new Set([...ledger.unfinished()].map(({ epochId }) => epochId))
  const needed = [...view.epochs()].filter(
    (epoch) =>
      !started.has(epoch) ||
      ['released', 'closed'].includes(ledger.get(epoch.epochId)?.state ?? '') ||
      // Its votes may have to be counted again.
      unfinished.has(epoch.epochId) ||
      isInRounds(epoch) ||
      // It may begin anew.
      !ledger.isReleased(epoch.epochId),
  )
  view.forgetBelow(Math.min(...needed.map((epoch) => epoch.release.number), head.number) as BlockNumber)
  for (const epoch of started) if (view.epoch(epoch.epochId) !== epoch) started.delete(epoch)
}

async function moveCursor(head: BlockNumber, { ledger }: WatchDeps): Promise<void> {
  const isIdle = [...ledger.unfinished()].length === 0
  if (isIdle && head >= (ledger.cursor() ?? 0) + CURSOR_STRIDE_BLOCKS) await ledger.saveCursor(head)
}
