import { isWeftError, toldOf, WeftError } from '#domain/errors.ts'
import type { BlockNumber, ContractNumber, EpochId } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { compute } from './compute.ts'
import type { AsOf } from './decision.ts'
import type { MakeInputs } from './epoch-run.ts'
import { type HandOverDeps, handOver } from './hand-over.ts'
import type { EpochPlan } from './plan.ts'
import { isOurFailure, type ProjectDeps } from './project-run.ts'

/** The epoch that is recorded and never counted (spec/02 §7). */
export const SIMULATION_EPOCH = 0 as EpochId
/** It has none, and nothing earlier. */
const NO_RELEASE: AsOf = { number: 0 as BlockNumber, contractNumber: 0 as ContractNumber }

/** One that has not come through by then has shown what it was to show. */
const TIMEOUT_MS = 120_000

const noAggregates = () => Promise.reject(new WeftError('STOPPED', { what: 'simulation of aggregates' }))

export interface SimulateDeps extends Pick<ProjectDeps, 'ipfs' | 'slotIds'> {
  readonly handOver: HandOverDeps
  readonly makeInputs: MakeInputs
  /** The source chain's newest block. */
  readonly sourceHead: () => Promise<BlockRef>
}

/**
 * Shows once after start that the way to the sequencer is open: per slot one submission of epoch 0 for each base project type, computed
 * from the last but one source block, as deployed lite nodes do. Returns how many were handed over. Throws `COMPUTE_FAILED`,
 * `IPFS_CONTENT_WRONG` and what else IPFS throws, or the signal's reason.
 */
export async function simulate(plan: EpochPlan, signal: AbortSignal, deps: SimulateDeps): Promise<number> {
  const above = await deps.sourceHead()
  const block = Math.max(above.number - 1, 0)
  const inputs = deps.makeInputs({
    epoch: { epochId: SIMULATION_EPOCH, begin: block, end: block },
    above,
    release: NO_RELEASE,
    computes: plan.computes,
    signal,
    snapshotOf: noAggregates,
  })
  const firsts = plan.projects.filter(
    (project, index) => project.kind === 'snapshot' && plan.projects.findIndex((other) => other.compute === project.compute) === index,
  )
  let handedOver = 0
  for (const project of firsts) {
    const computed = await compute(project, inputs)
    if (!computed.ok)
      throw new WeftError('COMPUTE_FAILED', { projectId: project.projectId, epochId: SIMULATION_EPOCH, detail: computed.detail })
    // As everywhere, what is signed is our own word for the bytes.
    const snapshotCid = await snapshotCidOf(computed.bytes)
    const added = await deps.ipfs.add(computed.bytes)
    if (added !== snapshotCid) throw new WeftError('IPFS_CONTENT_WRONG', { cid: snapshotCid, got: added })
    for (const slotId of deps.slotIds()) {
      const vote = { epochId: SIMULATION_EPOCH, projectId: project.projectId, slotId, snapshotCid }
      if (await handOver(vote, signal, deps.handOver)) handedOver += 1
    }
  }
  return handedOver
}

/**
 * `simulate` once after start, beside everything else: that it fails is told and changes nothing. Rejects only when our own disk or code
 * fails, as an epoch does.
 */
export async function simulateOnce(
  plan: EpochPlan,
  stopping: AbortSignal,
  deps: SimulateDeps & { readonly clock: Clock; readonly onSimulated: (count: number) => void },
): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, stopping])
  const end = () => over.abort(new WeftError('STOPPED', { what: 'simulation' }))
  deps.clock.sleep(TIMEOUT_MS, signal).then(end, () => undefined)
  try {
    deps.onSimulated(await simulate(plan, signal, deps))
  } catch (failure) {
    if (stopping.aborted || !isWeftError(failure) || isOurFailure(failure)) throw failure
    deps.handOver.report('simulation_failed', toldOf(failure))
  } finally {
    end()
  }
}
