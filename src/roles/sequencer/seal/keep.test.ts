import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, SlotId } from '#domain/ids.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { EPOCH_1, open, PROJECTS, SEQUENCER, type Settings, sealed } from '#roles/sequencer/sequencer.test-world.ts'
import { snapshotCidOf } from '#wire/cid.ts'

const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)
const LATE = '{"late":1}'
const NOBODY_HAS = await snapshotCidOf(bytes(LATE))

/** Somebody has a snapshot of the first project; of the second, two slots say they have one, and one has another. */
async function voted(settings: Settings = {}) {
  const world = await open({ availability: 'required', market: { batchWindowBlocks: 100 }, ...settings })
  await world.release()
  const [had, other] = [
    await world.ipfs.node('snapshotter').add(bytes('{"a":1}')),
    await world.ipfs.node('snapshotter').add(bytes('{"b":1}')),
  ]
  const say = async (slotId: number, snapshotCid: Cid, project: number) =>
    world.deliver(await world.submission({ slotId: slotId as SlotId, snapshotCid, projectId: PROJECTS[project] as never }))
  for (const slotId of [1, 2]) await say(slotId, had, 0)
  for (const slotId of [1, 2]) await say(slotId, NOBODY_HAS, 1)
  await say(3, other, 1)
  return { world, had, other }
}

const outcome = ({
  projects,
}: {
  readonly projects: readonly { readonly state: string; readonly reason: string | undefined; readonly snapshotCid: Cid | undefined }[]
}) => projects.map(({ state, reason, snapshotCid }) => [state, reason, snapshotCid])

