import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, Hash } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { pin, pinAll } from './pin.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const file = new TextEncoder().encode('a batch')
const batch = { index: 0, batchCid: await snapshotCidOf(file), projectIds: [], snapshotCids: [], rootHash: '0x' as Hash, file }
const other = await snapshotCidOf(new TextEncoder().encode('another'))
const signal = new AbortController().signal

/** A node that does what it is told to instead; `asked` is what it was asked, in order. */
function nodeThat(change: Partial<Pick<Ipfs, 'add' | 'get'>>) {
  const asked: [string, unknown][] = []
  const node: Ipfs = {
    async add(bytes) {
      asked.push(['add', bytes])
      return change.add === undefined ? snapshotCidOf(bytes) : change.add(bytes)
    },
    async get(cid, limits) {
      asked.push(['get', cid])
      return change.get === undefined ? file : change.get(cid, limits)
    },
    pin: async () => undefined,
    letGo: async () => 0,
    has: async () => true,
  }
  return { node, asked }
}

test('G3, S5: a batch is added, then read back by its CID', async () => {
  const { node, asked } = nodeThat({})
  await pin(1 as EpochId, batch, { ipfs: node }, signal)
  expect(asked).toEqual([
    ['add', file],
    ['get', batch.batchCid],
  ])
})

test.each([
  ['names it otherwise', { add: async () => other }, 'IPFS_CONTENT_WRONG'],
  ['gives other bytes', { get: async () => new TextEncoder().encode('a bauch') }, 'IPFS_CONTENT_WRONG'],
  ['gives fewer bytes', { get: async () => file.subarray(1) }, 'IPFS_CONTENT_WRONG'],
  ['gives nothing', { get: async (cid: Cid) => Promise.reject(new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 1 })) }, 'IPFS_NOT_FOUND'],
])('G3, S5: a batch is not pinned when the node %s', async (_how, change, code) => {
  await expect(pin(1 as EpochId, batch, { ipfs: nodeThat(change).node }, signal)).rejects.toMatchObject({ code })
})

test('G7: no more is read back than was added', async () => {
  const limits: unknown[] = []
  const { node } = nodeThat({
    get: async (_cid, each) => {
      limits.push(each)
      return file
    },
  })
  await pin(1 as EpochId, batch, { ipfs: node }, signal)
  expect(limits).toMatchObject([{ bytesMax: file.length, signal }])
})

test('G3, S5: a batch is not pinned before enough places hold it, and they are asked only when it was read back here', async () => {
  const { node, asked } = nodeThat({})
  const copies = {
    async held(...[cid, epochId, until]: readonly unknown[]) {
      asked.push(['held', cid], ['of', epochId], ['until', until])
      throw new WeftError('COPIES_TOO_FEW', { cid: String(cid), held: 1, needed: 2 })
    },
  }
  await expect(pin(7 as EpochId, batch, { ipfs: node, copies }, signal)).rejects.toMatchObject({
    code: 'COPIES_TOO_FEW',
    kind: 'transient',
  })
  expect(asked.slice(1)).toEqual([
    ['get', batch.batchCid],
    ['held', batch.batchCid],
    ['of', 7],
    ['until', signal],
  ])
})

test('S21: four files are on their way at once, the fifth when one of them is there', async () => {
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
  const batches = await Promise.all(
    gates.map(async (_, index) => {
      const bytes = new TextEncoder().encode(`batch ${index}`)
      return { ...batch, index, file: bytes, batchCid: await snapshotCidOf(bytes) }
    }),
  )
  const begun: number[] = []
  const { node } = nodeThat({
    get: async (cid) => batches.find(({ batchCid }) => batchCid === cid)?.file ?? file,
    async add(bytes) {
      const index = batches.findIndex((each) => each.file === bytes)
      begun.push(index)
      await gates[index]?.promise
      return snapshotCidOf(bytes)
    },
  })
  const deps = { ipfs: node, clock: createVirtualClock(), random: { fraction: () => 0 }, report: () => undefined }
  const pins = pinAll(1 as EpochId, { batches, isInTime: () => true }, deps, signal)
  await turn()
  expect(begun).toEqual([0, 1, 2, 3])
  gates[2]?.resolve()
  expect(await pins.ends.get(2)).toBe(true)
  await turn()
  expect([begun, [0, 1, 2, 3, 4].filter((index) => pins.done.has(index))]).toEqual([[0, 1, 2, 3, 4], [2]])
  for (const gate of gates) gate.resolve()
  expect(await Promise.all(pins.ends.values())).toEqual(Array(5).fill(true))
})

describe('S15: a window that ends while the node hangs', () => {
  /** Pins with a node that never answers, for as long as `isInTime` says. */
  function hanging(isInTime: () => boolean) {
    const clock = createVirtualClock()
    const { node } = nodeThat({ add: () => new Promise(() => undefined) })
    const deps = { ipfs: node, clock, random: { fraction: () => 0 }, report: () => undefined }
    return { clock, pins: pinAll(1 as EpochId, { batches: [batch], isInTime }, deps, signal) }
  }

  test('gives the file up', async () => {
    let isInTime = true
    const { clock, pins } = hanging(() => isInTime)
    await clock.advance(10_000)
    isInTime = false
    const end = pins.ends.get(0) as Promise<boolean>
    expect(await clock.runUntil(end, { limitMs: 1_000 })).toBe(false)
  })

  test('is heard of when it cannot be told', async () => {
    let looks = 0
    const bug = new Error('no such window')
    const { clock, pins } = hanging(() => {
      looks += 1
      if (looks > 3) throw bug
      return true
    })
    await expect(clock.runUntil(pins.ends.get(0) as Promise<boolean>, { limitMs: 5_000 })).rejects.toBe(bug)
  })
})
