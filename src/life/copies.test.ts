import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import type { PinPlace } from '#io/ipfs/port.ts'
import { createCopies } from './copies.ts'

const EPOCH = 7 as EpochId
const text = (value: string) => new TextEncoder().encode(value)
const { signal } = new AbortController()

/** A place that does what it is told to; `asked` are the CIDs of which it is asked, in order. */
function placeThat(name: string, pin: PinPlace['pin'] = async () => undefined, letGo: PinPlace['letGo'] = async () => 0) {
  const asked: Cid[] = []
  const place: PinPlace = {
    name,
    pin(cid, ...rest) {
      asked.push(cid)
      return pin(cid, ...rest)
    },
    letGo,
  }
  return { place, asked }
}

/** As a place ends that is told to stop. */
const hanging = (_cid: Cid, _epochId: EpochId | undefined, until: AbortSignal) =>
  new Promise<never>((_, reject) => until.addEventListener('abort', () => reject(until.reason)))
const lying = async (cid: Cid) => {
  throw new WeftError('IPFS_CONTENT_WRONG', { cid, got: 'other bytes' })
}

function worldOf(places: readonly PinPlace[], copiesMin = 1) {
  const clock = createVirtualClock()
  const log: { readonly event: string; readonly facts: Readonly<Record<string, unknown>> }[] = []
  const node = createFakeIpfsNetwork({ clock }).node('node')
  const copies = createCopies(
    { copiesMin },
    { node, places, clock, random: { fraction: () => 1 }, report: (event, facts) => log.push({ event, facts }) },
  )
  return { clock, log, node, copies }
}

test('what is added or pinned goes to every place, and nobody waits for that', async () => {
  const [slow, fast] = [placeThat('slow', hanging), placeThat('fast')]
  const { copies, node } = worldOf([slow.place, fast.place])
  const cid = await copies.ipfs.add(text('one'), EPOCH)
  expect(await node.has(cid)).toBe(true)
  await copies.ipfs.pin(cid, EPOCH)
  // The node alone is enough here.
  await copies.held(cid, EPOCH, signal)
  expect([slow.asked, fast.asked]).toEqual([[cid], [cid]])
  await copies.stop()
})

test.each([
  ['hangs', hanging],
  ['lies', lying],
  ['has a full disk', () => Promise.reject(new WeftError('STORE_FULL', { path: '/cars', doing: 'writing' }))],
  ['fails like nobody else', () => Promise.reject(new TypeError('of the library'))],
])('G3: two of three is enough when one %s; it delays nobody', async (_how, pin) => {
  const [good, bad] = [placeThat('good'), placeThat('bad', pin)]
  const { copies, clock } = worldOf([bad.place, good.place], 2)
  const cid = await copies.ipfs.add(text('one'), EPOCH)
  const startedMs = clock.nowMs()
  await copies.held(cid, EPOCH, signal)
  expect(clock.nowMs()).toBe(startedMs)
  await copies.stop()
})

test('G3: fewer than asked for is said, with the places and why; attempts go on meanwhile and are not made twice at once', async () => {
  let isLying = true
  const bad = placeThat('bad', (cid) => (isLying ? lying(cid) : Promise.resolve()))
  const { copies, clock, log } = worldOf([bad.place, placeThat('good').place], 3)
  const cid = await copies.ipfs.add(text('one'), EPOCH)
  const held = copies.held(cid, EPOCH, signal)
  const both = Promise.allSettled([held, copies.held(cid, EPOCH, signal)])
  await clock.runUntil(both, { limitMs: 200_000 })
  const reason = expect.objectContaining({ code: 'COPIES_TOO_FEW', kind: 'transient', facts: { cid, held: 2, needed: 3 } })
  expect(await both).toEqual([
    { status: 'rejected', reason },
    { status: 'rejected', reason },
  ])
  expect(bad.asked).toHaveLength(10)
  expect(log.at(-1)).toEqual({
    event: 'copy_given_up',
    facts: { place: 'bad', cid, reason: 'IPFS_CONTENT_WRONG', detail: 'other bytes', epochId: EPOCH },
  })
  expect(log[0]).toMatchObject({
    event: 'will_try_again',
    facts: { code: 'COPY_FAILED', doing: 'copy to bad', place: 'bad', reason: 'IPFS_CONTENT_WRONG' },
  })
  isLying = false
  await copies.held(cid, EPOCH, signal)
  expect(bad.asked).toHaveLength(11)
  await copies.stop()
})

