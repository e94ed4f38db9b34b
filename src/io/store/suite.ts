import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { byCodeUnit } from '#domain/ids.ts'
import type { Store, StoreWrite } from './port.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value))

/** Whether it is durable, as soon as that is known. */
export function offer(writes: readonly StoreWrite[], store: Store): Promise<boolean> {
  return Promise.race([store.commit(writes).then(() => true), new Promise<boolean>((resolve) => store.onFull(() => resolve(false)))])
}

export interface StoreStage {
  /** An empty one. */
  open(): Promise<Store>
  /** Closes it properly and opens what it left. */
  reopen(store: Store): Promise<Store>
  /** From now on the disk below it takes nothing. */
  breakDisk(store: Store): void
  /** Whether the disk below it has room; until it is said, it has. */
  setRoom?(store: Store, hasRoom: boolean): void
}

const keys = fc.array(fc.constantFrom('a', 'b', '/', '0', '9', '~', ':'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''))
/** So few that most are written more than once. */
const fewKeys = fc.constantFrom('/', 'a', 'a/', 'ab', 'b', 'b/', 'ba', 'c')
const commitsOf = (key: fc.Arbitrary<string>) => {
  const write = fc.record({ key, value: fc.uint8Array({ maxLength: 6 }) }, { requiredKeys: ['key'] }) as fc.Arbitrary<StoreWrite>
  return fc.array(fc.array(write, { maxLength: 5 }), { maxLength: 12 })
}
const RUNS = { numRuns: 30, ...(process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) }) }

function note(writes: readonly StoreWrite[], model: Map<string, Uint8Array>): void {
  for (const { key, value } of writes) value === undefined ? model.delete(key) : model.set(key, value)
}

