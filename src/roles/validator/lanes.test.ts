import { describe, expect, test } from 'vitest'
import type { AnnouncedBatch, ReleasedEpoch } from '#domain/anchor-view.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, ContractNumber } from '#domain/ids.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { type Candidate, createLanes, type GaveWay } from './lanes.ts'

const EPOCH = 3 as EpochId
const epochOf = (epochId: EpochId): ReleasedEpoch => {
  const release = { number: 1 as BlockNumber, contractNumber: 1 as ContractNumber, hash: '0x01' as Hash, timestamp: 1 }
  return { epochId, release }
}
const batch = (name: string, blockNumber: number, epochId = EPOCH): AnnouncedBatch => ({
  epochId,
  batchCid: name as Cid,
  epoch: epochOf(epochId),
  blockNumber: blockNumber as BlockNumber,
  contractNumber: blockNumber as number as ContractNumber,
})
const traces = (id: string) => ({ submissionIds: [id], projectIds: new Set([`${id}:N` as ProjectId]), voters: new Set<never>() })

/** Lanes whose work the test ends by hand, in whatever order it wants: turns, and where it says so what follows them. */
function open(how: { readonly isTurnShort?: boolean } = {}) {
  const taken: Candidate[] = []
  const ends = new Map<string, PromiseWithResolvers<GaveWay | undefined>>()
  const failures: unknown[] = []
  const lanes = createLanes(
    async (candidate) => {
      taken.push(candidate)
      const end = Promise.withResolvers<GaveWay | undefined>()
      ends.set(candidate.batchCid, end)
      return how.isTurnShort === true ? { end: end.promise } : end.promise
    },
    (failure) => failures.push(failure),
  )
  const turn = async () => {
    for (let count = 0; count < 2; count += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    lanes,
    failures,
    taken: () => taken.map(({ batchCid, index }) => `${batchCid} at ${index}`),
    candidate: (name: string) => taken.findLast(({ batchCid }) => batchCid === name) as Candidate,
    turn,
    async giveWay(name: string) {
      ends.get(name)?.resolve('gave way')
      await turn()
    },
    async end(name: string, failure?: unknown) {
      const end = ends.get(name)
      if (end === undefined) throw new Error(`${name} is not under way; taken: ${taken.map(({ batchCid }) => batchCid).join(', ')}`)
      if (failure === undefined) end.resolve(undefined)
      else end.reject(failure)
      await turn()
    },
  }
}

describe('what follows the turn of a batch', () => {
  test('V10: keeps no other from its turn, and the lane busy', async () => {
    const { lanes, taken, turn, end } = open({ isTurnShort: true })
    for (const [index, name] of ['a', 'b'].entries()) lanes.announce(batch(name, 10 + index))
    await turn()
    expect(taken()).toEqual(['a at 0', 'b at 1'])
    await end('b')
    expect(lanes.isBusy(EPOCH)).toBe(true)
    await end('a')
    expect(lanes.isBusy(EPOCH)).toBe(false)
  })

  test('V10: comes to its end before the batch has its turn again after a rollback', async () => {
    const { lanes, taken, turn, end } = open({ isTurnShort: true })
    for (const [index, name] of ['a', 'b'].entries()) lanes.announce(batch(name, 10 + index))
    await turn()
    lanes.rollback(10 as BlockNumber, Promise.resolve())
    await turn()
    await end('a')
    expect(taken()).toEqual(['a at 0', 'b at 1'])
    await end('b')
    await turn()
    expect(taken()).toEqual(['a at 0', 'b at 1', 'a at 0'])
  })

  test('is heard of when it fails, and ends nothing but itself', async () => {
    const { lanes, failures, taken, turn, end } = open({ isTurnShort: true })
    lanes.announce(batch('a', 10))
    await turn()
    const failure = new Error('broken')
    await end('a', failure)
    lanes.announce(batch('b', 11))
    await turn()
    expect([failures, taken()]).toEqual([[failure], ['a at 0', 'b at 1']])
  })
})

describe('batches of one epoch', () => {
  test('V1: are taken one after the other, in the order of the chain, each knowing its place', async () => {
    const { lanes, taken, turn, end } = open()
    for (const [index, name] of ['a', 'b', 'c'].entries()) lanes.announce(batch(name, 10 + index))
    await turn()
    expect(taken()).toEqual(['a at 0'])
    await end('a')
    expect(taken()).toEqual(['a at 0', 'b at 1'])
    await end('b')
    expect(taken()).toEqual(['a at 0', 'b at 1', 'c at 2'])
  })

  test('V19: one that gives way has another turn after those that waited for it, in its own place, and the lane is busy until then', async () => {
    const { lanes, taken, turn, end, giveWay, candidate } = open()
    for (const [index, name] of ['a', 'b'].entries()) lanes.announce(batch(name, 10 + index))
    await turn()
    expect(candidate('a').isWaitedFor()).toBe(true)
    await giveWay('a')
    expect([taken(), candidate('b').isWaitedFor()]).toEqual([['a at 0', 'b at 1'], true])
    await end('b')
    expect([taken(), candidate('a').isWaitedFor(), lanes.isBusy(EPOCH)]).toEqual([['a at 0', 'b at 1', 'a at 0'], false, true])
    await end('a')
    await turn()
    expect(lanes.isBusy(EPOCH)).toBe(false)
  })

  test('V6: one that fails is told of, and the next has its turn all the same', async () => {
    const { lanes, failures, taken, turn, end } = open()
    lanes.announce(batch('a', 10))
    lanes.announce(batch('b', 11))
    await turn()
    await end('a', new Error('broken'))
    expect(failures).toEqual([new Error('broken')])
    expect(taken()).toEqual(['a at 0', 'b at 1'])
  })

  test('V6: epochs do not wait for each other, and do not share what came before', async () => {
    const { lanes, taken, turn, candidate } = open()
    lanes.announce(batch('a', 10))
    lanes.announce(batch('b', 11, 4 as EpochId))
    await turn()
    expect(taken()).toEqual(['a at 0', 'b at 0'])
    candidate('a').predecessors.add(0, traces('a'))
    expect(candidate('b').predecessors.hasProject(1, 'a:N' as ProjectId)).toBe(false)
  })

  test('are busy until the last of them has ended', async () => {
    const { lanes, turn, end } = open()
    expect(lanes.isBusy(EPOCH)).toBe(false)
    lanes.announce(batch('a', 10))
    lanes.announce(batch('b', 11))
    expect(lanes.isBusy(EPOCH)).toBe(true)
    await turn()
    await end('a')
    expect(lanes.isBusy(EPOCH)).toBe(true)
    await end('b', new Error('broken'))
    await turn()
    expect(lanes.isBusy(EPOCH)).toBe(false)
  })

  test('are under way until all have ended', async () => {
    const { lanes, turn, end } = open()
    lanes.announce(batch('a', 10))
    lanes.announce(batch('b', 11, 4 as EpochId))
    let isIdle = false
    const idle = lanes.idle().then(() => {
      isIdle = true
    })
    await turn()
    await end('a')
    expect(isIdle).toBe(false)
    await end('b')
    await idle
  })
})

describe('a reorganisation', () => {
  test('V3: drops what was announced above, takes what stays once more, and gives the places anew', async () => {
    const { lanes, taken, turn, end } = open()
    for (const [index, name] of ['a', 'b', 'c'].entries()) lanes.announce(batch(name, 10 + index))
    await turn()
    await end('a')
    lanes.rollback(10 as BlockNumber, Promise.resolve())
    lanes.announce(batch('d', 11))
    await end('b')
    // `c` never had its turn and is gone; `a`, on the block that stays, comes again before `d`.
    expect(taken()).toEqual(['a at 0', 'b at 1', 'a at 0'])
    await end('a')
    expect(taken().slice(3)).toEqual(['d at 1'])
    await end('d')
    expect(lanes.isBusy(EPOCH)).toBe(false)
  })

  test('V3, V19: gives one that gave way meanwhile no turn beside that which all have again', async () => {
    const { lanes, taken, turn, end, giveWay } = open()
    for (const [index, name] of ['a', 'b'].entries()) lanes.announce(batch(name, 10 + index))
    await turn()
    lanes.rollback(10 as BlockNumber, Promise.resolve())
    await giveWay('a')
    await end('a')
    await turn()
    expect([taken(), lanes.isBusy(EPOCH)]).toEqual([['a at 0', 'a at 0'], false])
  })

  test('V2: gives nobody a turn before what was read of the chain that is gone is read again', async () => {
    const { lanes, taken, turn, end } = open()
    for (const [index, name] of ['a', 'b', 'c'].entries()) lanes.announce(batch(name, 10 + index))
    lanes.announce(batch('d', 10, 4 as EpochId))
    await turn()
    const read = Promise.withResolvers<void>()
    lanes.rollback(11 as BlockNumber, read.promise)
    await end('a')
    await end('d')
    expect(taken()).toEqual(['a at 0', 'd at 0'])
    read.resolve()
    await turn()
    expect(taken().slice(2)).toEqual(['b at 1', 'd at 0'])
  })

  test('V2: after which it cannot be read fails, and judges nothing', async () => {
    const { lanes, taken, failures, turn } = open()
    lanes.announce(batch('a', 10))
    const failed = Promise.reject<void>(new Error('wrong chain'))
    failed.catch(() => undefined)
    lanes.rollback(10 as BlockNumber, failed)
    await turn()
    expect([taken(), failures]).toEqual([[], [new Error('wrong chain'), new Error('wrong chain')]])
  })

  test('V1: makes the tree forget what is gone', async () => {
    const { lanes, turn, end, candidate } = open()
    for (const [index, name] of ['a', 'b'].entries()) {
      lanes.announce(batch(name, 10 + index))
      await turn()
      candidate(name).predecessors.add(index, traces(name))
      await end(name)
    }
    lanes.rollback(10 as BlockNumber, Promise.resolve())
    await turn()
    const { predecessors } = candidate('a')
    expect(predecessors.hasProject(2, 'b:N' as ProjectId)).toBe(false)
    expect(await predecessors.continuedRoot(1, ['x'], () => Promise.resolve())).toBe(publishedRoot(['a', 'x']))
  })
})

describe('an epoch that is let go of', () => {
  test('starts anew when it is heard of again', async () => {
    const { lanes, taken, turn, end } = open()
    lanes.announce(batch('a', 10))
    await turn()
    await end('a')
    lanes.forget(EPOCH)
    lanes.announce(batch('b', 11))
    await turn()
    expect(taken()).toEqual(['a at 0', 'b at 0'])
  })

  test('V6: is let go of when a reorganisation leaves no batch of it: its release may never come again', async () => {
    const { lanes, turn, end, candidate } = open()
    lanes.announce(batch('a', 10))
    await turn()
    await end('a')
    const { predecessors } = candidate('a')
    lanes.rollback(9 as BlockNumber, Promise.resolve())
    lanes.announce(batch('a', 12))
    await turn()
    expect(candidate('a').predecessors).not.toBe(predecessors)
    // Not while something of it is under way: who stops waits for that.
    const second = candidate('a').predecessors
    lanes.rollback(11 as BlockNumber, Promise.resolve())
    let isIdle = false
    const idle = lanes.idle().then(() => {
      isIdle = true
    })
    await turn()
    expect([lanes.isBusy(EPOCH), isIdle]).toEqual([true, false])
    await end('a')
    await idle
    lanes.announce(batch('b', 12))
    await turn()
    expect(candidate('b').predecessors).not.toBe(second)
  })

  test('is let go of by itself when its release was never seen: nobody will say that it is over', async () => {
    const { lanes, taken, turn, end } = open()
    const unseen = { ...batch('a', 10), epoch: undefined }
    lanes.announce(unseen)
    lanes.announce({ ...unseen, batchCid: 'b' as Cid })
    await turn()
    await end('a')
    lanes.announce({ ...unseen, batchCid: 'c' as Cid })
    await end('b')
    await end('c')
    lanes.announce({ ...unseen, batchCid: 'd' as Cid })
    await turn()
    expect(taken()).toEqual(['a at 0', 'b at 1', 'c at 2', 'd at 0'])
  })
})
