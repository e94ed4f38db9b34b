import { afterEach, expect, test } from 'vitest'
import type { BatchedSubmission } from '#domain/batch.ts'
import type { EpochId, SubmissionId } from '#domain/ids.ts'
import { SPANS, type SpanName } from '#domain/spans.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import type { ToldSpan } from '#io/traces/fake.ts'
import { createOtlpTracer, type OtlpTracer } from '#io/traces/otlp.ts'
import { startReceiver } from '#io/traces/receiver.test-world.ts'
import { traceIdOf, traceIdOfBatch } from '#wire/trace-id.ts'
import { createNetwork } from '../journey/network.ts'

/** Every role of a network on fakes, each with a tracer of its own, as if each were another operator's; only the receiver of traces and what goes there are real. */

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function followed() {
  const receiver = await startReceiver()
  const tracers: OtlpTracer[] = []
  const tracer = (machine: string) => {
    const [role = machine] = machine.split(' ')
    const made = createOtlpTracer({ url: receiver.url, role, version: '0', share: 1 }, () => undefined) as OtlpTracer
    tracers.push(made)
    return made
  }
  stops.push(receiver.stop)
  const network = await createNetwork({ seed: 1, honestSlots: 1, lyingSlots: 0, tracer })
  stops.push(network.stop)
  /** By trace, when everything that was told has arrived. */
  const arrived = async (): Promise<ReadonlyMap<string, readonly ToldSpan[]>> => {
    await Promise.all(tracers.map((each) => each.stop(10_000)))
    return Map.groupBy(receiver.spans(), ({ traceId }) => traceId)
  }
  return { network, arrived }
}

const namesOf = (spans: readonly ToldSpan[] = []): readonly SpanName[] =>
  (Object.keys(SPANS) as SpanName[]).filter((name) => spans.some((span) => span.name === name))

test('all that roles tell of a submission is in the trace that its id names, and of a batch in that of its CID', async () => {
  const { network, arrived } = await followed()
  await network.releaseEpoch()
  const batches = await network.attested(1 as EpochId, 3)
  await network.until(() => network.validators.every((validator) => validator.stats().attested === batches.length))
  await network.passBlocks(1)
  const { batchCid } = batches[0] as AnchoredBatch
  const [one] = (await network.file(batchCid)).submissions
  const { submissionId, submission } = one as BatchedSubmission
  const traces = await arrived()

  const ofOne = traces.get(traceIdOf(submissionId as SubmissionId)) ?? []
  const stages = ['snapshotter.compute', 'snapshotter.sign', 'snapshotter.hand_over', 'collector.accept', 'collector.deliver']
  expect(namesOf(ofOne)).toEqual([...stages, 'sequencer.verify', 'sequencer.record', 'sequencer.receipt'])
  const { epochId, projectId, slotId, snapshotCid } = submission.request
  for (const { facts } of ofOne) expect(facts).toMatchObject({ epochId, projectId, slotId, snapshotCid })
  const delivered = ofOne.find(({ name }) => name === 'collector.deliver')
  expect(delivered).toMatchObject({ facts: { attempt: 1, code: 'accepted' } })
  expect(ofOne.filter(({ failure }) => failure !== undefined)).toEqual([])

  const ofBatch = traces.get(traceIdOfBatch(batchCid))
  expect(namesOf(ofBatch)).toEqual(['sequencer.pin', 'sequencer.anchor', 'validator.fetch', 'validator.recheck', 'validator.attest'])
  expect(ofBatch?.filter(({ name }) => name === 'validator.attest').length).toBe(3)
})