test('more than there can be is not waited for', async () => {
  const { copies } = worldOf([placeThat('slow', hanging).place], 3)
  const cid = await copies.ipfs.add(text('one'), EPOCH)
  await expect(copies.held(cid, EPOCH, signal)).rejects.toMatchObject({ code: 'COPIES_TOO_FEW' })
  await copies.stop()
})

test('G3: what a place has for one epoch it is asked for again in the next, and not before', async () => {
  const { place, asked } = placeThat('good')
  const { copies } = worldOf([place], 2)
  const cid = await copies.ipfs.add(text('one'), EPOCH)
  for (let time = 0; time < 3; time += 1) await copies.held(cid, EPOCH, signal)
  expect(asked).toHaveLength(1)
  await copies.held(cid, (EPOCH + 1) as EpochId, signal)
  expect(asked).toHaveLength(2)
  await copies.stop()
})

test('G11: a few at a time, and what somebody waits for before all others, also where it was in line already', async () => {
  const gates: (() => void)[] = []
  const { place, asked } = placeThat('slow', (...how) =>
    Promise.race([new Promise<void>((resolve) => gates.push(resolve)), hanging(...how)]),
  )
  const { copies } = worldOf([place], 2)
  for (let index = 0; index < 8; index += 1) await copies.ipfs.add(text(`snapshot ${index}`), EPOCH)
  const batch = await copies.ipfs.add(text('batch'), EPOCH)
  expect(asked).toHaveLength(4)
  const held = copies.held(batch, EPOCH, signal)
  await Promise.resolve()
  expect(asked.at(-1)).toBe(batch)
  gates[4]?.()
  await held
  // Its room is not for others.
  expect(asked).toHaveLength(5)
  await copies.stop()
})

test('G7: of a place that never answers no more than a bound is remembered; the rest is said', async () => {
  const { copies, log } = worldOf([placeThat('slow', hanging).place])
  for (let index = 0; index < 4_100; index += 1) await copies.ipfs.add(text(`snapshot ${index}`), EPOCH)
  const lost = log.filter(({ event }) => event === 'copy_given_up')
  expect([lost.length, lost[0]?.facts.reason]).toEqual([4, 'QUEUE_FULL'])
  await copies.stop()
})

test('places let go with the node, each by itself; what stays is said and tried the next time', async () => {
  const went: string[] = []
  let isBroken = true
  const bad = placeThat('bad', undefined, async (oldest) => {
    if (isBroken) throw new WeftError('PLACE_FAILED', { place: 'bad', detail: 'HTTP 500' })
    went.push(`bad ${oldest}`)
    return 0
  })
  const steps = [64, 64, 3]
  const good = placeThat('good', undefined, async (oldest, countMax) => {
    went.push(`good ${oldest} ${countMax}`)
    return steps.shift() ?? 0
  })
  const { copies, node, log, clock } = worldOf([bad.place, good.place])
  await node.add(text('old'), 1 as EpochId)
  expect(await copies.ipfs.letGo(EPOCH, 10)).toBe(1)
  await clock.advance(1)
  expect(went).toEqual(['good 7 64', 'good 7 64', 'good 7 64'])
  expect(log).toEqual([{ event: 'copies_stay', facts: { place: 'bad', reason: 'PLACE_FAILED', detail: 'HTTP 500' } }])
  isBroken = false
  await copies.ipfs.letGo(EPOCH, 10)
  await clock.advance(1)
  expect(went.slice(3)).toEqual(['bad 7', 'good 7 64'])
  await copies.stop()
})

test('who stops waits for nothing that hangs, and hears no failure of it', async () => {
  const { copies, log } = worldOf([placeThat('slow', hanging).place], 2)
  const cid = await copies.ipfs.add(text('one'), EPOCH)
  const leaving = new AbortController()
  const held = copies.held(cid, EPOCH, leaving.signal)
  leaving.abort(new Error('enough'))
  await expect(held).rejects.toThrow('enough')
  await copies.stop()
  await copies.ipfs.add(text('after'), EPOCH)
  expect(log).toEqual([])
})
