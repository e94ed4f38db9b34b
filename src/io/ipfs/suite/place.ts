import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cid, EpochId } from '#domain/ids.ts'
import { openPlace, type PlaceAdapter } from '#io/ipfs/place.ts'
import type { PinPlace } from '#io/ipfs/port.ts'
import { importContent, parseCid } from '#io/ipfs/unixfs.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'

/** A place, and the outside behind it. */
export interface PlaceWorld {
  readonly adapter: PlaceAdapter
  /** Asks the outside itself. */
  holds(cid: Cid): Promise<boolean>
  /** From now on it does this, until it is called with nothing. */
  lie(how?: string): Promise<void> | void
  close(): Promise<void>
}

/** The node that everything comes from. */
export interface SourceNode {
  add(bytes: Uint8Array): Promise<Cid>
  block(cid: string): Promise<Uint8Array | undefined>
}

export function createSourceNode(): SourceNode {
  const blocks = new Map<string, Uint8Array>()
  return {
    add: (bytes) => importContent(bytes, async (cid, block) => void blocks.set(cid.toString(), block)),
    block: async (cid) => blocks.get(cid),
  }
}

/** A place that keeps its word answers within milliseconds; one that hangs is given up after this. */
const TIMEOUT_MS = 1_500
const text = (value: string) => new TextEncoder().encode(value)
/** Of three blocks. */
const LONG = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31 + (index >> 8) * 7) & 255)
const epoch = (number: number) => number as EpochId
const { signal } = new AbortController()

/** Declares the tests that every place passes. `lies`: what it may do instead of its work, and the code under which it is found out. */
export function describePlace(
  name: string,
  { open, lies }: { readonly open: (source: SourceNode) => Promise<PlaceWorld>; readonly lies: Readonly<Record<string, string>> },
): void {
  describe(name, () => {
    let source: SourceNode
    let world: PlaceWorld
    let store: FakeStore
    const placeOn = (disk: FakeStore): PinPlace => openPlace(world.adapter, { store: disk, blocks: source, timeoutMs: TIMEOUT_MS })
    let place: PinPlace
    beforeEach(async () => {
      source = createSourceNode()
      world = await open(source)
      store = createFakeStore()
      place = placeOn(store)
    })
    afterEach(() => world.close())

    test.each([
      ['of one block', text('{"a":1}')],
      ['of nothing', new Uint8Array(0)],
      ['of several blocks', LONG],
    ])('G3: content %s is there, and again', async (_how, bytes) => {
      const cid = await source.add(bytes)
      await place.pin(cid, epoch(1), signal)
      expect(await world.holds(cid)).toBe(true)
      await place.pin(cid, epoch(1), signal)
      expect(await world.holds(cid)).toBe(true)
    })

    test.each(Object.entries(lies))('G3: one that %s is found out: %s; when it does its work again it has it', async (how, code) => {
      const cid = await source.add(LONG)
      await world.lie(how)
      await expect(place.pin(cid, epoch(1), signal)).rejects.toMatchObject({ code })
      await world.lie()
      await place.pin(cid, epoch(1), signal)
      expect(await world.holds(cid)).toBe(true)
    })

    test('G3: what the node does not have is not brought', async () => {
      const cid = await importContent(text('nowhere'), async () => undefined)
      await expect(place.pin(cid, epoch(1), signal)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
      await expect(place.pin('nonsense' as Cid, epoch(1), signal)).rejects.toMatchObject({ code: 'ID_MALFORMED' })
    })

    test('who has given up is not waited for', async () => {
      const cid = await source.add(text('late'))
      await expect(place.pin(cid, epoch(1), AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    })

    test('content is let go with the newest epoch that needs it, oldest first and no more at once than asked for', async () => {
      const cids: Cid[] = []
      for (const number of [3, 1, 2]) {
        const cid = await source.add(text(`of epoch ${number}`))
        await place.pin(cid, epoch(number), signal)
        cids.push(cid)
      }
      await place.pin(cids[1] as Cid, epoch(4), signal)
      const there = () => Promise.all(cids.map((cid) => world.holds(cid)))
      expect([await place.letGo(epoch(4), 1, signal), await there()]).toEqual([1, [true, true, false]])
      expect([await place.letGo(epoch(4), 9, signal), await there()]).toEqual([1, [false, true, false]])
      expect(await place.letGo(epoch(4), 9, signal)).toBe(0)
    })

    test('G12: what it does not let go is tried again, also after a crash, and what is gone already is fine', async () => {
      const how = Object.keys(lies)[0] as string
      const cid = await source.add(text('stays'))
      await place.pin(cid, epoch(1), signal)
      await world.lie(how)
      await expect(place.letGo(epoch(2), 9, signal)).rejects.toMatchObject({ code: lies[how] })
      await world.lie()
      const again = placeOn(store.crash())
      await world.adapter.remove(parseCid(cid), signal)
      expect([await again.letGo(epoch(2), 9, signal), await world.holds(cid)]).toEqual([1, false])
      expect(await again.letGo(epoch(2), 9, signal)).toBe(0)
    })

    test('G12: what a crash interrupts is noted: it does not stay there for ever', async () => {
      const cid = await source.add(text('interrupted'))
      const stopping = new AbortController()
      const pinning = place.pin(cid, epoch(1), stopping.signal)
      await store.flush()
      const onDisk = store.crash()
      stopping.abort(new Error('killed'))
      await pinning.catch(() => undefined)
      expect(await placeOn(onDisk).letGo(epoch(2), 9, signal)).toBe(1)
      expect(await world.holds(cid)).toBe(false)
    })
  })
}
