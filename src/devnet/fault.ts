import type { ComputeSet } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { ProtocolCall, ProtocolEvent } from '#io/chain/port.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { FAULT_EPOCH, type FaultName } from './fault-names.ts'
import type { DevnetReport, EpochLine, UnfinishedEpoch } from './report.ts'

/** Epochs after it within which one must be whole again; the design promises the next, and a machine may be busy. */
const HEALED_WITHIN_EPOCHS = 5
/** Released epochs after it without one that was decided: by then nothing will be. */
const STUCK_AFTER_EPOCHS = 12

/** What a devnet does besides, to plant the fault. */
export interface Planted {
  /** What the sequencer's account sends instead of what it is asked to. */
  readonly call?: (intentId: string, call: ProtocolCall) => ProtocolCall
  /** What honest snapshotters compute with. */
  readonly computes?: (computes: ComputeSet) => ComputeSet
}

export type Released = ProtocolEvent & { readonly kind: 'EpochReleased' }

/** Tells the chain the second project's CID for the first one, once: in the first batch from the fault's epoch on. */
export function createLie(): NonNullable<Planted['call']> {
  let lie: string | undefined
  return (intentId, call) => {
    if (call.kind !== 'submitSubmissionBatch' || call.epochId < FAULT_EPOCH) return call
    lie ??= intentId
    if (intentId !== lie) return call
    const [first, second = first, ...others] = call.snapshotCids
    const snapshotCids = [second, second, ...others].filter((cid) => cid !== undefined)
    return { ...call, snapshotCids, rootHash: publishedRoot(snapshotCids) }
  }
}

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
  step(step: string, detail: string): void
  seen(event: ProtocolEvent): void
  epoch(line: EpochLine): void
  unfinished(epoch: UnfinishedEpoch): void
}

/** Follows a planted fault from outside, says step by step what becomes of it, and whether it is healed. */
export function watchFault(
  fault: FaultName,
  report: Pick<DevnetReport, 'fault'>,
  act: (epoch: Released, step: FaultWatch['step']) => Promise<void> | undefined,
): FaultWatch {
  const { promise: healed, resolve, reject } = Promise.withResolvers<void>()
  healed.catch(() => undefined)
  let refuted = 0
  /** A busy machine may leave the sequencer nothing to lie about: then it lies in the next one. */
  let faultEpoch = FAULT_EPOCH
  let isHealed = false
  const step = (name: string, detail: string): void => report.fault({ fault, epochId: faultEpoch, step: name, detail })
  const fail = (detail: string): void => reject(new WeftError('FAULT_NOT_HEALED', { fault, epochId: faultEpoch, detail }))

  function decided({ epochId }: { readonly epochId: number }, whatIsWrong: string | undefined): void {
    if (epochId === faultEpoch) step('epoch_over', whatIsWrong ?? 'every project of the market is final')
    if (epochId <= faultEpoch || isHealed) return
    if (whatIsWrong === undefined) {
      step('healed', `epoch ${epochId} is whole: every project of the market is final, aggregates among them`)
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
        if (event.epochId >= FAULT_EPOCH + STUCK_AFTER_EPOCHS) fail(`epoch ${event.epochId} is released, and none after the fault is whole`)
        return
      }
      if (!('epochId' in event) || event.epochId !== faultEpoch) return
      if (event.kind === 'SnapshotBatchSubmitted')
        step(refuted > 0 ? 'corrected' : 'anchored', `batch ${event.batchCid} is on chain${refuted > 0 ? ' in its place' : ''}`)
      if (event.kind === 'TriggerBatchResubmission') {
        refuted += 1
        step('disputed', `a majority of the validators refuted batch ${event.batchCid} and asks for another`)
      }
      if (event.kind === 'SnapshotBatchFinalized') step('final', `batch ${event.batchCid} is attested by a majority`)
    },
    epoch: (line) => decided(line, line.finalized === line.projects ? undefined : missing(line)),
    unfinished(epoch) {
      decided(epoch, epoch.reason)
      if (epoch.epochId !== faultEpoch || fault !== 'lying-sequencer') return
      if (refuted > 0) fail(`epoch ${epoch.epochId}: ${epoch.reason}`)
      else faultEpoch = (faultEpoch + 1) as EpochId
    },
  }
}

function missing({ finalized, projects, missed }: EpochLine): string {
  const reasons = [...new Set(missed.map(({ reason }) => reason))].join(', ')
  return `${finalized} of ${projects} projects are final; the others: ${reasons}`
}
