import { afterEach, describe, expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import { createFakeTracer } from '#io/traces/fake.ts'
import { traceIdOf } from '#wire/trace-id.ts'
import { createWorld, SEQUENCER, submission } from './collector.test-world.ts'
import { votesIn } from './outbox.ts'

describe('what is told of a submission to whoever follows traces', () => {
  let world = createWorld()
  afterEach(() => {
    world.stopping.abort()
    world = createWorld()
  })

  /** A collector that takes one submission, and the trace that its id names. */
  async function handed(addresses: readonly string[], ageMaxMs = 60_000) {
    const tracer = createFakeTracer()
    const one = await world.collector(addresses, { tracer, limits: { ageMaxMs } })
    one.start()
    await one.hand(submission(1))
    const [vote] = [...votesIn(one.store)]
    return { one, tracer, traceId: traceIdOf(vote?.note.submissionId as SubmissionId) }
  }

  test('its acceptance, and each attempt with what came back', async () => {
    const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
    let attempts = 0
    world.answer(host, () => (attempts++ === 0 ? 'not_ready' : 'accepted'))
    const { one, tracer, traceId } = await handed(host.addresses())
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 10_000 })
    const { epochId, projectId, slotId, snapshotCid } = submission(1).request
    const facts = { epochId, projectId, slotId, snapshotCid }
    const address = host.addresses()[0]
    expect(tracer.spans()).toMatchObject([
      { traceId, name: 'collector.accept', facts },
      { traceId, name: 'collector.deliver', facts: { ...facts, attempt: 1, address, code: 'not_ready' }, failure: 'not_ready' },
      { traceId, name: 'collector.deliver', facts: { ...facts, attempt: 2, address, code: 'accepted' }, failure: undefined },
    ])
  })

  test('that nobody took it in time, from its acceptance on', async () => {
    const { one, tracer, traceId } = await handed([], 2_000)
    await world.clock.runUntil(() => one.ended() === 1, { limitMs: 10_000 })
    const [accepted, expired] = tracer.spans()
    expect(expired).toMatchObject({ traceId, name: 'collector.expire', facts: { slotId: 1 }, failure: 'too_old' })
    expect(expired?.beganMs).toBe(accepted?.beganMs)
    expect((expired?.endedMs ?? 0) - (expired?.beganMs ?? 0)).toBeGreaterThanOrEqual(2_000)
  })
})
