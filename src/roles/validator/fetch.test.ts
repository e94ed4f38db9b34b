import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { fetchBatch } from './fetch.ts'

const BYTES = new TextEncoder().encode('{"a":1}')
const NEVER = new AbortController().signal

/** A node that does what `spoil` makes of it, and what was asked of it, in order. */
async function open(spoil: (node: Ipfs) => Partial<Ipfs> = () => ({})) {
  const clock = createVirtualClock()
  const network = createFakeIpfsNetwork({ clock })
  const batchCid = await network.node('sequencer').add(BYTES)
  const node = network.node('validator')
  const asked: string[] = []
  const events: [string, unknown][] = []
  const spoilt: Ipfs = { ...node, ...spoil(node) }
  const ipfs: Ipfs = {
    ...spoilt,
    get: (cid, options) => {
      asked.push(`get up to ${options.bytesMax}, ${options.timeoutMs} ms`)
      return spoilt.get(cid, options)
    },
    pin: (cid) => {
      asked.push('pin')
      return spoilt.pin(cid)
    },
  }
  const deps = {
    ipfs,
    peers: ['/dns4/a', '/dns4/b'],
    clock,
    random: { fraction: () => 1 },
    report: (event: string, facts: unknown) => events.push([event, facts]),
  }
  const fetch = (isPointless = () => false, signal = NEVER, cid = batchCid, isHurried = () => false, isDue = isPointless) =>
    clock.runUntil(fetchBatch({ epochId: 1 as EpochId, batchCid: cid }, { isPointless, isDue, isHurried }, deps, signal), {
      limitMs: 600_000,
    })
  return { clock, node, sequencer: network.node('sequencer'), batchCid, asked, events, fetch }
}

const notFound = (cid: Cid) => new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 1 })

test('V4: a batch is read within the limits of a batch, then pinned, then handed on', async () => {
  const { fetch, asked, node, batchCid } = await open()
  expect(await fetch()).toEqual({ ok: true, bytes: BYTES })
  expect(asked).toEqual([`get up to ${BATCH_BYTES_MAX}, 10000 ms`, 'pin'])
  expect(await node.has(batchCid)).toBe(true)
})

test('V4: a batch that cannot be pinned yet is not handed on: it is tried again', async () => {
  let pins = 0
  const { fetch, asked, events, batchCid } = await open((node) => ({
    pin: async (cid) => {
      pins += 1
      if (pins === 1) throw notFound(cid)
      await node.pin(cid)
    },
  }))
  expect(await fetch()).toMatchObject({ ok: true })
  expect(asked.filter((each) => each === 'pin')).toHaveLength(2)
  expect(events).toEqual([['fetch_failed', { batchCid, code: 'IPFS_NOT_FOUND', cid: batchCid, waitedMs: 1, peers: '/dns4/a /dns4/b' }]])
})

