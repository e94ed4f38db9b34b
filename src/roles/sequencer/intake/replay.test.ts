import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cid, EpochId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { CIDS, open, sealed, signerOf, type World } from '#roles/sequencer/sequencer.test-world.ts'
import { FORGERIES, signingWith } from '#wire/forged.test-world.ts'

/** What was said elsewhere, or was never said, does not count here (G5, G7), by whichever protocol it comes. */

const PROTOCOLS = ['weft', 'collect'] as const

describe.each(PROTOCOLS)('S9, G7: over %s', (protocol) => {
  let world: World
  beforeAll(async () => {
    world = await open()
    // The second is open as the first is.
    await world.release()
    await world.release()
  })
  afterAll(() => world.stop())

  test.each(FORGERIES)('%s: %s', async (code, _, of) => {
    const forged = of(await world.submission(), world.chain, signingWith(signerOf(1).sign))
    const before = world.recoveries()
    expect((await world.deliver(forged, { protocol })).code).toBe(code)
    expect(world.recoveries() - before).toBe(code === 'signer_mismatch' ? 1 : 0)
    expect(world.store.scan('vote/')).toEqual([])
  })
})

test.each(PROTOCOLS)('G5: a vote of an epoch that is over is no vote of the next, over %s', async (protocol) => {
  const world = await open()
  await world.release()
  const old = await world.submission()
  expect((await world.deliver(old, { protocol })).code).toBe('accepted')
  await sealed(world)
  await world.release()
  const { hash } = await world.chain.head()
  const again: Submission[] = [old, { ...old, header: hash }]
  for (const submission of again) expect((await world.deliver(submission, { protocol })).code).toBe('window_closed')
  expect(world.sequencer.epoch(2 as EpochId)).toMatchObject({ accepted: 0 })
  await world.stop()
})

test('G5, S2: of two CIDs that a slot signs for one project the first counts, whichever protocols they come by; the other convicts it', async () => {
  const world = await open()
  await world.release()
  const votes = await Promise.all(CIDS.slice(0, 2).map((snapshotCid) => world.submission({ snapshotCid: snapshotCid as Cid })))
  const codes: string[] = []
  for (const [which, protocol] of [
    [0, 'collect'],
    [1, 'weft'],
    [1, 'collect'],
    [0, 'weft'],
  ] as const)
    codes.push((await world.deliver(votes[which] as Submission, { protocol })).code)
  expect(codes).toEqual(['accepted', 'vote_conflict', 'vote_conflict', 'duplicate'])
  // At once, in one group, too.
  const other = await Promise.all(
    CIDS.slice(0, 2).map((snapshotCid) => world.submission({ snapshotCid: snapshotCid as Cid, slotId: 2 as SlotId })),
  )
  const answered: { readonly code: string }[] = []
  world.push([...other, ...other], answered as never)
  await world.until(() => answered.length === 4)
  expect(answered.map(({ code }) => code)).toEqual(['accepted', 'vote_conflict', 'duplicate', 'vote_conflict'])
  expect(await sealed(world)).toMatchObject({ accepted: 2, projects: [{ snapshotCid: CIDS[0], votes: 2, total: 2 }] })
  await world.stop()
})
