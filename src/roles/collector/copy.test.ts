import { afterEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import { decodeSubmission } from '#wire/submission-proto.ts'
import { createWorld, identity, SEQUENCER, submission } from './collector.test-world.ts'
import { COPY_LIMITS, createCopies } from './copy.ts'

const LISTENER = identity(5)

describe('C11: copies for validators that listen', () => {
  let world = createWorld()
  afterEach(() => {
    world.stopping.abort()
    world = createWorld()
  })

  const host = (seed: Uint8Array) => world.network.createSubmissionHost({ identity: seed })

  test('are sent of everything that is taken, and the sequencer has its own', async () => {
    const [sequencer, listener] = [await host(SEQUENCER), await host(LISTENER)]
    const [there, beside] = [world.answer(sequencer), world.answer(listener)]
    const one = await world.collector(sequencer.addresses(), { alsoTo: listener.addresses() })
    one.start()
    for (const index of [1, 2]) await one.hand(submission(index))
    await one.hand(submission(3, 0))
    await world.clock.runUntil(() => one.ended() === 3 && beside.projects().length === 2, { limitMs: 1_000 })
    expect([there.projects(), beside.projects()]).toEqual([
      ['p1:N', 'p2:N', 'p3:N'],
      ['p1:N', 'p2:N'],
    ])
    await one.stop()
  })

  test.each([
    ['nobody answers there', false],
    ['whoever is there takes all and answers nothing', true],
  ])('keep nothing from the sequencer when %s', async (_, isThere) => {
    const [sequencer, listener] = [await host(SEQUENCER), await host(LISTENER)]
    const { projects } = world.answer(sequencer)
    if (isThere) world.answer(listener, () => undefined)
    else await listener.stop()
    const one = await world.collector(sequencer.addresses(), { alsoTo: listener.addresses() })
    one.start()
    for (const index of [1, 2, 3]) await one.hand(submission(index))
    await world.clock.runUntil(() => one.ended() === 3, { limitMs: 1_000 })
    expect(projects()).toHaveLength(3)
    expect(world.events.filter((event) => event === 'dial_failed')).toEqual([])
    if (!isThere) expect(world.events).toContain('copies_untaken')
    await one.stop()
  })

  test('are sent again while the epoch is not seen there yet, and not for ever', async () => {
    const [sequencer, listener] = [await host(SEQUENCER), await host(LISTENER)]
    world.answer(sequencer)
    let asked = 0
    const beside = world.answer(listener, (project) => {
      if (project === 'p2:N') return 'epoch_unknown'
      asked += 1
      return asked < 3 ? 'epoch_unknown' : 'accepted'
    })
    const one = await world.collector(sequencer.addresses(), { alsoTo: listener.addresses() })
    one.start()
    for (const index of [1, 2]) await one.hand(submission(index))
    await world.clock.advance(60_000)
    expect([asked, beside.projects().filter((project) => project === 'p2:N').length]).toEqual([3, COPY_LIMITS.attemptsMax])
    await one.stop()
  })

  test('wait in bounded room: the oldest makes place; and a link that takes and never answers is given up for another', async () => {
    const sent: (string | undefined)[] = []
    let links = 0
    const dialer = {
      async dial(): Promise<SubmissionLink> {
        links += 1
        const closing = Promise.withResolvers<void>()
        const lost = Promise.withResolvers<never>()
        lost.promise.catch(() => undefined)
        const close = async () => {
          closing.resolve()
          lost.reject(new WeftError('LINK_FAILED', { address: '/somewhere', detail: 'closed here' }))
        }
        const send: SubmissionLink['send'] = ({ payload }) => {
          sent.push(decodeSubmission(payload)?.request.projectId)
          return links === 1 ? lost.promise : Promise.resolve('unacknowledged')
        }
        return { send, ended: closing.promise, close }
      },
    }
    const { clock, random } = world
    const limits = { ...COPY_LIMITS, waitingMax: 3, inFlightMax: 1 }
    const copies = createCopies(['/somewhere'], { dialer, clock, random, report: () => undefined }, limits)
    for (let index = 1; index <= 9; index += 1) copies.offer(submission(index))
    const ended = copies.run(world.stopping.signal)
    await clock.advance(5_000)
    expect([links, sent]).toEqual([1, ['p7:N']])
    await clock.advance(20_000)
    expect([links, sent]).toEqual([2, ['p7:N', 'p8:N', 'p9:N']])
    world.stopping.abort()
    await clock.runUntil(ended, { limitMs: 1_000 })
  })
})
