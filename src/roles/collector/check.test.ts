import { afterEach, describe, expect, test } from 'vitest'
import type { BlockNumber, Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createAnchoredWorld, SIGNERS, WINDOW_BLOCKS } from './anchored.test-world.ts'

let world = createAnchoredWorld()
afterEach(() => {
  world.stopping.abort()
  world = createAnchoredWorld()
})

/** A collector that is ready, and the first epoch open. */
async function ready() {
  await world.releaseNext()
  const one = await world.collector([])
  await one.ready()
  return one
}

describe('C12: Success is for what may count', () => {
  test('signed by the signer of its slot, in an open window; of epoch 0 too', async () => {
    const one = await ready()
    expect(await one.hand(world.signed(1))).toBe('Success')
    expect(await one.hand(world.signed(2))).toBe('Success')
    expect(await one.hand(world.signed(1, 'pairs:0x01:N', { epochId: 0 as EpochId }))).toBe('Success')
    expect(one.role.stats()).toMatchObject({ open: 3, refused: {} })
  })

  test.each([
    ['signer_mismatch', 'the key of another slot', () => world.signed(1, 'pairs:0x01:N', { signedBy: 2 })],
    ['signer_mismatch', 'a key without a slot, for epoch 0', () => world.signed(1, 'p:N', { signedBy: 3, epochId: 0 as EpochId })],
    [
      'signer_mismatch',
      'other data than were signed',
      () => ({ ...world.signed(1), request: { ...world.signed(1).request, projectId: 'q:N' } }),
    ],
    ['slot_unknown', 'a slot that does not exist', () => world.signed(999, 'pairs:0x01:N', { signedBy: 1 })],
    ['signature_malformed', 'no signature', () => ({ ...world.signed(1), signature: '' })],
    ['market_unknown', 'another market', () => ({ ...world.signed(1), dataMarket: `0x${'77'.repeat(20)}` })],
    ['market_unknown', 'another ProtocolState', () => ({ ...world.signed(1), protocolState: `0x${'77'.repeat(20)}` })],
    ['project_malformed', 'a project that is none', () => world.signed(1, 'no namespace')],
    ['cid_malformed', 'a CID that is none', () => world.signed(1, 'pairs:0x01:N', { snapshotCid: 'QmX' as Cid })],
    ['epoch_unknown', 'an epoch far ahead', () => world.signed(1, 'pairs:0x01:N', { epochId: 10 as EpochId })],
  ])('%s: %s', async (code, _, of) => {
    const one = await ready()
    expect(await one.hand(of() as ReturnType<typeof world.signed>)).toBe(code)
    expect(one.role.stats()).toMatchObject({ open: 0, refused: { [code]: 1 } })
    expect(one.store.crash().scan('out')).toHaveLength(0)
  })

  test('an epoch that this endpoint has not seen yet may be released already, and is taken', async () => {
    const one = await ready()
    expect(await one.hand(world.signed(1, 'pairs:0x01:N', { epochId: 9 as EpochId }))).toBe('Success')
  })

  test('window_closed: only when the window is over in blocks and in seconds', async () => {
    const one = await ready()
    await world.mine(WINDOW_BLOCKS)
    expect(await one.hand(world.signed(1))).toBe('Success')
    await world.mine()
    expect(await one.hand(world.signed(1, 'pairs:0x02:N'))).toBe('window_closed')
    // An older one is not on the followed part of the chain at all.
    await world.releaseNext()
    await world.mine(30)
    await world.releaseNext()
    expect(await one.hand(world.signed(1, 'pairs:0x02:N', { epochId: 1 as EpochId }))).toBe('window_closed')
    expect(await one.hand(world.signed(1, 'pairs:0x02:N'))).toBe('Success')
  })

  test('not_ready: before the chain was followed up to its head nobody can tell', async () => {
    await world.releaseNext()
    const one = await world.collector([])
    expect(await one.hand(world.signed(1))).toBe('not_ready')
    await one.ready()
    expect(await one.hand(world.signed(1))).toBe('Success')
  })

  test('who signs is as of the block that the submission names: before a change the signer before it', async () => {
    const one = await ready()
    const before = world.signed(1)
    world.chain.assignSigner(1 as SlotId, SIGNERS[2]?.address as never)
    await world.mine()
    const { hash } = await world.chain.head()
    expect(await one.hand(before)).toBe('Success')
    expect(await one.hand(world.signed(1, 'pairs:0x02:N', { header: hash }))).toBe('signer_mismatch')
    expect(await one.hand(world.signed(1, 'pairs:0x02:N', { header: hash, signedBy: 3 }))).toBe('Success')
    world.chain.burnSlot(2 as SlotId)
    await world.mine()
    expect(await one.hand(world.signed(2, 'pairs:0x02:N', { header: (await world.chain.head()).hash }))).toBe('slot_unknown')
  })
})

test('C12, G7: a hundred thousand unsigned submissions of epochs far ahead cost no signature and no room, and honest ones go on', async () => {
  await world.releaseNext()
  let recovered = 0
  const counting: Partial<typeof recoverer> = {
    recover(...signed) {
      recovered += 1
      return recoverer.recover(...signed)
    },
  }
  const one = await world.collector([], {}, counting)
  await one.ready()
  const far = { ...world.signed(1), signature: `${'11'.repeat(64)}1b` }
  for (let round = 0; round < 1_000; round += 1) {
    const flood = Array.from({ length: 100 }, (_, index) =>
      one.role.handler({
        ...far,
        request: { ...far.request, epochId: (1_000 + 100 * round + index) as EpochId, deadlineBlock: 9 as BlockNumber },
      }),
    )
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['epoch_unknown']))
  }
  expect(recovered).toBe(0)
  expect(await one.hand(world.signed(1))).toBe('Success')
  expect(recovered).toBe(1)
  expect(one.role.stats()).toMatchObject({ open: 1, refused: { epoch_unknown: 100_000 } })
})

test('C2: one slot has its share of the outbox, and the others have the rest', async () => {
  await world.releaseNext()
  const one = await world.collector([], { limits: { openMax: 5, openPerSlotMax: 3 } })
  await one.ready()
  const hand = (slotId: number, index: number) => one.hand(world.signed(slotId, `pairs:${index}:N` as ProjectId))
  for (const index of [1, 2, 3]) expect(await hand(1, index)).toBe('Success')
  await expect(hand(1, 4)).rejects.toMatchObject({ code: 'QUEUE_FULL', facts: { queue: 'share of slot 1', lengthMax: 3 } })
  for (const index of [1, 2]) expect(await hand(2, index)).toBe('Success')
  await expect(hand(2, 3)).rejects.toMatchObject({ code: 'QUEUE_FULL', facts: { queue: 'outbox', lengthMax: 5 } })
  // What ends makes room again, and a restart counts what is there.
  const again = await world.collector([], { store: one.store.crash(), limits: { openMax: 9, openPerSlotMax: 3 } })
  await again.ready()
  await expect(again.hand(world.signed(1, 'pairs:4:N'))).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  await world.mine(40)
  await world.clock.runUntil(() => again.role.stats().open === 0, { limitMs: 5_000 })
  await world.releaseNext()
  expect(await again.hand(world.signed(1, 'pairs:4:N'))).toBe('Success')
})
