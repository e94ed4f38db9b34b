import { describe, expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { batchOf, CID_B, judged, openWorld, P1, P2, VALIDATORS, type World } from './validator.test-world.ts'

const BYTES = new TextEncoder().encode('{"a":1}')
const CID = await snapshotCidOf(BYTES)
const rules: Partial<MarketRules> = { availability: 'required' }
const batch = (world: World, cid: Cid = CID) => batchOf([world.submission(1, cid), world.submission(2, cid)], [[P1, cid]])

describe('V9: nothing is spoken for that nobody has', () => {
  test('V9, G10: the bytes of each result are kept before a batch is attested, and served from here', async () => {
    const world = await openWorld()
    await world.ipfs.node('snapshotter').add(BYTES)
    let isKeptFirst: boolean | undefined
    const running = await world.start({
      rules,
      spoil: ({ sender, ipfs }) => ({
        sender: {
          ...sender,
          async send(...call) {
            isKeptFirst ??= await ipfs.has(CID)
            return sender.send(...call)
          },
        },
      }),
    })
    await world.anchor(batch(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested', reason: '', isDivergent: false })
    expect(isKeptFirst).toBe(true)
    world.ipfs.node('snapshotter').setConnected(false)
    const read = world.ipfs.node('anybody').get(CID, { bytesMax: 100, timeoutMs: 100 })
    expect(await world.clock.runUntil(read, { limitMs: 1_000 })).toEqual(BYTES)
    await running.stop()
  })

  test('V9, G6: bytes that are not to be had are asked for until the window is nearly over; then the word is withheld, not given to another root', async () => {
    const world = await openWorld({ attestationWindowBlocks: 1_000 })
    const running = await world.start({ rules })
    await world.anchor(batch(world))
    const record = await judged(world, running, 1, 1_100)
    expect(record).toMatchObject({ state: 'withheld', reason: 'unavailable', root: undefined, isDivergent: false })
    const { number } = await world.chain.head()
    expect([number - world.release.number > 900, number - world.release.number < 1_000]).toEqual([true, true])
    expect([running.events.includes('snapshots_unavailable'), world.chain.transactionCount(VALIDATORS[0])]).toEqual([true, 0])
    await running.stop()
  })

  test('V9, G10: bytes that come late are in time', async () => {
    const world = await openWorld({ attestationWindowBlocks: 1_000 })
    const running = await world.start({ rules })
    await world.anchor(batch(world))
    await world.mine(200)
    expect(running.records).toEqual([])
    await world.ipfs.node('snapshotter').add(BYTES)
    expect(await judged(world, running, 1, 200)).toMatchObject({ state: 'attested', isDivergent: false })
    await running.stop()
  })

  test('V9: a batch that is spoken against needs no bytes: what it says does not become final', async () => {
    const world = await openWorld()
    const running = await world.start({ rules })
    const votes = [1, 2].map((slotId) => world.submission(slotId, CID, P2))
    await world.anchor(batchOf(votes, [[P2, CID_B]]))
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: true, root: publishedRoot([CID]) })
    await running.stop()
  })

  test('V9: by its setting a validator keeps the bytes where the market does not ask for it, and no vote waits for them', async () => {
    const world = await openWorld({ attestationWindowBlocks: 1_000 })
    const [keeping, other] = [await world.start({ keepsFinal: true }), await world.start({ who: 1 })]
    await world.anchor(batch(world))
    for (const running of [keeping, other]) expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: false })
    await world.ipfs.node('snapshotter').add(BYTES)
    await world.mine(20)
    expect([await world.ipfs.node('validator 0').has(CID), await world.ipfs.node('validator 1').has(CID)]).toEqual([true, false])
    await Promise.all([keeping.stop(), other.stop()])
  })

  test('V9: what it would like to keep and nobody has is given up with the window, and ends nothing', async () => {
    const world = await openWorld({ attestationWindowBlocks: 100 })
    const running = await world.start({ keepsFinal: true })
    await world.anchor(batch(world))
    await world.mine(110)
    const tries = () => running.events.filter((event) => event === 'snapshots_unavailable').length
    const triesInWindow = tries()
    await world.mine(200)
    expect([running.failure(), triesInWindow > 0, tries() - triesInWindow <= 1]).toEqual([undefined, true, true])
    await running.stop()
  })

  test('a market that does not ask for it has its batches attested at once', async () => {
    const world = await openWorld()
    const running = await world.start()
    await world.anchor(batch(world))
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isDivergent: false })
    await running.stop()
  })
})
