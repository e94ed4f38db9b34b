import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { systemClock } from '#io/clock/system.ts'
import { openComputeFolders } from '#node/compute-folder.ts'
import { COMPUTE_SETS, openComputes } from '#node/computes.ts'
import { createStarted } from '#node/stop.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { adviceAfter, advising } from './advice.ts'
import type { FaultName } from './fault-names.ts'
import { type FaultWatch, type Released, watchFault } from './fault.ts'
import type { Given } from '#node/settings/settings.ts'
import { sweepTemporaryFolders } from './folder.ts'
import { type Ground, type GroundOptions, layGround, type RpcFor } from './ground.ts'
import { createObserver, emptySummary, type Observer } from './observer.ts'
import { plant } from './plant.ts'
import { announce, type DevnetEndpoints, KEPT, keep, RUNNING, withdraw } from './registry.ts'
import { DASHBOARD, type DevnetReport, type DevnetSummary, type Endpoint, type EpochLine } from './report.ts'
import { type NetworkRoles, startRoles } from './roles.ts'
import { startWatching } from './watching.ts'

export interface DevnetOptions extends Omit<GroundOptions, 'computes'> {
  /** Folders of compute sets that run beside those that the devnet has. */
  readonly computeFolders?: readonly string[]
  /** Stop after as many finalized epochs; without it only the signal stops. */
  readonly epochs?: number
  /** Made to go wrong in one epoch; then it stops as soon as it is healed, unless it is to run for so many epochs. */
  readonly fault?: FaultName
  readonly rpcFor?: RpcFor
  /** The sequencer in parts, over a NATS server. */
  readonly scaleOut?: boolean
  /** Of all roles alike, beside what the devnet gives them. */
  readonly settings?: Given
}

export interface DevnetOutcome {
  readonly summary: DevnetSummary
  /** Whether all of it had started before it stopped. */
  readonly wasUp: boolean
  /** Said when this machine was not fast enough. */
  readonly advice?: string
  /** A data point of a finalized epoch, to be proved when the devnet has ended; none when there is none or nothing is kept. */
  readonly provable?: { readonly projectId: ProjectId; readonly epochId: number }
}

/** Runs a whole network until enough epochs are finalized or the signal aborts; then stops every part of it and tells how it went. Throws `FAULT_NOT_HEALED` when a planted fault is not. */
export async function runDevnet(options: DevnetOptions, report: DevnetReport, signal: AbortSignal): Promise<DevnetOutcome> {
  if (options.liars * 2 >= options.slots)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--liars must be fewer than half of --slots, or the lie wins'] })
  if (options.fault !== undefined && options.epochs !== undefined)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--fault ends when it is healed: it takes no --epochs'] })
  if (options.fault !== undefined && options.scaleOut === true)
    throw new WeftError('SETTINGS_INVALID', {
      problems: ['--fault is planted in a sequencer that is one process: it takes no --scale-out'],
    })
  if (options.watch === true && (options.computeFolders ?? []).length === 0)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--watch needs --computes: the folders that are watched'] })
  const started = createStarted()
  const computes = openComputeFolders(options.computeFolders ?? [])
  for (const set of computes) started.add(`computes of ${set.folder}`, set)
  const startedMs = systemClock.nowMs()
  let observer: Observer | undefined
  const summary = (): DevnetSummary => observer?.summary() ?? emptySummary(systemClock.nowMs() - startedMs)
  let provable: DevnetOutcome['provable']
  let isBegun = false
  try {
    signal.throwIfAborted()
    sweepTemporaryFolders()
    const ground = await layGround({ ...options, computes }, report, started, () => {
      isBegun = true
    })
    signal.throwIfAborted()
    const projects = projectsOf(ground)
    /** Since which epoch the market has which. */
    const plans: { readonly from: number; readonly projects: readonly ProjectId[] }[] = [{ from: 0, projects }]
    const planting = options.fault && plant(options.fault, ground, projects)
    const { rpcFor, settings, scaleOut = false } = options
    const hosting = { report, started, signal, scaleOut, ...(rpcFor && { rpcFor }), ...(settings && { settings }) }
    const roles = await startRoles(ground, hosting, planting)
    const chain = await anchorOf(ground)
    const act = (released: Released, step: FaultWatch['step']) => planting?.act(released, { chain, roles, step })
    const watch = options.fault && watchFault(options.fault, report, act, roles.evidenceOf)
    // What a planted fault keeps from being in time says nothing of the machine.
    const told = options.fault === undefined ? advising(report, summary) : report
    const epoch = (line: EpochLine): void => {
      told.epoch(line)
      const [projectId] = projects
      if (!options.isTemporary && projectId !== undefined && line.finalized === line.projects)
        provable = { projectId, epochId: line.epochId }
    }
    const projectsAt = (epochId: EpochId) => (plans.findLast(({ from }) => from <= epochId) ?? { projects }).projects
    const { recordOf, failureOf } = roles
    observer = createObserver({ chain, clock: systemClock, report: { ...told, epoch }, projectsAt, recordOf, failureOf, watch })
    const endpoints = endpointsOf(ground, projects, roles)
    announce(endpoints, ground.folder)
    const onPlan = (from: EpochId, planned: readonly ProjectId[]): void => void plans.push({ from, projects: planned })
    if (ground.editions !== undefined) started.add('watch', await startWatching(ground, endpoints, { report, signal, onPlan }))
    started.add('registry', { stop: () => (options.isTemporary ? withdraw(options.dataDir) : keep(options.dataDir, ground.folder)) })
    report.ready([...roles.listening, ...findings(options, projects, roles.api)])
    await Promise.race([observeEnough(observer, { ...options, watch }, signal), roles.failed, chainEnded(ground)])
  } catch (failure) {
    // Ctrl-C is an orderly end at any moment, also while things start.
    if (!signal.aborted) throw failure
  } finally {
    if (isBegun) report.progress('stopping …')
    await started.stop()
  }
  const advice = adviceAfter(summary())
  return { summary: summary(), wasUp: observer !== undefined, ...(advice && { advice }), ...(provable && { provable }) }
}

