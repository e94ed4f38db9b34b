import { expect, test } from 'vitest'
import type { ProjectId, SlotId } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'
import { createFakeTracer } from '#io/traces/fake.ts'
import { createDisk, open, signerOf } from '#roles/sequencer/sequencer.test-world.ts'
import { traceIdOf } from '#wire/trace-id.ts'

test('of each delivery of a group: how it was judged, when it was on disk, and its receipt; of a refused one the code, and no disk', async () => {
  const [disk, tracer] = [createDisk(), createFakeTracer()]
  const world = await open({ disk, tracer, receiptSigner: signerOf(4) })
  await world.release()
  const release = disk.hold((key) => key.startsWith('vote/'))
  const answered: Receipt[] = []
  const taken = await world.submission()
  const refused = await world.submission({ slotId: 2 as SlotId, projectId: 'elsewhere:X' as ProjectId })
  world.push([taken, refused, new Uint8Array(3)], answered)
  const atMs = world.clock.nowMs()
  await world.clock.advance(700)
  release()
  await world.until(() => answered.length === 3)
  expect(answered.map(({ code }) => code).sort()).toEqual(['accepted', 'project_not_allowed', 'submission_malformed'])

  const told = (code: string) => {
    const { submissionId } = answered.find((receipt) => receipt.code === code) as Receipt
    return tracer
      .spans()
      .filter(({ traceId }) => traceId === traceIdOf(submissionId))
      .map(({ name, beganMs, endedMs, facts, failure }) => [name, beganMs - atMs, endedMs - atMs, facts, failure])
  }
  const about = ({ epochId, projectId, slotId, snapshotCid }: typeof taken.request) => ({
    epochId,
    projectId,
    slotId,
    snapshotCid,
    group: 3,
  })
  const ofTaken = { ...about(taken.request), code: 'accepted' }
  expect(told('accepted')).toEqual([
    ['sequencer.verify', 0, 0, ofTaken, undefined],
    ['sequencer.record', 0, 700, ofTaken, undefined],
    ['sequencer.receipt', 700, 700, ofTaken, undefined],
  ])
  const ofRefused = { ...about(refused.request), code: 'project_not_allowed' }
  expect(told('project_not_allowed')).toEqual([
    ['sequencer.verify', 0, 0, ofRefused, 'project_not_allowed'],
    ['sequencer.receipt', 700, 700, ofRefused, 'project_not_allowed'],
  ])
  const ofBroken = { code: 'submission_malformed', group: 3 }
  expect(told('submission_malformed')).toEqual([
    ['sequencer.verify', 0, 0, ofBroken, 'submission_malformed'],
    ['sequencer.receipt', 700, 700, ofBroken, 'submission_malformed'],
  ])
  await world.stop()
})