describe('S14: nothing becomes final that nobody has', () => {
  test('S14, G10: a winner that nobody serves is omitted, with its reason, and the runner-up does not take its place', async () => {
    const { world, had } = await voted()
    const record = await sealed(world)
    expect(outcome(record)).toEqual([
      ['pending', undefined, had],
      ['omitted', 'unavailable', undefined],
    ])
    expect(record).toMatchObject({ state: 'ended', kept: { bytes: 7, ms: 1_000 } })
    expect(world.events).toContain('snapshots_unavailable')
    await world.stop()
  })

  test('S14, G10: the bytes of what is final are here, whoever had them before', async () => {
    const { world, had } = await voted()
    await sealed(world)
    world.ipfs.node('snapshotter').setConnected(false)
    const read = world.ipfs.node('anybody').get(had, { bytesMax: 100, timeoutMs: 100 })
    expect(await world.clock.runUntil(read, { limitMs: 1_000 })).toEqual(bytes('{"a":1}'))
    expect(await world.ipfs.node('sequencer').letGo(EPOCH_1, 10)).toBe(0)
    await world.stop()
  })

  test('S14, G12: a winner for which the disk has no room yet is kept when it has', async () => {
    let refusals = 0
    const ipfsAs = (node: Ipfs): Ipfs => ({
      ...node,
      pin(cid, epochId) {
        refusals += 1
        return refusals > 3 ? node.pin(cid, epochId) : Promise.reject(new WeftError('STORE_FULL', { path: 'x', doing: 'writing a block' }))
      },
    })
    const { world, had } = await voted({ ipfsAs })
    expect(outcome(await sealed(world))[0]).toEqual(['pending', undefined, had])
    expect(refusals).toBe(4)
    await world.stop()
  })

  test('a market that does not ask for it has what won, as before', async () => {
    const { world, had } = await voted({ availability: 'none' })
    const record = await sealed(world)
    expect(outcome(record)).toEqual([
      ['pending', undefined, had],
      ['pending', undefined, NOBODY_HAS],
    ])
    expect([record.kept, await world.ipfs.node('sequencer').has(had)]).toEqual([undefined, false])
    await world.stop()
  })

  test('S14, G7: what is larger than any snapshot is not kept', async () => {
    const asked: number[] = []
    const ipfsAs = (node: Ipfs): Ipfs => ({
      ...node,
      async get(cid, options) {
        if (cid !== NOBODY_HAS) return node.get(cid, options)
        asked.push(options.bytesMax)
        throw new WeftError('IPFS_CONTENT_TOO_LARGE', { cid, bytesMax: options.bytesMax })
      },
    })
    const { world } = await voted({ ipfsAs })
    expect(outcome(await sealed(world))[1]).toEqual(['omitted', 'unavailable', undefined])
    expect(asked).toEqual([16 * 1024 * 1024])
    await world.stop()
  })

  test('S14: while winners still come, those that are slow are waited for', async () => {
    let asked = 0
    const ipfsAs = (node: Ipfs): Ipfs => ({
      ...node,
      async get(cid, options) {
        if (cid === NOBODY_HAS) {
          asked += 1
          if (asked === 1) await world.clock.sleep(options.timeoutMs)
          else return bytes(LATE)
          throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: options.timeoutMs })
        }
        await world.clock.sleep(4_000)
        return node.get(cid, options)
      },
      pin: async (cid, epochId) => (cid === NOBODY_HAS ? undefined : node.pin(cid, epochId)),
    })
    const { world, had } = await voted({ ipfsAs })
    for (let block = 0; block < 100 && world.records.length < 1; block += 1) {
      await world.clock.advance(1_000)
      await world.mine(1)
    }
    const record = world.records[0] ?? expect.fail('no epoch was sealed')
    expect(outcome(record).map(([, , cid]) => cid)).toEqual([had, NOBODY_HAS])
    expect([asked, record.kept?.ms]).toEqual([2, 5_000])
    await world.stop()
  })

  test('S14: a clock that is set forward by an hour gives up no winner that still comes', async () => {
    let aheadMs = 0
    let asked = 0
    const ipfsAs = (node: Ipfs): Ipfs => ({
      ...node,
      async get(cid, options) {
        if (cid !== NOBODY_HAS) {
          await world.clock.sleep(4_000)
          return node.get(cid, options)
        }
        asked += 1
        aheadMs = 3_600_000
        if (asked > 1) return bytes(LATE)
        await world.clock.sleep(options.timeoutMs)
        throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: options.timeoutMs })
      },
      pin: async (cid, epochId) => (cid === NOBODY_HAS ? undefined : node.pin(cid, epochId)),
    })
    const { world, had } = await voted({ ipfsAs, aheadMs: () => aheadMs })
    for (let block = 0; block < 100 && world.records.length < 1; block += 1) {
      await world.clock.advance(1_000)
      await world.mine(1)
    }
    expect(outcome(world.records[0] ?? expect.fail('no epoch was sealed')).map(([, , cid]) => cid)).toEqual([had, NOBODY_HAS])
    expect(asked).toBe(2)
    await world.stop()
  })

  test('S14: while none has come, all are waited for, as long as their part of the window allows', async () => {
    const ipfsAs = (node: Ipfs): Ipfs => ({
      ...node,
      async get(cid, options) {
        await world.clock.sleep(options.timeoutMs)
        // So long everybody is too busy to answer.
        if (world.clock.nowMs() - closedMs < 12_000 || cid === NOBODY_HAS)
          throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: options.timeoutMs })
        return node.get(cid, options)
      },
    })
    const { world, had } = await voted({ ipfsAs })
    const closedMs = world.clock.nowMs()
    for (let block = 0; block < 100 && world.records.length < 1; block += 1) {
      await world.clock.advance(1_000)
      await world.mine(1)
    }
    const record = world.records[0] ?? expect.fail('no epoch was sealed')
    expect(outcome(record)).toEqual([
      ['pending', undefined, had],
      ['omitted', 'unavailable', undefined],
    ])
    await world.stop()
  })

  test('S14: an epoch whose winners are slow holds up no other', async () => {
    const { world } = await voted()
    await world.mine(4)
    await world.release()
    const epoch2 = 2 as EpochId
    const had = await world.ipfs.node('snapshotter').add(bytes('{"c":1}'))
    await world.deliver(await world.submission({ epochId: epoch2, snapshotCid: had }))
    const order: (number | undefined)[] = []
    // Blocks come fast: the second window is over while the first epoch's winners are still looked for.
    for (let block = 0; block < 400 && world.records.length < 2; block += 1) await world.mine(1)
    order.push(...world.records.map(({ epochId }) => epochId))
    expect(order).toEqual([2, 1])
    await world.stop()
  })

  test('S14, S4: a crash before the plan is on disk decides again; nothing was sent', async () => {
    const { world, had } = await voted()
    await world.mine(8)
    expect([world.sequencer.epoch(EPOCH_1)?.state, world.chain.transactionCount(SEQUENCER)]).toEqual(['closed', 0])
    // What was kept before the crash is still here; what nobody had, somebody has now.
    world.ipfs.node('snapshotter').setConnected(false)
    const again = await world.crash()
    await world.ipfs.node('late').add(bytes(LATE))
    expect(outcome(await sealed(again))).toEqual([
      ['pending', undefined, had],
      ['pending', undefined, NOBODY_HAS],
    ])
    await again.stop()
  })
})