/** For whoever looks: what there is, where to see it, and how to ask for proof. */
function findings({ dataDir, isTemporary, epochs }: DevnetOptions, projects: readonly ProjectId[], api: string): Endpoint[] {
  const listed = {
    name: 'projects',
    where: `${projects.length}, listed in ${join(dataDir, RUNNING)}${isTemporary ? '' : `, at the end in ${KEPT}`}`,
  }
  const dashboard = { name: DASHBOARD, where: api }
  // One that stops by itself may have stopped before anybody has pasted the line.
  return epochs === undefined
    ? [listed, dashboard, { name: 'proof, once epoch 1 is final', where: `./weft verify ${projects[0]} 1` }]
    : [listed, dashboard]
}

function projectsOf({ manifest, computes }: Ground): ProjectId[] {
  return planProjects(openComputes([...manifest.computes], [...COMPUTE_SETS, ...computes]).computes, manifest.namespace).map(
    ({ projectId }) => projectId,
  )
}

/** As many epochs as are asked for; with a fault, until it is healed. */
async function observeEnough(
  observer: Observer,
  { epochs, watch }: { readonly epochs?: number; readonly watch: FaultWatch | undefined },
  signal: AbortSignal,
): Promise<void> {
  if (watch === undefined) return observer.run(epochs, signal)
  const enough = new AbortController()
  try {
    await Promise.race([observer.run(undefined, AbortSignal.any([signal, enough.signal])), watch.healed])
  } finally {
    enough.abort()
  }
}

function anchorOf({ anchor, protocol: { protocolState, dataMarket, chainId } }: Ground): Promise<AnchorChain> {
  return connectAnchorChain({
    rpcUrl: anchor.rpcUrl,
    chainId,
    protocolState,
    dataMarket,
    pollMs: 100,
    reorgDepthMax: 64,
    clock: systemClock,
  })
}

function endpointsOf(
  { dataDir, anchor, source, protocol, sourceChainId, computes }: Ground,
  projects: readonly ProjectId[],
  { sequencerPlaces, sequencerHttp, api, relay, collectors, gateways }: NetworkRoles,
): DevnetEndpoints {
  return {
    processId: process.pid,
    dataDir,
    anchorRpcUrl: anchor.rpcUrl,
    anchorChainId: protocol.chainId,
    sourceRpcUrl: source.rpcUrl,
    sourceChainId,
    protocolState: protocol.protocolState,
    dataMarket: protocol.dataMarket,
    nodes: protocol.nodes,
    gateways,
    sequencer: sequencerPlaces,
    sequencerHttp,
    api,
    relay: relay.places['p2p'] ?? [],
    collectors: collectors.flatMap(({ places }) => places['grpc'] ?? []),
    projects,
    computes: computes.map(({ folder }) => folder),
  }
}

/** Rejects when a chain ends by itself. */
async function chainEnded({ anchor, source }: Ground): Promise<never> {
  await Promise.race([anchor.ended, source.ended])
  throw new WeftError('CHILD_PROCESS_FAILED', { program: 'anvil', detail: 'a chain ended while the devnet was running' })
}
