import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { describe, expect, test } from 'vitest'
import { createFakeNetwork } from './fake.ts'
import { answer, identity, idOf, p2pSuite } from './suite.ts'

p2pSuite('the fake network', createFakeNetwork)

describe('faults of the fake network', () => {
  test('delay keeps the order; a break loses the delivery or its receipt, never anything that has one', async () => {
    const clock = createVirtualClock()
    const network = createFakeNetwork({ clock, random: createSeededRandom(7) })
    network.setFaults({ delayMsMax: 500, breakRate: 0.05 })
    const host = await network.createSubmissionHost({ identity: identity(1) })
    const stopping = new AbortController()
    const seen = answer(host, () => 'accepted', stopping.signal)
    const dialer = await network.createSubmissionDialer({ identity: identity(2) })
    const receipted: string[] = []
    for (let round = 0; round < 20; round += 1) {
      const link = await dialer.dial(host.addresses()[0] as string, stopping.signal)
      const sending = Array.from({ length: 10 }, (_, index) =>
        link.send({ submissionId: idOf(round * 10 + index), payload: new Uint8Array(1) }),
      )
      const outcomes = await clock.runUntil(Promise.allSettled(sending), { limitMs: 60_000 })
      for (const [index, outcome] of outcomes.entries()) if (outcome.status === 'fulfilled') receipted.push(idOf(round * 10 + index))
      await link.close()
    }
    const order = seen.map(({ submissionId }) => submissionId)
    expect(order).toEqual([...order].sort())
    expect(order).toEqual(expect.arrayContaining(receipted))
    expect(order.length).toBeGreaterThan(receipted.length)
    expect(order.length).toBeLessThan(200)
    stopping.abort()
  })

  test('a deployed listener gets JSON and answers nothing', async () => {
    const network = createFakeNetwork()
    const host = await network.createSubmissionHost({ identity: identity(1), isLegacy: true })
    const dialer = await network.createSubmissionDialer({ identity: identity(2) })
    const link = await dialer.dial(host.addresses()[0] as string, new AbortController().signal)
    expect(await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'submission_malformed' })
  })
})
