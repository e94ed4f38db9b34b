import { expect, test } from 'vitest'
import { storeFailed } from '#domain/errors.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeServers } from '#io/log/fake.ts'
import type { Log } from '#io/log/port.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import type { Store } from '#io/store/port.ts'
import { storeSuite } from '#io/store/suite.ts'
import { createLogCopy } from './log-copy.ts'
import { type LogStore, openLogStore } from './log-store.ts'

const forEver = new AbortController().signal
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value))

interface Opened {
  readonly log: Log
  readonly local: FakeStore
  isBroken: boolean
}

const opened = new WeakMap<Store, Opened>()

async function openOn(log: Log, local: FakeStore): Promise<LogStore> {
  const state: Opened = { log, local, isBroken: false }
  const append: Log['append'] = async (entry, after) => {
    if (state.isBroken) throw storeFailed('log', 'appending', undefined)
    return log.append(entry, after)
  }
  const store = await openLogStore({ log: { ...log, append }, partition: 0, local }, forEver)
  opened.set(store, state)
  return store
}

const servers = () => createFakeServers({ clock: createVirtualClock(), entryBytesMax: 100_000 })

storeSuite('on a log', {
  open: async () => openOn(await servers().connect('box').log(0), createFakeStore()),
  async reopen(store) {
    const { log, local } = opened.get(store) as Opened
    await store.close().catch(() => undefined)
    return openOn(log, local)
  },
  breakDisk(store) {
    ;(opened.get(store) as Opened).isBroken = true
  },
})

test('S28: a writer whose log another has taken over writes no more, and the other has all that was acknowledged', async () => {
  const shared = servers()
  const before = await openOn(await shared.connect('before').log(0), createFakeStore())
  await before.commit([{ key: 'a', value: bytes('1') }])
  const next = await openOn(await shared.connect('next').log(0), createFakeStore())
  await expect(before.commit([{ key: 'b', value: bytes('2') }])).rejects.toMatchObject({ code: 'LOG_MOVED' })
  expect(() => before.get('a')).toThrow('LOG_MOVED')
  await next.commit([{ key: 'c', value: bytes('3') }])
  expect(next.scan('').map(({ key, value }) => `${key} ${text(value)}`)).toEqual(['a 1', 'c 3'])
})

test('G1: after a crash the copy has what the log has, whether it was behind or new', async () => {
  const shared = servers()
  const local = createFakeStore()
  const first = await openOn(await shared.connect('box').log(0), local)
  await first.commit([{ key: 'a', value: bytes('1') }])
  const behind = local.copy()
  await first.commit([{ key: 'b', value: bytes('2') }, { key: 'a' }])
  for (const copy of [local.crash(), behind, createFakeStore()]) {
    const again = await openOn(await shared.connect('box').log(0), copy)
    expect(again.scan('').map(({ key, value }) => `${key} ${text(value)}`)).toEqual(['b 2'])
  }
})

test('a commit larger than a message is read whole or not at all', async () => {
  const shared = servers()
  const log = await shared.connect('box').log(0)
  const large = new Uint8Array(1_300_000).fill(7)
  let appends = 0
  const dying: Log = { ...log, append: (entry, after) => (appends++ === 3 ? new Promise(() => undefined) : log.append(entry, after)) }
  const store = await openLogStore({ log: dying, partition: 0, local: createFakeStore() }, forEver)
  // The claim and two of its three parts, and then the process was gone.
  void store.commit([{ key: 'torn', value: large }])
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(shared.entries(0)).toHaveLength(3)
  const next = await openOn(await shared.connect('next').log(0), createFakeStore())
  await next.commit([{ key: 'whole', value: large }])
  const reader = createFakeStore()
  await createLogCopy(0, reader).catchUp(log, forEver)
  expect(reader.get('torn')).toBeUndefined()
  expect(reader.get('whole')).toEqual(large)
})

test('what is committed while an entry is on its way goes into the next one', async () => {
  const shared = servers()
  const store = await openOn(await shared.connect('box').log(0), createFakeStore())
  const first = store.commit([{ key: 'a', value: bytes('1') }])
  await new Promise((resolve) => setImmediate(resolve))
  const others = Array.from({ length: 50 }, (_, index) => store.commit([{ key: `b${index}`, value: bytes('2') }]))
  await Promise.all([first, ...others])
  // The claim, the first, and all others.
  expect(shared.entries(0).length).toBeLessThanOrEqual(4)
})
