import { describe, expect, test } from 'vitest'
import { systemClock } from '#io/clock/system.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { createSubmissionHost } from '#io/p2p/host.ts'
import { createLyingRelay, type Lie } from '#io/p2p/lying.test-relay.ts'
import { createRelay } from '#io/p2p/relay.ts'
import { answer, isRelayed } from '#io/p2p/suite.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { createCollector } from './collector.ts'
import { identity, submission } from './collector.test-world.ts'
import { running } from '#io/p2p/running.test-world.ts'

const SUBMISSIONS = 60
const portIn = (address: string): number => Number(/\/tcp\/(\d+)/.exec(address)?.[1])

/** A collector on real links, whose preferred way is a relay that lies; the other is honest. */
describe('C5, C16, G11: a relay that', () => {
  const { keep, stopping } = running()

  async function delivered(lie: Lie) {
    const honest = keep(await createRelay({ identity: identity(3) }))
    const host = keep(await createSubmissionHost({ identity: identity(1), relays: honest.addresses() }))
    const impostor = keep(await createSubmissionHost({ identity: identity(6) }))
    const [seen, strayed] = [host, impostor].map((one) => answer(one, () => 'accepted', stopping.signal))
    await expect.poll(() => host.addresses().some(isRelayed), { timeout: 15_000 }).toBe(true)
    const target = lie === 'swaps' ? impostor : host
    const liar = keep(await createLyingRelay(lie, { portOf: () => portIn(target.addresses()[0] as string) }))
    const dialer = keep(await createSubmissionDialer({ identity: identity(9) }))
    const collector = createCollector(
      {
        addresses: [`${liar.address}/p2p-circuit/p2p/${host.peerId}`, host.addresses().find(isRelayed) as string],
        limits: { receiptTimeoutMs: 400, dialBackoff: { firstMs: 50, lastMs: 200 } },
      },
      { store: createFakeStore(), dialer, clock: systemClock, random: createSeededRandom(1), report: () => undefined },
    )
    const work = collector.run(stopping.signal)
    keep({ stop: () => work })
    const answers = await Promise.all(Array.from({ length: SUBMISSIONS }, (_, index) => collector.handler(submission(index))))
    expect(new Set(answers)).toEqual(new Set(['Success']))
    await expect.poll(() => collector.stats().endings.acknowledged, { timeout: 15_000 }).toBe(SUBMISSIONS)
    return { ids: new Set(seen?.map(({ submissionId }) => submissionId)), strayed, liar, address: collector.stats().address, host }
  }

  test.each(['swaps', 'drops', 'corrupts', 'cuts', 'stalls'] as const)(
    '%s what it carries costs time and no submission: all arrive by the other',
    async (lie) => {
      const { ids, strayed, liar, address } = await delivered(lie)
      expect([ids.size, strayed?.length, address?.startsWith(liar.address)]).toEqual([SUBMISSIONS, 0, false])
      expect(liar.taken()).toBeGreaterThan(0)
    },
  )

  test('delays what it carries costs its delay', async () => {
    const { ids } = await delivered('delays')
    expect(ids.size).toBe(SUBMISSIONS)
  })
})
