import { expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import type { FakeStore } from '#io/store/fake.ts'
import { createAnchoredWorld } from './anchored.test-world.ts'
import { SEQUENCER } from './collector.test-world.ts'

/** `CRASH_SEED` tries others. */
const FIRST_SEED = Number(process.env['CRASH_SEED'] ?? 1)
const SEEDS = Array.from({ length: 40 }, (_, index) => FIRST_SEED + index)
const POWER_CUTS = 6
const PROJECTS = 80

interface End {
  readonly state: string
  readonly lastCode?: string
}

/** What is written down of each vote, by its project. */
function endsIn(store: FakeStore): Map<string, End> {
  return new Map(
    store
      .scan('out')
      .map(({ key, value }) => [key.split('\t')[4] as string, JSON.parse(new TextDecoder().decode(value).split('\n')[0] as string) as End]),
  )
}

/**
 * Hands over while power goes again and again, at moments that only the seed knows; the sequencer comes and goes too, and with it what it has on
 * its disk stays. In the end the window is over.
 */
async function play(seed: number) {
  const world = createAnchoredWorld()
  const dice = createSeededRandom(seed)
  const between = (least: number, most: number) => least + Math.floor(dice.fraction() * (most - least + 1))
  await world.releaseNext()
  world.network.setFaults({ delayMsMax: 300 })
  const accepted = new Map<string, SubmissionId>()
  let isDeaf = false
  let host = await world.network.createSubmissionHost({ identity: SEQUENCER })
  const addresses = host.addresses()
  const listen = () =>
    world.answer(host, (project, { submissionId }) => {
      if (isDeaf) return undefined
      const before = accepted.get(project)
      accepted.set(project, before ?? (submissionId as SubmissionId))
      return before === undefined ? 'accepted' : 'duplicate'
    })
  listen()
  const told = new Set<string>()
  let handed = 0
  let store: FakeStore | undefined
  for (let life = 0; life <= POWER_CUTS; life += 1) {
    const one = await world.collector(addresses, store === undefined ? {} : { store })
    one.start()
    isDeaf = dice.fraction() < 0.3
    const cutAtMs = world.clock.nowMs() + between(1, 1_500)
    const isLast = life === POWER_CUTS
    for (; handed < PROJECTS && (isLast || world.clock.nowMs() < cutAtMs); await world.clock.advance(between(1, 120))) {
      if (!one.role.stats().isReady) continue
      handed += 1
      const submission = world.signed(1, `pairs:${handed}:N`)
      void one.role.handler(submission).then(
        (answer) => answer === 'Success' && told.add(submission.request.projectId),
        () => undefined,
      )
    }
    if (isLast) {
      await world.mine(30)
      await world.clock.runUntil(() => one.role.stats().open === 0, { limitMs: 120_000 })
      store = one.store.crash()
      await one.stop()
      break
    }
    await world.clock.advance(Math.max(1, cutAtMs - world.clock.nowMs()))
    // At this very instant: what is not durable is gone, and what had begun does nothing any more.
    store = one.store.crash()
    await one.stop().catch(() => undefined)
    if (dice.fraction() < 0.5) {
      await host.stop()
      host = await world.network.createSubmissionHost({ identity: SEQUENCER })
      listen()
    }
  }
  world.stopping.abort()
  return { told, accepted, ends: endsIn(store as FakeStore) }
}

test('G1, C3, C6: whenever power goes, all that was answered Success ends taken, or expired with its reason', async () => {
  const reasons = new Set<string>()
  for (const seed of SEEDS) {
    const { told, accepted, ends } = await play(seed)
    const lost = [...told].filter((project) => !ends.has(project))
    expect({ seed, lost }).toEqual({ seed, lost: [] })
    for (const [project, { state, lastCode }] of ends) {
      reasons.add(`${state} ${lastCode}`)
      const isFine =
        state === 'acknowledged'
          ? accepted.has(project)
          : state === 'expired' && (lastCode === 'window_over' || lastCode === 'window_closed')
      expect({ seed, project, state, lastCode, isFine }).toMatchObject({ isFine: true })
    }
  }
  // The runs go where they should.
  expect(reasons).toEqual(new Set(['acknowledged accepted', 'acknowledged duplicate', 'expired window_over']))
}, 120_000)