/** What every store keeps. */
export function storeSuite(name: string, { open, reopen, breakDisk, setRoom }: StoreStage): void {
  describe(`store: ${name}`, () => {
    const opened: Store[] = []
    const fresh = async () => {
      const store = await open()
      opened.push(store)
      return store
    }
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close()
    })

    test('what is committed is read, changed and removed', async () => {
      const store = await fresh()
      expect(store.get('a')).toBeUndefined()
      await store.commit([
        { key: 'a', value: bytes('1') },
        { key: 'b', value: bytes('2') },
      ])
      await store.commit([{ key: 'a', value: bytes('3') }, { key: 'b' }])
      expect([text(store.get('a')), store.get('b')]).toEqual(['3', undefined])
    })

    test('a commit is seen before it is durable, so check and commit are one step', async () => {
      const store = await fresh()
      const pending = store.commit([{ key: 'vote/1', value: bytes('x') }])
      expect(text(store.get('vote/1'))).toBe('x')
      expect(store.scan('vote/').map(({ key }) => key)).toEqual(['vote/1'])
      const removal = store.commit([{ key: 'vote/1' }])
      expect(store.get('vote/1')).toBeUndefined()
      await Promise.all([pending, removal])
      expect(store.scan('')).toEqual([])
    })

    test('the last write of one commit to a key counts', async () => {
      const store = await fresh()
      await store.commit([{ key: 'a', value: bytes('1') }, { key: 'a' }, { key: 'b' }, { key: 'b', value: bytes('2') }])
      expect(store.scan('').map(({ key, value }) => [key, text(value)])).toEqual([['b', '2']])
    })

    test.each([
      ['bytes', bytes],
      ['a Buffer, whose slice is no copy', (text: string) => Buffer.from(text)],
    ])('the caller may reuse its buffers, and may not reach the stored bytes: %s', async (_, made) => {
      const store = await fresh()
      const scratch = made('one')
      const committed = store.commit([{ key: 'a', value: scratch }])
      scratch.fill(0)
      await committed
      store.get('a')?.fill(0)
      store.scan('a')[0]?.value.fill(0)
      expect(text(store.get('a'))).toBe('one')
    })

    test('an empty value is a value', async () => {
      const store = await fresh()
      await store.commit([{ key: 'a', value: new Uint8Array(0) }])
      expect(store.get('a')).toHaveLength(0)
    })

    test('scan keeps to the prefix, the start and the limit', async () => {
      const store = await fresh()
      await store.commit(['a', 'a/1', 'a/2', 'a/3', 'a0', 'b/1', 'A/9', 'a/~'].map((key) => ({ key, value: bytes(key) })))
      const keys = (prefix: string, range?: { after?: string; limit?: number }) => store.scan(prefix, range).map(({ key }) => key)
      expect(keys('a/')).toEqual(['a/1', 'a/2', 'a/3', 'a/~'])
      expect(keys('a/', { after: 'a/1' })).toEqual(['a/2', 'a/3', 'a/~'])
      expect(keys('a/', { after: 'a/1', limit: 1 })).toEqual(['a/2'])
      expect(keys('a/', { after: 'b' })).toEqual([])
      expect(keys('', { limit: 3 })).toEqual(['A/9', 'a', 'a/1'])
      expect(keys('c')).toEqual([])
    })

    test('G1: commits become durable in the order of their calls', async () => {
      const store = await fresh()
      const order: number[] = []
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => store.commit([{ key: `k${index}`, value: bytes('v') }]).then(() => order.push(index))),
      )
      expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index))
    })

    test('G1: flush waits for everything committed', async () => {
      const store = await fresh()
      let isDurable = false
      void store.commit([{ key: 'a', value: bytes('1') }]).then(() => {
        isDurable = true
      })
      await store.flush()
      await store.flush()
      expect(isDurable).toBe(true)
    })

    test('close keeps what was committed; a closed store refuses', async () => {
      const store = await fresh()
      const pending = store.commit([{ key: 'a', value: bytes('1') }])
      const again = await reopen(store)
      opened.push(again)
      await pending
      expect(text(again.get('a'))).toBe('1')
      expect(() => store.get('a')).toThrow('STOPPED')
      await expect(store.commit([])).rejects.toThrow('STOPPED')
    })

    test('a closed store refuses everything, and may be closed again', async () => {
      const store = await fresh()
      await store.close()
      await store.close()
      expect(() => store.get('a')).toThrow('STOPPED')
      expect(() => store.scan('')).toThrow('STOPPED')
      await expect(store.commit([{ key: 'a', value: bytes('1') }])).rejects.toThrow('STOPPED')
      await expect(store.flush()).rejects.toThrow('STOPPED')
    })

    test('G1: a commit that fails is not acknowledged, nor is any that shares its fsync', async () => {
      const store = await fresh()
      await store.commit([{ key: 'before', value: bytes('1') }])
      breakDisk(store)
      const outcomes = await Promise.allSettled([
        store.commit([{ key: 'first', value: bytes('2') }]),
        store.commit([{ key: 'second', value: bytes('3') }]),
        store.flush(),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
      expect(outcomes).toMatchObject(outcomes.map(() => ({ reason: { code: 'STORE_FAILED' } })))
      await expect(store.close()).rejects.toMatchObject({ code: 'STORE_FAILED' })
      const again = await reopen(store)
      opened.push(again)
      expect(again.scan('').map(({ key }) => key)).toEqual(['before'])
    })

    test('G1: a store that failed a commit takes nothing more, and tells nothing that may not be on disk', async () => {
      const store = await fresh()
      await store.commit([{ key: 'before', value: bytes('1') }])
      breakDisk(store)
      await expect(store.commit([{ key: 'a', value: bytes('2') }])).rejects.toMatchObject({ code: 'STORE_FAILED' })
      for (const read of [() => store.get('before'), () => store.get('a'), () => store.scan('')])
        expect(read).toThrow(expect.objectContaining({ code: 'STORE_FAILED' }))
      for (const write of [() => store.commit([{ key: 'b', value: bytes('3') }]), () => store.flush(), () => store.close()])
        await expect(write()).rejects.toMatchObject({ code: 'STORE_FAILED' })
    })

    function fullTests(setRoom: NonNullable<StoreStage['setRoom']>): void {
      /** More than fits into what a full disk has left. */
      const large = (value: string): Uint8Array => bytes(value.padEnd(20_000, '.'))

      /** A store with no room, on which one commit waits already. */
      async function full() {
        const store = await fresh()
        await store.commit(['a', 'b', 'c'].map((key) => ({ key, value: bytes(key) })))
        setRoom(store, false)
        expect(await offer([{ key: 'b', value: large('waits') }], store)).toBe(false)
        return store
      }

      test('G1: what finds no room waits, seen by who reads, with all that come after it, and is durable when there is room', async () => {
        const store = await full()
        const told: string[] = []
        const waiting = [
          store.commit([{ key: 'a' }, { key: 'd', value: large('later') }]).then(() => told.push('commit')),
          store.flush().then(() => told.push('flush')),
        ]
        expect([store.isFull(), text(store.get('b'))?.slice(0, 5), store.get('a'), text(store.get('c'))]).toEqual([
          true,
          'waits',
          undefined,
          'c',
        ])
        expect(store.scan('').map(({ key }) => key)).toEqual(['b', 'c', 'd'])
        for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
        expect([told, store.isFull()]).toEqual([[], true])
        setRoom(store, true)
        await Promise.all(waiting)
        expect([told, store.isFull()]).toEqual([['commit', 'flush'], false])
        const again = await reopen(store)
        opened.push(again)
        expect(again.scan('').map(({ key, value }) => [key, text(value)?.slice(0, 5)])).toEqual([
          ['b', 'waits'],
          ['c', 'c'],
          ['d', 'later'],
        ])
      })

      test('G1: that there is no room is told at once, of every commit of the turn, to whoever asked for it and did not take that back', async () => {
        const store = await fresh()
        expect(await offer([{ key: 'a', value: bytes('1') }], store)).toBe(true)
        setRoom(store, false)
        let unwanted = 0
        store.onFull(() => {
          unwanted += 1
        })()
        // Of a turn in which another finds no room, and nothing at all.
        expect(
          await Promise.all([offer([{ key: 'b', value: large('2') }], store), offer([{ key: 'c', value: bytes('3') }], store)]),
        ).toEqual([false, false])
        expect(await offer([], store)).toBe(false)
        setRoom(store, true)
        await store.flush()
        expect([await offer([], store), store.scan('').length, unwanted]).toEqual([true, 3, 0])
      })

      test('G1: what waits for room when the store is closed was never durable', async () => {
        const store = await full()
        const again = await reopen(store).catch(() => reopen(store))
        opened.push(again)
        expect(again.scan('').map(({ key, value }) => [key, text(value)])).toEqual(['a', 'b', 'c'].map((key) => [key, key]))
      })

      test('G1: a full one behaves as a sorted map under any commits, in pages of any length, and is that map when it has room', async () => {
        const page = fc.record({
          prefix: fc.oneof(fc.constant(''), fewKeys),
          after: fc.oneof(fc.constant(''), fewKeys),
          limit: fc.nat({ max: 6 }),
        })
        await fc.assert(
          fc.asyncProperty(commitsOf(fewKeys), commitsOf(fewKeys), fc.array(page, { maxLength: 8 }), async (before, meanwhile, pages) => {
            const store = await fresh()
            const model = new Map<string, Uint8Array>()
            for (const group of before) {
              void store.commit(group)
              note(group, model)
            }
            await store.flush()
            setRoom(store, false)
            const blocking = [{ key: 'b', value: large('waits') }]
            expect(await offer(blocking, store)).toBe(false)
            note(blocking, model)
            for (const group of meanwhile) {
              void store.commit(group)
              note(group, model)
            }
            const listed = ({ prefix, after }: { prefix: string; after: string }) =>
              [...model].filter(([key]) => key.startsWith(prefix) && key > after).sort(([left], [right]) => byCodeUnit(left, right))
            const found = (entries: readonly { key: string; value: Uint8Array }[]) =>
              entries.map(({ key, value }) => [key, Buffer.from(value).toString('base64')])
            const expected = (entries: readonly [string, Uint8Array][]) => found(entries.map(([key, value]) => ({ key, value })))
            for (const each of pages) expect(found(store.scan(each.prefix, each))).toEqual(expected(listed(each).slice(0, each.limit)))
            for (const [key, value] of model) expect(store.get(key)).toEqual(value)
            setRoom(store, true)
            await store.flush()
            expect(found(store.scan(''))).toEqual(expected(listed({ prefix: '', after: '' })))
            await store.close()
            opened.pop()
          }),
          RUNS,
        )
      })

      test('a full one is read in pages as any other', async () => {
        const store = await full()
        void store.commit([{ key: 'a' }, { key: 'bb', value: bytes('1') }, { key: 'd', value: bytes('2') }])
        const keysIn = (prefix: string, range?: { after?: string; limit?: number }) => store.scan(prefix, range).map(({ key }) => key)
        expect([
          keysIn('', { limit: 2 }),
          keysIn('', { after: 'bb', limit: 2 }),
          keysIn('b', { after: 'b' }),
          keysIn('b', { limit: 1 }),
        ]).toEqual([['b', 'bb'], ['c', 'd'], ['bb'], ['b']])
        store.scan('d')[0]?.value.fill(0)
        store.get('d')?.fill(0)
        expect(text(store.get('d'))).toBe('2')
        setRoom(store, true)
        await store.flush()
      })
    }

    // One that lies elsewhere has no disk of its own.
    if (setRoom !== undefined) fullTests(setRoom)

    test('behaves as a sorted map under any commits', async () => {
      await fc.assert(
        fc.asyncProperty(commitsOf(keys), keys, async (groups, prefix) => {
          const store = await fresh()
          const model = new Map<string, Uint8Array>()
          for (const group of groups) {
            void store.commit(group)
            note(group, model)
          }
          const expected = [...model].filter(([entry]) => entry.startsWith(prefix)).sort(([left], [right]) => byCodeUnit(left, right))
          expect(store.scan(prefix).map((entry) => [entry.key, Array.from(entry.value)])).toEqual(
            expected.map(([entry, value]) => [entry, Array.from(value)]),
          )
          await store.flush()
          expect(store.scan('')).toHaveLength(model.size)
          await store.close()
          opened.pop()
        }),
        RUNS,
      )
    })
  })
}
