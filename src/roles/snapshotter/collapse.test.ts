import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { SlotId } from '#domain/ids.ts'
import { createComputes, createLoneCompute, createWorld, OPTIONS } from './snapshotter.test-world.ts'

/** What the snapshotter cannot live on with, and that nothing is left behind when it ends. */

const ONE_SLOT = { ...OPTIONS, slotIds: [1] as SlotId[] }

describe('N4: a disk that refuses', () => {
  test.each([
    ['the cursor, with the epoch that was released', /^block\//],
    ['the CID: nothing is signed', /^project\//],
    ['a hand-over', /^handed\//],
    ["the epoch's end: it is not told", /^epoch\//],
  ])('%s ends the process', async (what, keys) => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
    await world.until(() => snapshotter.stats().simulated === 1)
    world.isDiskFull = (written) => keys.test(written)
    await world.release()
    await expect(world.clock.runUntil(snapshotter.ended, { limitMs: 60_000 })).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(world.summaries).toEqual([])
    expect(world.collector.taken).toHaveLength(what.startsWith('a hand-over') || what.startsWith('the epoch') ? 1 : 0)
    // Whatever else is under way ends too.
    const { headBlock } = snapshotter.stats()
    world.chain.mine(3)
    await world.clock.advance(2_000)
    expect(snapshotter.stats().headBlock).toBe(headBlock)
  })

  test('the end of a project ends the process', async () => {
    const world = createWorld()
    const snapshotter = await world.start(
      createLoneCompute(() => Promise.reject(new Error('broken'))),
      ONE_SLOT,
    )
    world.isDiskFull = (written) => written.startsWith('project/')
    await world.release()
    await expect(world.clock.runUntil(snapshotter.ended, { limitMs: 60_000 })).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })

  test('a rollback, and the end of an epoch that was skipped, end the process', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
    await world.release()
    await world.until(() => world.summaries.length === 1)
    world.isDiskFull = (written) => written.startsWith('epoch/')
    world.chain.reorg(1)
    await expect(world.clock.runUntil(snapshotter.ended, { limitMs: 60_000 })).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })
})

test('N4: a failure of IPFS that asking again does not change ends the process', async () => {
  const world = createWorld()
  const ipfs = { ...world.ipfs, add: () => Promise.reject(new WeftError('SETTINGS_INVALID', { problems: ['no such node'] })) }
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { ipfs })
  await world.release()
  await expect(world.clock.runUntil(snapshotter.ended, { limitMs: 60_000 })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
})

test('N4: a chain that was rewritten deeper than can be undone ends the process', async () => {
  const world = createWorld()
  const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
  for (const number of [70, 140]) {
    world.chain.mine(70)
    await world.until(() => snapshotter.stats().headBlock === number)
  }
  world.chain.reorg(140)
  await expect(world.clock.runUntil(snapshotter.ended, { limitMs: 60_000 })).rejects.toMatchObject({ code: 'CHAIN_REORG_TOO_DEEP' })
})

describe('stopping', () => {
  test('ends everything: afterwards nothing is asked, stored, signed or sent, though a module goes on', async () => {
    const world = createWorld()
    const calls: string[] = []
    const counted = <Target extends object>(name: string, target: Target): Target =>
      new Proxy(target, {
        get(inner, key) {
          const value = Reflect.get(inner, key)
          if (typeof value !== 'function') return value
          return (...args: unknown[]) => {
            calls.push(`${name} ${String(key)}`)
            return Reflect.apply(value, inner, args)
          }
        },
      })
    let goOn: () => void = () => undefined
    const computes = createLoneCompute()
    const module = computes.snapshots[0] as (typeof computes.snapshots)[number]
    const stubborn: typeof module = {
      ...module,
      async compute({ epoch, source }) {
        if (epoch.epochId === 0) return 0n
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
        return BigInt(await source.timestamp(epoch.begin))
      },
    }
    const snapshotter = await world.start({ ...computes, snapshots: [stubborn] }, ONE_SLOT, {
      chain: counted('chain', world.chain),
      source: counted('source', world.source),
      ipfs: counted('ipfs', world.ipfs),
    })
    await world.until(() => snapshotter.stats().simulated === 1)
    await world.release()
    await world.until(() => snapshotter.stats().epochsOpen === 1)
    await world.clock.advance(1_000)
    await world.stop(snapshotter)
    await snapshotter.ended
    calls.length = 0
    world.moments.length = 0
    goOn()
    world.chain.mine(10)
    await world.clock.advance(200_000)
    expect([calls, world.moments, world.summaries]).toEqual([[], [], []])
    expect(snapshotter.epochs()).toMatchObject([{ state: 'open' }])
    expect(snapshotter.projects(1 as never)).toEqual([])
  })

  test('waits for what is under way: a commit, and the answer of the collector', async () => {
    const world = createWorld()
    let answer: () => void = () => undefined
    const { submitSnapshot } = { submitSnapshot: world.collector.answer }
    const collector = {
      // One that heeds no signal.
      submitSnapshot: (submission: Parameters<typeof submitSnapshot>[0]) =>
        submission.request.epochId === 0
          ? submitSnapshot(submission)
          : new Promise<'Success'>((resolve) => {
              answer = () => resolve('Success')
            }),
      close: async () => undefined,
    }
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT, { collector })
    const epochId = await world.release()
    await world.until(() => snapshotter.projects(epochId).length === 1)
    await world.clock.advance(100)
    let isStopped = false
    const stopped = snapshotter.stop().then(() => {
      isStopped = true
    })
    await world.clock.advance(1_000)
    expect(isStopped).toBe(false)
    answer()
    await world.clock.runUntil(stopped, { limitMs: 1_000 })
    // It was taken, and that is on disk.
    expect(world.store.scan('handed/')).toHaveLength(1)
  })

  test('waits after a failing disk too, for the projects of the same epoch; then the failure is told', async () => {
    const world = createWorld()
    const computes = createComputes()
    const added = Promise.withResolvers<void>()
    let isSimulated = false
    let adding = 0
    const ipfs: typeof world.ipfs = {
      ...world.ipfs,
      async add(bytes) {
        if (isSimulated) adding += 1
        // The first is stored at once and then the disk refuses its record; the others take their time, heeding no signal.
        if (adding > 1) await added.promise
        return world.ipfs.add(bytes)
      },
    }
    const snapshotter = await world.start({ ...computes, aggregates: [] }, ONE_SLOT, { ipfs })
    await world.until(() => snapshotter.stats().simulated === 1)
    isSimulated = true
    world.isDiskFull = (keys) => keys.startsWith('project/')
    await world.release()
    let isOver = false
    const over = snapshotter.ended.catch((failure: unknown) => {
      isOver = true
      return failure
    })
    await world.clock.advance(1_000)
    expect([adding, isOver]).toEqual([2, false])
    added.resolve()
    expect(await world.clock.runUntil(over, { limitMs: 1_000 })).toMatchObject({ code: 'STORE_FAILED' })
  })

  test('waits for the follower: its last block is on disk', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute(), ONE_SLOT)
    await world.until(() => snapshotter.stats().simulated === 1)
    world.chain.mine()
    let isStopped = false
    let wasStoppedFirst: boolean | undefined
    let isStopping = false
    world.isDiskFull = (keys) => {
      if (!keys.startsWith('block/') || isStopping) return false
      isStopping = true
      void snapshotter.stop().then(() => {
        isStopped = true
      })
      return false
    }
    world.killAt = ({ when, keys }) => {
      if (when === 'after' && keys.startsWith('block/')) wasStoppedFirst = isStopped
      return false
    }
    await world.until(() => isStopped)
    expect(wasStoppedFirst).toBe(false)
    await snapshotter.ended
  })
})
