import { afterEach, describe, expect, test } from 'vitest'
import type { Address, SubmissionId } from '#domain/ids.ts'
import type { Inbound } from '#io/intake/port.ts'
import { SUBMISSION_BYTES_MAX } from '#wire/submission-proto.ts'
import type { Log, Passed, Shared } from './port.ts'

/** Of what waits for a box: three of the longest deliveries, and some of the next. */
export const WAITING_BYTES_MAX = 3 * (SUBMISSION_BYTES_MAX + 1_024)

export interface LogStage {
  /** Of servers that nobody has used and where no more than `WAITING_BYTES_MAX` waits, a connection for each process. */
  open(): Promise<(holder: string) => Promise<Shared>>
  /** Time passes, until this resolves. */
  until<Value>(work: Promise<Value>): Promise<Value>
  /** The process is gone without a word: its leases run out. */
  crash(shared: Shared): Promise<void>
  /** Longer than a lease lasts. */
  leaseOver(): Promise<void>
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (value: Uint8Array): string => new TextDecoder().decode(value)
const signer = `0x${'5a'.repeat(20)}` as Address
const uuid = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
const LONGEST = 'x'.repeat(SUBMISSION_BYTES_MAX)
const passed = (id: number, text = String(id)): Passed => ({
  id,
  peer: `peer-${id}`,
  protocol: id % 2 === 0 ? 'weft' : 'collect',
  submissionId: uuid(id),
  payload: bytes(text),
  signer,
})

/** What every engine keeps that lies between the processes of a sequencer. */
export function logSuite(name: string, stage: LogStage): void {
  describe(`log: ${name}`, () => {
    const open = new Set<Shared>()
    const stopping: AbortController[] = []
    const connected = async () => {
      const connect = await stage.open()
      return async (holder: string) => {
        const shared = await connect(holder)
        open.add(shared)
        return shared
      }
    }
    const signal = (): AbortSignal => {
      const controller = new AbortController()
      stopping.push(controller)
      return controller.signal
    }
    afterEach(async () => {
      for (const controller of stopping.splice(0)) controller.abort(new Error('test is over'))
      for (const shared of open) await shared.stop()
      open.clear()
    })

    async function read(log: Log, after: number, count: number): Promise<string[]> {
      const enough = new AbortController()
      const found: string[] = []
      for await (const entry of log.read(after, enough.signal)) {
        found.push(`${entry.position} ${textOf(entry.bytes)}`)
        if (found.length === count) enough.abort()
      }
      return found
    }

    test('entries stand behind one another and are read from any position, those that come later too', async () => {
      const connect = await connected()
      const [writer, reader] = [await connect('writer'), await connect('reader')]
      const log = await writer.log(0)
      expect(await log.end()).toBe(0)
      expect(await log.append(bytes('a'), 0)).toBe(1)
      expect(await log.append(bytes('b'), 1)).toBe(2)
      const all = read(await reader.log(0), 0, 3)
      const last = read(await reader.log(0), 2, 1)
      expect(await log.append(bytes('c'), 2)).toBe(3)
      expect(await stage.until(all)).toEqual(['1 a', '2 b', '3 c'])
      expect(await stage.until(last)).toEqual(['3 c'])
      expect(await (await reader.log(0)).end()).toBe(3)
      expect(await (await reader.log(1)).end(), 'another partition').toBe(0)
    })

    test('S28: who appends behind anything but the last entry is refused, and nothing of it is written', async () => {
      const connect = await connected()
      const [before, now] = [await (await connect('before')).log(0), await (await connect('now')).log(0)]
      expect(await before.append(bytes('a'), 0)).toBe(1)
      expect(await now.append(bytes('b'), 1)).toBe(2)
      await expect(before.append(bytes('late'), 1)).rejects.toMatchObject({ code: 'LOG_MOVED' })
      await expect(before.append(bytes('early'), 3)).rejects.toMatchObject({ code: 'LOG_MOVED' })
      expect(await now.append(bytes('c'), 2)).toBe(3)
      expect(await stage.until(read(now, 0, 3))).toEqual(['1 a', '2 b', '3 c'])
    })

    test('an entry may have as many bytes as it says', async () => {
      const connect = await connected()
      const log = await (await connect('writer')).log(0)
      const entry = new Uint8Array(log.entryBytesMax()).fill(7)
      expect(await stage.until(log.append(entry, 0))).toBe(1)
      const enough = new AbortController()
      for await (const read of log.read(0, enough.signal)) {
        expect(read.bytes).toEqual(entry)
        enough.abort()
      }
    })

    test('what is forgotten is read no more, and positions go on', async () => {
      const connect = await connected()
      const log = await (await connect('writer')).log(0)
      for (const [index, text] of ['a', 'b', 'c'].entries()) await log.append(bytes(text), index)
      await log.forget(2)
      expect(await stage.until(read(log, 0, 1))).toEqual(['3 c'])
      await log.forget(3)
      expect(await log.end()).toBe(3)
      expect(await log.append(bytes('d'), 3)).toBe(4)
      expect(await stage.until(read(log, 1, 1))).toEqual(['4 d'])
    })

    test('a lease is one process’s at a time: let go of it is the next one’s at once, with a higher token', async () => {
      const connect = await connected()
      const [one, other] = [await connect('one'), await connect('other')]
      const lease = await stage.until(one.lease(['seal'], signal()))
      expect(lease).toMatchObject({ name: 'seal' })
      expect(await lease.confirm()).toBe(true)
      let isTaken = false
      const waiting = other.lease(['seal'], signal()).then((taken) => {
        isTaken = true
        return taken
      })
      await stage.leaseOver()
      expect(isTaken).toBe(false)
      expect([lease.lost.aborted, await lease.confirm()]).toEqual([false, true])
      await lease.release()
      const next = await stage.until(waiting)
      expect(next.token).toBeGreaterThan(lease.token)
      expect([await lease.confirm(), await next.confirm()]).toEqual([false, true])
    })

    test('of several the first that is free is had', async () => {
      const connect = await connected()
      const names = ['box-0', 'box-1']
      const first = await stage.until((await connect('one')).lease(names, signal()))
      const second = await stage.until((await connect('other')).lease(names, signal()))
      expect([first.name, second.name]).toEqual(names)
    })

    test('S28: the lease of a process that is gone is another’s, and at once its own again after a restart', async () => {
      const connect = await connected()
      const gone = await connect('gone')
      const lease = await stage.until(gone.lease(['seal'], signal()))
      open.delete(gone)
      await stage.crash(gone)
      const again = await connect('gone')
      const own = await stage.until(again.lease(['seal'], signal()))
      expect(own.token).toBeGreaterThan(lease.token)
      open.delete(again)
      await stage.crash(again)
      const taken = await stage.until((await connect('other')).lease(['seal'], signal()))
      expect(taken.token).toBeGreaterThan(own.token)
      expect(await taken.confirm()).toBe(true)
    })

    test('a wait for a lease ends with its signal', async () => {
      const connect = await connected()
      await stage.until((await connect('one')).lease(['seal'], signal()))
      const tired = new AbortController()
      const waiting = (await connect('other')).lease(['seal'], tired.signal)
      tired.abort(new Error('enough'))
      await expect(stage.until(waiting)).rejects.toThrow('enough')
    })

    test('what is passed on comes to the partition’s box with its signer, and its answer to whoever passed it on', async () => {
      const connect = await connected()
      const [listener, another, box] = [await connect('listener'), await connect('another'), await connect('box')]
      const seen: Inbound[] = []
      const serve = async () => {
        for await (const group of box.passed(1).inbound(signal()))
          for (const one of group) {
            seen.push(one)
            const receipt = { submissionId: one.submissionId as SubmissionId, code: 'accepted', reason: textOf(one.payload) } as const
            one.respond(one.protocol === 'weft' ? { ...receipt, proof } : receipt)
          }
      }
      void serve()
      const proof = { anchorBlock: 7 as never, index: 1, siblings: new Uint8Array(64).fill(3), signature: 'ab'.repeat(65) }
      const answersOf = async (shared: Shared, count: number) => {
        const enough = new AbortController()
        const found: unknown[] = []
        for await (const group of shared.answers(enough.signal)) {
          found.push(...group.map(({ id, receipt }) => ({ id, ...receipt })))
          if (found.length >= count) enough.abort()
        }
        return found
      }
      const [heard, heardByOther] = [answersOf(listener, 2), answersOf(another, 1)]
      await stage.until(box.log(1))
      listener.pass(1, [passed(1), passed(2)])
      listener.pass(0, [passed(3)])
      another.pass(1, [passed(1, 'of another')])
      expect(await stage.until(heard)).toEqual([
        { id: 1, submissionId: uuid(1), code: 'accepted', reason: '1' },
        { id: 2, submissionId: uuid(2), code: 'accepted', reason: '2', proof },
      ])
      expect(await stage.until(heardByOther)).toEqual([{ id: 1, submissionId: uuid(1), code: 'accepted', reason: 'of another' }])
      const { id: _, ...first } = passed(1)
      // Of two listeners either may be heard first.
      expect(seen.find(({ payload }) => textOf(payload) === '1')).toMatchObject(first)
    })

    test('what is passed on again is known again, and not taken for what another listener passes on', async () => {
      const connect = await connected()
      const [listener, another, box] = [await connect('listener'), await connect('another'), await connect('box')]
      const inbound = box.passed(1).inbound(signal())
      await stage.until(box.log(1))
      listener.pass(1, [passed(1), passed(2)])
      listener.pass(1, [passed(1)])
      another.pass(1, [passed(1)])
      const names: (string | undefined)[] = []
      const waits = (async () => {
        for await (const group of another.answers(signal())) return group
        return []
      })()
      const reading = (async () => {
        for await (const group of inbound) {
          names.push(...group.map((one) => one.passed?.as))
          for (const one of group) one.passed?.waits()
          if (names.length >= 4) return
        }
      })()
      await stage.until(reading)
      const counts = [...Map.groupBy(names, (name) => name).values()].map((group) => group.length)
      expect([names.includes(undefined), counts.sort()]).toEqual([false, [1, 1, 2]])
      expect(await stage.until(waits), 'that it waits at the box').toEqual([{ id: 1 }])
    })

    test('what is passed on in one go comes, whatever its length', async () => {
      const connect = await connected()
      const [listener, box] = [await connect('listener'), await connect('box')]
      const inbound = box.passed(1).inbound(signal())
      await stage.until(box.log(1))
      listener.pass(1, [passed(1, LONGEST), passed(2), passed(3, LONGEST)])
      expect(await idsOf(inbound, 3)).toEqual([uuid(1), uuid(2), uuid(3)])
    })

    test('G7: of what nobody takes so many bytes wait and no more; what comes when they are taken is taken', async () => {
      const connect = await connected()
      const [listener, box] = [await connect('listener'), await connect('box')]
      const inbound = box.passed(1).inbound(signal())
      await stage.until(box.log(1))
      for (const id of [1, 2, 3, 4, 5, 6, 7]) listener.pass(1, [passed(id, LONGEST)])
      // What these ask comes behind all that was passed on.
      for (const shared of [listener, box]) await stage.until(shared.log(1))
      await new Promise(setImmediate)
      expect(await idsOf(inbound, 4)).toEqual([1, 2, 3, 4].map(uuid))
      listener.pass(1, [passed(8)])
      expect(await idsOf(inbound, 1)).toEqual([uuid(8)])
    })

    /** Takes until it has so many. */
    async function idsOf(inbound: AsyncIterable<readonly Inbound[]>, count: number): Promise<string[]> {
      const iterator = inbound[Symbol.asyncIterator]()
      const ids: string[] = []
      while (ids.length < count) {
        const { value } = (await stage.until(iterator.next())) as IteratorYieldResult<readonly Inbound[]>
        ids.push(...value.map(({ submissionId }) => submissionId))
      }
      return ids
    }
  })
}
