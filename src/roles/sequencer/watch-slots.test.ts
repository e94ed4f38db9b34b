import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { createWire, EPOCH_1, open, signerOf, vote, type Wire, type World } from './sequencer.test-world.ts'

/** An endpoint that answers this of its methods only when it is up; following goes on. */
function createEndpoint(method: 'market' | 'head' | 'slots' | 'currentEpoch' | 'release') {
  const endpoint = { isUp: true, refused: 0 }
  const wire: Wire = {
    ...createWire(),
    around: (chain) =>
      ({
        ...chain,
        async [method](...args: never[]) {
          if (endpoint.isUp) return (chain[method] as (...given: never[]) => unknown)(...args)
          endpoint.refused += 1
          throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'fake', method })
        },
      }) as AnchorChain,
  }
  return { endpoint, wire }
}

const [SLOT_1, SLOT_2] = [1, 2] as SlotId[] as [SlotId, SlotId]
const trouble = (world: World) => world.events.filter((event) => event === 'will_try_again').length
const signedBy = async (world: World, slotId: SlotId, by: number, header?: string) =>
  (await world.deliver(await world.submission({ slotId, signedBy: by, deadlineBlock: 400 as BlockNumber, ...(header && { header }) }))).code

describe('G12: an endpoint that does not answer', () => {
  test.each(['market', 'head', 'currentEpoch', 'release', 'slots'] as const)(
    '`%s` at the start is asked again, until it does',
    async (method) => {
      const before = await open()
      await before.release()
      before.cut()
      const { endpoint, wire } = createEndpoint(method)
      endpoint.isUp = false
      const world = await open({ around: before, wire, isNotAwaited: true })
      await world.until(() => endpoint.refused > 2)
      expect(world.sequencer.stats().isReady).toBe(false)
      endpoint.isUp = true
      await world.until(() => world.sequencer.stats().isReady)
      expect((await vote(world, 1, 0)).code).toBe('accepted')
      await world.stop()
    },
  )

  test.each(['market', 'head', 'slots'] as const)('`%s` at the start keeps nobody from stopping', async (method) => {
    const { endpoint, wire } = createEndpoint(method)
    endpoint.isUp = false
    const world = await open({ wire, isNotAwaited: true })
    await world.until(() => endpoint.refused > 0)
    await world.stop()
    expect(await world.ended).toBeUndefined()
  })

  test('when a slot changes hands is asked again; votes of the new signer count from then on', async () => {
    const { endpoint, wire } = createEndpoint('slots')
    const world = await open({ wire })
    await world.release()
    endpoint.isUp = false
    world.chain.assignSigner(SLOT_1, signerOf(4).address)
    world.chain.mine()
    await world.until(() => endpoint.refused > 2)
    expect(trouble(world)).toBeGreaterThan(1)
    endpoint.isUp = true
    world.chain.mine()
    await world.until(async () => world.sequencer.stats().headBlock === (await world.chain.head()).number)
    expect([await signedBy(world, SLOT_1, 1), await signedBy(world, SLOT_1, 4)]).toEqual(['signer_mismatch', 'accepted'])
    await world.stop()
  })

  test('when a slot changes hands keeps nobody from stopping', async () => {
    const { endpoint, wire } = createEndpoint('slots')
    const world = await open({ wire })
    endpoint.isUp = false
    world.chain.assignSigner(SLOT_1, signerOf(4).address)
    world.chain.mine()
    await world.until(() => endpoint.refused > 0)
    await world.stop()
    expect(await world.ended).toBeUndefined()
  })
})