test('V4: a disk that cannot keep the batch is a person’s matter, not a batch that is read', async () => {
  const { fetch } = await open(() => ({ pin: () => Promise.reject(new WeftError('STORE_FAILED', { path: '/', doing: 'writing' })) }))
  await expect(fetch()).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

test('V6: bytes that are wrong today may be right tomorrow', async () => {
  let reads = 0
  const { fetch } = await open((node) => ({
    get: async (cid, options) => {
      reads += 1
      if (reads < 3) throw new WeftError('IPFS_CONTENT_WRONG', { cid, got: 'other' })
      return node.get(cid, options)
    },
  }))
  expect(await fetch()).toMatchObject({ ok: true })
})

test('V6, G7: a file that is larger than any batch is not asked for twice', async () => {
  const { fetch, asked } = await open(() => ({
    get: (cid, { bytesMax }) => Promise.reject(new WeftError('IPFS_CONTENT_TOO_LARGE', { cid, bytesMax })),
  }))
  expect(await fetch()).toEqual({ ok: false, reason: 'too_large' })
  expect(asked).toHaveLength(1)
})

test('V6: text that is no CID ends with a reason and nothing else', async () => {
  const { fetch, asked } = await open()
  expect(await fetch(() => false, NEVER, '../../etc/passwd' as Cid)).toEqual({ ok: false, reason: 'cid_malformed' })
  expect(asked).toHaveLength(1)
})

test('V6: it is tried at least once, and no more than once when nobody waits', async () => {
  const { fetch, asked, sequencer, batchCid } = await open()
  expect(await fetch(() => true)).toMatchObject({ ok: true })
  sequencer.withhold(batchCid)
  const other = await open()
  other.sequencer.withhold(other.batchCid)
  expect(await other.fetch(() => true)).toEqual({ ok: false, reason: 'not_fetched' })
  expect([asked.length, other.asked.length]).toEqual([2, 1])
})

test('V6: between two attempts it pauses, longer each time, and gives up as soon as nobody waits any more', async () => {
  const { fetch, asked, clock } = await open(() => ({ get: (cid) => Promise.reject(notFound(cid)) }))
  const start = clock.nowMs()
  expect(await fetch(() => asked.length === 4)).toEqual({ ok: false, reason: 'not_fetched' })
  expect(clock.nowMs() - start).toBe(500 + 1_000 + 2_000)
})

test('the end of the process ends the wait, with its reason', async () => {
  // In an attempt, and in the pause after one.
  for (const stopAfterMs of [15_000, 10_200]) {
    const stopping = new AbortController()
    const { fetch, sequencer, batchCid, clock } = await open()
    sequencer.withhold(batchCid)
    const start = clock.nowMs()
    const fetching = fetch(() => false, stopping.signal)
    void clock.sleep(stopAfterMs).then(() => stopping.abort(new Error('stopped')))
    await expect(fetching).rejects.toThrow('stopped')
    expect(clock.nowMs() - start).toBe(stopAfterMs)
  }
})

test('what fails because the process ends is no news', async () => {
  const stopping = new AbortController()
  const { fetch, events } = await open(() => ({
    get: (cid) => {
      stopping.abort(new Error('stopped'))
      return Promise.reject(notFound(cid))
    },
  }))
  await expect(fetch(() => false, stopping.signal)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
  expect(events).toEqual([])
})

test('V17, V19: an attempt is broken off when its end is due, however long it may take; one of which it was from the beginning is made', async () => {
  const { fetch, clock, sequencer, batchCid, asked } = await open()
  sequencer.withhold(batchCid)
  const startMs = clock.nowMs()
  expect(await fetch(() => clock.nowMs() >= startMs + 2_000)).toEqual({ ok: false, reason: 'not_fetched' })
  expect([clock.nowMs() - startMs, asked.length]).toEqual([2_000, 1])
  expect(await fetch(() => true)).toEqual({ ok: false, reason: 'not_fetched' })
  expect(clock.nowMs() - startMs).toBe(12_000)
})

test('V19: while others wait an attempt is a short one', async () => {
  const { fetch, sequencer, batchCid, asked } = await open()
  sequencer.withhold(batchCid)
  await fetch(
    () => true,
    NEVER,
    batchCid,
    () => true,
  )
  expect(asked).toEqual([`get up to ${BATCH_BYTES_MAX}, 1000 ms`])
})

test('a disk that fails says so, also in an attempt that is broken off', async () => {
  const broken = new WeftError('STORE_FAILED', { path: '/blocks', doing: 'syncing a block' })
  let isDue = false
  const { fetch, clock } = await open(() => ({
    pin: async () => {
      isDue = true
      await clock.sleep(1_000)
      throw broken
    },
  }))
  await expect(fetch(() => isDue)).rejects.toBe(broken)
})

test('a disk that is full ends nothing: the batch is fetched when it has room', async () => {
  let attempts = 0
  const { fetch, events } = await open((node) => ({
    async pin(cid) {
      attempts += 1
      if (attempts < 4) throw new WeftError('STORE_FULL', { path: '/blocks', doing: 'writing a block' })
      await node.pin(cid)
    },
  }))
  expect(await fetch()).toEqual({ ok: true, bytes: BYTES })
  expect(events).toMatchObject(Array(3).fill(['fetch_failed', { code: 'STORE_FULL' }]))
})
