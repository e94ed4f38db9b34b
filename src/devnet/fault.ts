import type { ComputeSet } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { ProtocolEvent } from '#io/chain/port.ts'
import { FAULT_EPOCH, type FaultName } from './fault-names.ts'
import { LAST_LIE_EPOCH, type Outside } from './lying-sequencer.ts'
import type { DevnetReport, EpochLine, UnfinishedEpoch } from './report.ts'

/** Epochs after it within which one must be whole again; the design promises the next, and a machine may be busy. */
const HEALED_WITHIN_EPOCHS = 5
/** Released epochs after it without one that was decided: by then nothing will be. */
const STUCK_AFTER_EPOCHS = 12

/** What a devnet does besides, to plant the fault. */
export interface Planted {
  /** What the sequencer is shown of the outside. */
  readonly outside?: (outside: Outside) => Outside
  /** What honest snapshotters compute with. */
  readonly computes?: (computes: ComputeSet) => ComputeSet
}

export type Released = ProtocolEvent & { readonly kind: 'EpochReleased' }

/** The same computes, of which one project's snapshot of the fault's epoch waits until `isDone`: whoever wants to vote on it first can. */
export function delayed({ snapshots, ...computes }: ComputeSet, projectId: ProjectId, isDone: Promise<void>): ComputeSet {
  const waiting = snapshots.map((honest) => ({
    ...honest,
    compute: async (input: Parameters<typeof honest.compute>[0]) => {
      const name = [honest.projectType, input.dataSource].filter((part) => part !== undefined).join(':')
      if (input.epoch.epochId === FAULT_EPOCH && projectId.toLowerCase().startsWith(`${name}:`.toLowerCase())) await isDone
      return honest.compute(input)
    },
  }))
  return { ...computes, snapshots: waiting }
}

export interface FaultWatch {
  /** Resolves when an epoch after the fault is whole. Rejects with `FAULT_NOT_HEALED` when none is in time. */
  readonly healed: Promise<void>
  /** `epochId`: of the fault, when it is in several. */
  step(step: string, detail: string, epochId?: number): void
  seen(event: ProtocolEvent): void
  epoch(line: EpochLine): void
  unfinished(epoch: UnfinishedEpoch): void
}

/** Follows a planted fault from outside, says step by step what becomes of it, and whether it is healed. */
export function watchFault(
  fault: FaultName,
  report: Pick<DevnetReport, 'fault'>,
  act: (epoch: Released, step: FaultWatch['step']) => Promise<void> | undefined,
  evidenceOf: (epochId: EpochId, batchCid: Cid) => string | undefined = () => undefined,
): FaultWatch {
  const { promise: healed, resolve, reject } = Promise.withResolvers<void>()
  healed.catch(() => undefined)
  const refuted = new Set<number>()
  /** The last that something is wrong with. A busy machine may leave the sequencer nothing to lie about: then it lies in the next one. */
  let faultEpoch = fault === 'lying-sequencer' ? LAST_LIE_EPOCH : FAULT_EPOCH
  let isHealed = false
  const isConcerned = (epochId: number): boolean => epochId >= FAULT_EPOCH && epochId <= faultEpoch
  const step: FaultWatch['step'] = (name, detail, epochId = FAULT_EPOCH) => {
    if (name === 'planted' && epochId > faultEpoch) faultEpoch = epochId as EpochId
    report.fault({ fault, epochId, step: name, detail })
  }
  const fail = (detail: string, epochId: number = faultEpoch): void => reject(new WeftError('FAULT_NOT_HEALED', { fault, epochId, detail }))

  function decided({ epochId }: { readonly epochId: number }, whatIsWrong: string | undefined): void {
    if (isConcerned(epochId)) step('epoch_over', whatIsWrong ?? 'every project of the market is final', epochId)
    if (epochId <= faultEpoch || isHealed) return
    if (whatIsWrong === undefined) {
      step('healed', `epoch ${epochId} is whole: every project of the market is final, aggregates among them`, faultEpoch)
      isHealed = true
      resolve()
    } else if (epochId >= faultEpoch + HEALED_WITHIN_EPOCHS) fail(`epoch ${epochId}: ${whatIsWrong}`)
  }

  return {
    healed,
    step,
    seen(event) {
      if (event.kind === 'EpochReleased') {
        if (event.epochId === FAULT_EPOCH) act(event, step)?.catch(reject)
        if (event.epochId >= faultEpoch + STUCK_AFTER_EPOCHS) fail(`epoch ${event.epochId} is released, and none after the fault is whole`)
        return
      }
      if (!('epochId' in event && 'batchCid' in event) || !isConcerned(event.epochId)) return
      const { epochId, batchCid } = event
      const isInPlace = refuted.has(epochId)
      if (event.kind === 'SnapshotBatchSubmitted')
        step(isInPlace ? 'corrected' : 'anchored', `batch ${batchCid} is on chain${isInPlace ? ' in its place' : ''}`, epochId)
      if (event.kind === 'TriggerBatchResubmission') {
        refuted.add(epochId)
        step('disputed', `a majority of the validators refuted batch ${batchCid} and asks for another`, epochId)
      }
      if (event.kind !== 'SnapshotBatchFinalized' && event.kind !== 'TriggerBatchResubmission') return
      const found = evidenceOf(epochId, batchCid)
      if (found !== undefined) step('evidence', `about batch ${batchCid}: ${found}`, epochId)
      if (event.kind === 'SnapshotBatchFinalized') step('final', `batch ${batchCid} is attested by a majority`, epochId)
    },
    epoch: (line) => decided(line, line.finalized === line.projects ? undefined : missing(line)),
    unfinished(epoch) {
      decided(epoch, epoch.reason)
      if (fault !== 'lying-sequencer') return
      if (refuted.has(epoch.epochId)) fail(`epoch ${epoch.epochId}: ${epoch.reason}`, epoch.epochId)
      else if (epoch.epochId === faultEpoch) faultEpoch = (faultEpoch + 1) as EpochId
    },
  }
}

function missing({ finalized, projects, missed }: EpochLine): string {
  const reasons = [...new Set(missed.map(({ reason }) => reason))].join(', ')
  return `${finalized} of ${projects} projects are final; the others: ${reasons}`
}