describe('S8: of a slot that was given away while the sequencer was away', () => {
  test.each<[string, (world: World) => void]>([
    ['burned', ({ chain }) => chain.burnSlot(SLOT_1)],
    ['assigned to another', ({ chain }) => chain.assignSigner(SLOT_1, signerOf(4).address)],
    [
      'assigned to two others',
      ({ chain }) => {
        chain.assignSigner(SLOT_1, signerOf(4).address)
        chain.mine()
        chain.assignSigner(SLOT_1, signerOf(3).address)
      },
    ],
  ])('%s: a vote of before still counts', async (_, give) => {
    const before = await open()
    await before.release()
    const { hash } = await before.chain.head()
    before.cut()
    give(before)
    before.chain.mine()
    const world = await open({ around: before })
    expect(await signedBy(world, SLOT_1, 1, hash)).toBe('accepted')
    await world.stop()
  })

  test('nobody is known where the node has no state of so long ago; and nobody waits for that', async () => {
    const before = await open()
    await before.release()
    const { hash } = await before.chain.head()
    before.cut()
    before.chain.burnSlot(SLOT_1)
    before.chain.mine()
    const refused = new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method: 'slot', detail: 'missing trie node' })
    const wire: Wire = { ...createWire(), around: (chain) => ({ ...chain, slot: async () => Promise.reject(refused) }) }
    const world = await open({ around: before, wire })
    expect([await signedBy(world, SLOT_1, 1, hash), await signedBy(world, SLOT_2, 2, hash)]).toEqual(['slot_unknown', 'accepted'])
    await world.stop()
  })
})

describe('S8: an endpoint that is behind', () => {
  test('after a restart takes no release back that it has not seen, nor is a vote refused for it', async () => {
    const before = await open()
    await before.release()
    await vote(before, 1, 0)
    const early = await before.submission({ slotId: SLOT_2 })
    before.chain.setLag({ blocks: 1, every: 1 })
    const world = await before.crash(undefined, { isNotAwaited: true })
    await world.clock.advance(1_000)
    expect((await world.deliver(early)).code).toBe('not_ready')
    world.chain.setLag()
    await world.until(() => world.sequencer.stats().isReady)
    expect([(await world.deliver(early)).code, (await vote(world, 1, 0)).code]).toEqual(['accepted', 'duplicate'])
    expect(world.events).not.toContain('release_undone')
    await world.stop()
  })

  test('by one block at the moment of the look is asked again', async () => {
    const before = await open()
    await before.release()
    await vote(before, 1, 0)
    let missed = 0
    const wire: Wire = {
      ...createWire(),
      around: (chain) => ({ ...chain, block: async (number) => (missed++ < 2 ? undefined : chain.block(number)) }),
    }
    const world = await before.crash(undefined, { wire })
    expect((await vote(world, 1, 0)).code).toBe('duplicate')
    expect([missed > 2, world.events.includes('release_undone')]).toEqual([true, false])
    await world.stop()
  })
})

describe('G12: a reorganisation', () => {
  test('that takes back a change read ahead of the blocks leaves the slot to its signer', async () => {
    const world = await open()
    await world.release()
    // The first change has the table read, from a head that has the second one too.
    world.chain.assignSigner(SLOT_1, signerOf(4).address)
    world.chain.mine()
    world.chain.assignSigner(SLOT_2, signerOf(4).address)
    world.chain.mine()
    await world.until(async () => world.sequencer.stats().headBlock === (await world.chain.head()).number)
    world.chain.reorg(1, { isLosingTransactions: true })
    await world.mine(1)
    expect([await signedBy(world, SLOT_2, 4), await signedBy(world, SLOT_2, 2)]).toEqual(['signer_mismatch', 'accepted'])
    expect(world.sequencer.epoch(EPOCH_1)?.accepted).toBe(1)
    await world.stop()
  })

  test('after which a slot changes hands once more takes nothing from who signed before', async () => {
    const world = await open()
    await world.release()
    const { hash } = await world.chain.head()
    world.chain.assignSigner(SLOT_2, signerOf(4).address)
    await world.mine(1)
    world.chain.reorg(1)
    await world.mine(1)
    expect([await signedBy(world, SLOT_2, 4, hash), await signedBy(world, SLOT_2, 2, hash)]).toEqual(['signer_mismatch', 'accepted'])
    await world.stop()
  })
})
