import { describe, expect, test } from 'vitest'
import type { ComputeSet } from '#domain/compute.ts'
import type { ProjectId } from '#domain/ids.ts'
import type { ProtocolEvent } from '#io/chain/port.ts'
import { FAULT_EPOCH, type FaultName } from './fault-names.ts'
import { delayed, watchFault } from './fault.ts'
import { LAST_LIE_EPOCH } from './lying-sequencer.ts'
import type { EpochLine, FaultStep } from './report.ts'

const line = (epochId: number, change: Partial<EpochLine> = {}): EpochLine =>
  ({ epochId, projects: 3, finalized: 3, missed: [], refuted: 0, disputed: 0, ...change }) as EpochLine
const event = (kind: ProtocolEvent['kind'], epochId: number = FAULT_EPOCH, batchCid = 'batch'): ProtocolEvent =>
  ({ kind, epochId, batchCid }) as unknown as ProtocolEvent

function watching(fault: FaultName = 'project-flood') {
  const steps: FaultStep[] = []
  const acted: number[] = []
  const watch = watchFault(fault, { fault: (step) => void steps.push(step) }, async ({ epochId }) => void acted.push(epochId))
  return { watch, acted, told: () => steps.map(({ step }) => step) }
}

describe('a planted fault', () => {
  test('acts with the release of its epoch, once, and is followed step by step', async () => {
    const { watch, acted, told } = watching()
    watch.seen(event('EpochReleased', 1))
    watch.seen(event('EpochReleased'))
    for (const kind of [
      'SnapshotBatchSubmitted',
      'TriggerBatchResubmission',
      'SnapshotBatchSubmitted',
      'SnapshotBatchFinalized',
    ] as const) {
      watch.seen(event(kind))
      watch.seen(event(kind, FAULT_EPOCH + 1))
    }
    expect([acted, told()]).toEqual([[FAULT_EPOCH], ['anchored', 'disputed', 'corrected', 'final']])
  })

  test('is healed by the first whole epoch after it, not by its own and not by one before', async () => {
    const { watch, told } = watching()
    for (const epochId of [1, 2]) watch.epoch(line(epochId))
    watch.epoch(line(3, { finalized: 2, missed: [{ projectId: 'p' as ProjectId, reason: 'unavailable' }] }))
    expect(told()).toEqual(['epoch_over'])
    for (const epochId of [4, 5]) watch.epoch(line(epochId))
    expect(told()).toEqual(['epoch_over', 'healed'])
    await watch.healed
  })

  test('that no epoch after it makes good is not healed: the failure says what was missing', async () => {
    const { watch } = watching()
    const missed = [{ projectId: 'p' as ProjectId, reason: 'history_missing' }] as const
    for (const epochId of [3, 4, 5, 6]) watch.epoch(line(epochId, { finalized: 2, missed }))
    watch.unfinished({ epochId: 7, reason: 'no_submissions' })
    await expect(watch.healed).rejects.toMatchObject({
      code: 'FAULT_NOT_HEALED',
      facts: { fault: 'project-flood', epochId: FAULT_EPOCH, detail: 'epoch 7: no_submissions' },
    })
  })

  test('after which nothing is decided any more is not healed either', async () => {
    const { watch } = watching()
    watch.seen(event('EpochReleased', FAULT_EPOCH + 12))
    await expect(watch.healed).rejects.toMatchObject({ code: 'FAULT_NOT_HEALED' })
  })

  test('of a lie is healed only when what was refuted is corrected, whichever of them it was', async () => {
    const { watch } = watching('lying-sequencer')
    watch.seen(event('TriggerBatchResubmission', FAULT_EPOCH))
    watch.unfinished({ epochId: FAULT_EPOCH, reason: 'not_corrected' })
    await expect(watch.healed).rejects.toMatchObject({ facts: { epochId: FAULT_EPOCH, detail: 'epoch 2: not_corrected' } })
  })

  test('of the last lie is waited for: on a busy machine there may be nothing to lie about, then it is the next one', async () => {
    const { watch, told } = watching('lying-sequencer')
    watch.unfinished({ epochId: LAST_LIE_EPOCH, reason: 'nothing_finalized' })
    watch.epoch(line(LAST_LIE_EPOCH + 1))
    expect(told()).toEqual(['epoch_over', 'epoch_over'])
    watch.epoch(line(LAST_LIE_EPOCH + 2))
    await watch.healed
  })

  test('that comes later than it should is followed from where it was planted', () => {
    const { watch, told } = watching('lying-sequencer')
    watch.step('planted', 'a false CID', LAST_LIE_EPOCH + 1)
    watch.seen(event('TriggerBatchResubmission', LAST_LIE_EPOCH + 1))
    watch.unfinished({ epochId: LAST_LIE_EPOCH, reason: 'nothing_finalized' })
    watch.epoch(line(LAST_LIE_EPOCH + 1))
    expect(told()).toEqual(['planted', 'disputed', 'epoch_over', 'epoch_over'])
  })

  test('in several epochs is told of each, with what validators found', async () => {
    const steps: string[] = []
    const fault = ({ epochId, step, detail }: FaultStep) => void steps.push(`${epochId} ${step}: ${detail}`)
    const watch = watchFault(
      'lying-sequencer',
      { fault },
      () => undefined,
      (epochId) => (epochId === 3 ? '2 omitted_slot' : undefined),
    )
    for (const epochId of [3, 4, LAST_LIE_EPOCH + 1]) watch.seen(event('SnapshotBatchFinalized', epochId))
    expect(steps).toEqual([
      '3 evidence: about batch batch: 2 omitted_slot',
      '3 final: batch batch is attested by a majority',
      '4 final: batch batch is attested by a majority',
    ])
  })
})

test('one snapshot of the epoch of the fault waits until somebody else has voted; all others do not', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const honest: ComputeSet = {
    preloads: [],
    snapshots: [{ projectType: 'pair', dataSources: ['0xAA'], preloads: [], compute: async ({ dataSource }) => dataSource ?? 'none' }],
    aggregates: [],
  }
  const [waiting] = delayed(honest, 'pair:0xaa:TEST' as ProjectId, promise).snapshots
  const compute = (epochId: number, dataSource: string) =>
    waiting?.compute({ epoch: { epochId, begin: 1, end: 1 }, dataSource } as unknown as Parameters<typeof waiting.compute>[0])
  expect([await compute(1, '0xAA'), await compute(2, '0xBB')]).toEqual(['0xAA', '0xBB'])
  let isDone = false
  const late = compute(2, '0xAA')?.then(() => {
    isDone = true
  })
  await Promise.resolve()
  expect(isDone).toBe(false)
  resolve()
  await late
  expect(isDone).toBe(true)
})
