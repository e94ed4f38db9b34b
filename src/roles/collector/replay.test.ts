import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cid, EpochId } from '#domain/ids.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { FORGERIES, signingWith } from '#wire/forged.test-world.ts'
import { createAnchoredWorld, SIGNERS } from './anchored.test-world.ts'
import { SEQUENCER } from './collector.test-world.ts'

const signFor = signingWith((digest) => SIGNERS[0]?.sign(digest) ?? '')

describe('C12, G7: Success is not for', () => {
  const world = createAnchoredWorld()
  let recoveries = 0
  const counting: Partial<typeof recoverer> = {
    recover(...signed) {
      recoveries += 1
      return recoverer.recover(...signed)
    },
  }
  let one: Awaited<ReturnType<typeof world.collector>>
  beforeAll(async () => {
    await world.releaseNext()
    one = await world.collector([], {}, counting)
    await one.ready()
  })
  afterAll(() => world.stopping.abort())

  test.each(FORGERIES)('%s: %s', async (code, _, of) => {
    const before = recoveries
    expect(await one.hand(of(world.signed(1), world.chain, signFor))).toBe(code)
    expect([recoveries - before, one.role.stats().open]).toEqual([code === 'signer_mismatch' ? 1 : 0, 0])
  })

  test('window_closed: what was signed for an epoch that is over, whatever block it names now', async () => {
    const old = world.signed(1)
    await world.mine(30)
    await world.releaseNext()
    expect(await one.hand(old)).toBe('window_closed')
    expect(await one.hand({ ...old, header: (await world.chain.head()).hash })).toBe('window_closed')
    expect(await one.hand({ ...old, request: { ...old.request, epochId: 2 as EpochId } })).toBe('signer_mismatch')
  })
})

test('C6, G5: of two CIDs that a slot signs for one project both are handed on, and the sequencer decides how each ends', async () => {
  const world = createAnchoredWorld()
  await world.releaseNext()
  const host = await world.network.createSubmissionHost({ identity: SEQUENCER })
  let heard = 0
  world.answer(host, (project) => {
    heard += 1
    // As a sequencer says it, whatever the project's own answer would be.
    return project !== '' && heard === 1 ? 'vote_conflict' : 'accepted'
  })
  const one = await world.collector(host.addresses())
  await one.ready()
  const other = (await snapshotCidOf(new TextEncoder().encode('{}'))) as Cid
  expect(await one.hand(world.signed(1))).toBe('Success')
  expect(await one.hand(world.signed(1, 'pairs:0x01:N', { snapshotCid: other }))).toBe('Success')
  await world.clock.runUntil(() => one.ended() === 2, { limitMs: 5_000 })
  expect(one.role.stats()).toMatchObject({ open: 0, lost: { vote_conflict: 1 }, endings: { acknowledged: 1, rejected: 1 } })
  world.stopping.abort()
})
