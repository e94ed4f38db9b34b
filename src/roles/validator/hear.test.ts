import { describe, expect, test } from 'vitest'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import { listen } from './hear.test-world.ts'
import { CID_A, CID_B, openWorld, P1, P2 } from './validator.test-world.ts'

const heardIn = (store: { scan(prefix: string): readonly unknown[] }): number => store.scan('heard/').length

/** A validator that listens, in the window of epoch 2. */
async function inWindow(options: Parameters<typeof listen>[1] = {}) {
  const world = await openWorld()
  const running = await listen(world, options)
  await world.releaseNext()
  await world.clock.advance(50)
  return { world, running }
}

describe('V16: what a validator is told', () => {
  test('is kept when it counts, once for a slot and a project: the first', async () => {
    const { world, running } = await inWindow()
    const first = world.submission(1, CID_A)
    expect(
      await running.tell([first, first, world.submission(1, CID_B), world.submission(2, CID_A), world.submission(1, CID_A, P2)]),
    ).toEqual(['accepted', 'duplicate', 'vote_conflict', 'accepted', 'accepted'])
    expect(heardIn(running.store)).toBe(3)
    await running.stop()
  })

  test('is refused by the rules by which votes of a batch count', async () => {
    const { world, running } = await inWindow()
    const codes = [
      ...(await running.tell([
        world.submission(1, CID_A, P1, { epochId: 9 as EpochId }),
        world.submission(1, CID_A, 'pairs:0x01:OTHER' as ProjectId),
        world.submission(1, CID_A, P1, { header: `0x${'00'.repeat(32)}` }),
        world.submission(1, CID_A, P1, { deadlineBlock: 1 as never }),
        world.submission(9, CID_A, P1, { signedBy: 1 }),
        world.submission(1, CID_A, P1, { signedBy: 2 }),
        { ...world.submission(1, CID_A), signature: 'none' },
        { ...world.submission(1, CID_A), dataMarket: `0x${'77'.repeat(20)}` },
      ])),
      ...(await running.tell([world.submission(1, CID_A)], { payload: new Uint8Array([1, 2, 3]) })),
    ]
    expect(codes).toEqual([
      'epoch_unknown',
      'project_not_allowed',
      'header_unknown',
      'deadline_passed',
      'slot_unknown',
      'signer_mismatch',
      'signature_malformed',
      'market_unknown',
      'submission_malformed',
    ])
    expect(heardIn(running.store)).toBe(0)
    await running.stop()
  })

  test('is to come again while the disk is full, and counts when it has room', async () => {
    const { world, running } = await inWindow()
    running.store.setRoom(false)
    expect(await running.tell([world.submission(1, CID_A), { ...world.submission(2, CID_A), signature: 'none' }])).toEqual([
      'disk_full',
      'signature_malformed',
    ])
    expect(await running.tell([world.submission(2, CID_A)])).toEqual(['disk_full'])
    running.store.setRoom(true)
    await world.clock.advance(1)
    expect(await running.tell([world.submission(1, CID_A), world.submission(2, CID_A)])).toEqual(['duplicate', 'accepted'])
    await running.stop()
  })

  test('counts only while the window is open: later it may have come too late to the sequencer as well', async () => {
    const { world, running } = await inWindow()
    const late = world.submission(1, CID_A)
    await world.mine(6)
    expect(await running.tell([late])).toEqual(['window_closed'])
    await running.stop()
  })

  test('takes no more room than the market lets a slot vote on', async () => {
    const { world, running } = await inWindow({ rules: { projectsPerSlotMax: 2 } })
    const votes = ['0x0a', '0x0b', '0x0c'].map((pair) => world.submission(1, CID_A, `pairs:${pair}:TEST` as ProjectId))
    expect(await running.tell(votes)).toEqual(['accepted', 'accepted', 'quota_exceeded'])
    expect(heardIn(running.store)).toBe(2)
    await running.stop()
  })

  test('is still known after a crash, and let go when the epoch is over', async () => {
    const { world, running } = await inWindow()
    const vote = world.submission(1, CID_A)
    expect(await running.tell([vote])).toEqual(['accepted'])
    await running.stop()
    const again = await listen(world, { store: running.store.crash() })
    expect(await again.tell([vote])).toEqual(['duplicate'])
    await world.mine((await world.chain.market()).attestationWindowBlocks + 5)
    await world.releaseNext()
    await world.mine(2)
    expect(heardIn(again.store)).toBe(0)
    await again.stop()
  })
})

describe('an epoch of which no batch comes', () => {
  const WINDOWS = { snapshotWindowBlocks: 5, batchWindowBlocks: 10, attestationWindowBlocks: 30 }
  const told = ({ events }: { readonly events: readonly string[] }): number => events.filter((event) => event === 'epoch_silent').length

  test('is told of once, when its batch window is over and votes were heard on it', async () => {
    const world = await openWorld(WINDOWS)
    const running = await listen(world)
    await world.releaseNext()
    await world.clock.advance(50)
    await running.tell([world.submission(1, CID_A)])
    await world.mine(9)
    expect(told(running)).toBe(0)
    await world.mine(4)
    expect(told(running)).toBe(1)
    await running.stop()
  })

  test('on which nobody voted is no silence to whoever listens, and one to whoever does not', async () => {
    const world = await openWorld(WINDOWS)
    const [listening, deaf] = [await listen(world), await world.start({ who: 1 })]
    await world.mine(12)
    expect([told(listening), told(deaf)]).toEqual([0, 1])
    await Promise.all([listening.stop(), deaf.stop()])
  })
})
