import { afterEach, describe, expect, test } from 'vitest'
import { parseBlockNumber, parseEpochId, parseSlotId, type Cid, type ProjectId, type SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import type { InboxLimits, RefusalCounts } from './inbox.ts'
import type { Relay, Rendezvous, SubmissionDialer } from './port.ts'

type Stoppable = { stop(): Promise<void> }
type Host = SubmissionListener & Stoppable & { readonly peerId: string; addresses(): readonly string[]; counts(): RefusalCounts }

/** What a test needs of a network, real or not. */
export interface P2pFactory {
  createSubmissionHost(options: {
    readonly identity: Uint8Array
    readonly listen?: readonly string[]
    readonly relays?: readonly string[]
    readonly point?: string
    readonly limits?: Partial<InboxLimits>
  }): Promise<Host>
  createRelay(options: {
    readonly identity: Uint8Array
    readonly listen?: readonly string[]
    readonly limits?: { readonly reservationsMax?: number }
    readonly isRendezvous?: boolean
  }): Promise<Relay & Stoppable>
  createSubmissionDialer(options: {
    readonly identity: Uint8Array
  }): Promise<SubmissionDialer & Rendezvous & Stoppable & { readonly peerId: string }>
}

export const identity = (seed: number): Uint8Array => new Uint8Array(32).fill(seed)
export const idOf = (index: number): string => `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`
export const isRelayed = (address: string): boolean => address.includes('/p2p-circuit')
const payload = Uint8Array.of(1, 2, 3)

export const submission: Submission = {
  request: {
    slotId: parseSlotId(1),
    deadlineBlock: parseBlockNumber(500),
    snapshotCid: 'bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy' as Cid,
    epochId: parseEpochId(3),
    projectId: 'p:N' as ProjectId,
  },
  signature: 'ab'.repeat(65),
  header: `0x${'0e'.repeat(32)}`,
  dataMarket: '',
  nodeVersion: 'v0.0.0',
  protocolState: '',
}

/** Answers every delivery with what `codeOf` says; `undefined` answers nothing. Returns what came. */
export function answer(host: SubmissionListener, codeOf: (inbound: Inbound) => ReceiptCode | undefined, signal: AbortSignal): Inbound[] {
  const seen: Inbound[] = []
  const run = async () => {
    for await (const batch of host.inbound(signal)) {
      for (const inbound of batch) {
        seen.push(inbound)
        const code = codeOf(inbound)
        if (code !== undefined) inbound.respond({ submissionId: inbound.submissionId as SubmissionId, code, reason: '' })
      }
    }
  }
  void run()
  return seen
}

/** Declares what every network does, fake or real. */
export function p2pSuite(name: string, createFactory: () => P2pFactory): void {
  describe(name, () => {
    const started: Stoppable[] = []
    let stopping = new AbortController()
    let factory = createFactory()

    function keep<Thing extends Stoppable>(thing: Thing): Thing {
      started.push(thing)
      return thing
    }
    const host = async (options: Partial<Parameters<P2pFactory['createSubmissionHost']>[0]> = {}) =>
      keep(await factory.createSubmissionHost({ identity: identity(1), ...options }))
    const dialer = async () => keep(await factory.createSubmissionDialer({ identity: identity(2) }))
    const relay = async (options: Partial<Parameters<P2pFactory['createRelay']>[0]> = {}) =>
      keep(await factory.createRelay({ identity: identity(3), ...options }))
    const direct = (of: Host): string => of.addresses().find((address) => !isRelayed(address)) as string
    async function relayed(of: Host): Promise<string> {
      await expect.poll(() => of.addresses().some(isRelayed), { timeout: 15_000 }).toBe(true)
      return of.addresses().find(isRelayed) as string
    }

    afterEach(async () => {
      stopping.abort()
      for (const thing of started.splice(0).reverse()) await thing.stop()
      stopping = new AbortController()
      factory = createFactory()
    })

    test('a delivery arrives as it was sent, and its receipt comes back', async () => {
      const receiver = await host()
      const seen = answer(receiver, () => 'accepted', stopping.signal)
      const sender = await dialer()
      const link = await sender.dial(direct(receiver), stopping.signal)
      expect(await link.send({ submissionId: idOf(1), payload })).toEqual({ submissionId: idOf(1), code: 'accepted', reason: '' })
      expect(seen).toMatchObject([{ peer: sender.peerId, protocol: 'weft', submissionId: idOf(1), payload }])
      await link.close()
      await link.ended
    })

    test('a thousand deliveries in flight each get their own receipt, and arrive in order', async () => {
      const receiver = await host()
      const seen = answer(receiver, ({ submissionId }) => (submissionId.endsWith('0') ? 'window_closed' : 'accepted'), stopping.signal)
      const link = await (await dialer()).dial(direct(receiver), stopping.signal)
      const ids = Array.from({ length: 1_000 }, (_, index) => idOf(index))
      const receipts = await Promise.all(ids.map((submissionId) => link.send({ submissionId, payload })))
      const told = receipts.map((receipt) => receipt !== 'unacknowledged' && [receipt.submissionId, receipt.code])
      expect(told).toEqual(ids.map((submissionId) => [submissionId, submissionId.endsWith('0') ? 'window_closed' : 'accepted']))
      expect(seen.map(({ submissionId }) => submissionId)).toEqual(ids)
    })

    test('receipts may come in another order', async () => {
      const receiver = await host()
      const seen = answer(receiver, () => undefined, stopping.signal)
      const link = await (await dialer()).dial(direct(receiver), stopping.signal)
      const first = link.send({ submissionId: idOf(1), payload })
      const second = link.send({ submissionId: idOf(2), payload })
      await expect.poll(() => seen.length).toBe(2)
      for (const inbound of [...seen].reverse())
        inbound.respond({ submissionId: inbound.submissionId as SubmissionId, code: 'accepted', reason: '' })
      expect(await Promise.all([first, second])).toMatchObject([{ submissionId: idOf(1) }, { submissionId: idOf(2) }])
    })

    test('when the peer stops, what has no receipt is told, and the link ends', async () => {
      const receiver = await host()
      const seen = answer(receiver, () => undefined, stopping.signal)
      const link = await (await dialer()).dial(direct(receiver), stopping.signal)
      const sent = link.send({ submissionId: idOf(1), payload })
      const outcome = expect(sent).rejects.toMatchObject({ code: 'LINK_FAILED' })
      await expect.poll(() => seen.length).toBe(1)
      await receiver.stop()
      await outcome
      await link.ended
      await expect(link.send({ submissionId: idOf(2), payload })).rejects.toMatchObject({ code: 'LINK_FAILED' })
    })

    test('where nobody answers the dial fails, and so does an address that is none', async () => {
      const receiver = await host()
      const address = direct(receiver)
      await receiver.stop()
      const sender = await dialer()
      await expect(sender.dial(address, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
      await expect(sender.dial('nonsense', stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
    })

    test('G7: what does not fit in the inbox waits until it does and is refused nothing; what comes too fast for a bucket that stays empty is rate_limited', async () => {
      const sender = await dialer()
      const small = await host({ limits: { lengthMax: 2 } })
      const full = await sender.dial(direct(small), stopping.signal)
      const ids = Array.from({ length: 300 }, (_, index) => idOf(index))
      const sent = ids.map((submissionId) => full.send({ submissionId, payload }))
      const steps: number[] = []
      const seen: string[] = []
      void (async () => {
        for await (const batch of small.inbound(stopping.signal)) {
          steps.push(batch.length)
          for (const { submissionId, respond } of batch) {
            seen.push(submissionId)
            respond({ submissionId: submissionId as SubmissionId, code: 'accepted', reason: '' })
          }
        }
      })()
      expect((await Promise.all(sent)).map((receipt) => receipt !== 'unacknowledged' && receipt.code)).toEqual(ids.map(() => 'accepted'))
      expect(seen).toEqual(ids)
      expect(Math.max(...steps)).toBeLessThanOrEqual(2)
      expect(small.counts()).toEqual({})

      const slow = await host({ identity: identity(4), limits: { tokensMax: 3, tokensPerSecond: 0 } })
      answer(slow, () => 'accepted', stopping.signal)
      const fast = await sender.dial(direct(slow), stopping.signal)
      const large = new Uint8Array(1_024)
      const receipts = await Promise.all([1, 2].map((index) => fast.send({ submissionId: idOf(index), payload: large })))
      expect(receipts).toMatchObject([{ code: 'accepted' }, { code: 'rate_limited' }])
    })

    test('inbound ends when its signal aborts', async () => {
      const receiver = await host()
      const leaving = new AbortController()
      const reading = (async () => {
        const batches = await Array.fromAsync(receiver.inbound(leaving.signal))
        return batches.length
      })()
      leaving.abort()
      expect(await reading).toBe(0)
    })

    test('through a relay it works as directly; the relay counts its circuits', async () => {
      const middle = await relay()
      const receiver = await host({ relays: [...middle.addresses()] })
      answer(receiver, () => 'accepted', stopping.signal)
      const address = await relayed(receiver)
      const link = await (await dialer()).dial(address, stopping.signal)
      expect(await link.send({ submissionId: idOf(1), payload })).toMatchObject({ code: 'accepted' })
      expect(middle.stats()).toMatchObject({ reservations: 1, circuits: 1, refusedReservations: 0 })
      await link.close()
      await expect.poll(() => middle.stats().circuits).toBe(0)
    })

    test('a relay that is down does not keep the host from starting, and is used when it comes', async () => {
      const before = await relay()
      const [address] = before.addresses() as [string]
      await before.stop()
      const receiver = await host({ relays: [address] })
      expect(receiver.addresses().some(isRelayed)).toBe(false)
      await relay({ listen: [address.slice(0, address.indexOf('/p2p/'))] })
      const link = await (await dialer()).dial(await relayed(receiver), stopping.signal)
      answer(receiver, () => 'accepted', stopping.signal)
      expect(await link.send({ submissionId: idOf(1), payload })).toMatchObject({ code: 'accepted' })
    })

    test('R4: a relay that restarts has the address it had, is reserved again, and the links through it end with it', async () => {
      const before = await relay()
      const [address] = before.addresses() as [string]
      const receiver = await host({ relays: [address] })
      answer(receiver, () => 'accepted', stopping.signal)
      const sender = await dialer()
      const link = await sender.dial(await relayed(receiver), stopping.signal)
      await before.stop()
      await link.ended
      await expect.poll(() => receiver.addresses().some(isRelayed)).toBe(false)
      await relay({ listen: [address.slice(0, address.indexOf('/p2p/'))] })
      const again = await sender.dial(await relayed(receiver), stopping.signal)
      expect(await again.send({ submissionId: idOf(2), payload })).toMatchObject({ code: 'accepted' })
    })

    test('R2: a relay refuses reservations above its limit', async () => {
      const middle = await relay({ limits: { reservationsMax: 1 } })
      const first = await host({ relays: [...middle.addresses()] })
      await relayed(first)
      const second = await host({ identity: identity(4), relays: [...middle.addresses()] })
      await expect.poll(() => middle.stats().refusedReservations).toBeGreaterThan(0)
      expect(second.addresses().some(isRelayed)).toBe(false)
      expect(middle.stats().reservations).toBe(1)
    })

    test('R2, R3: who was refused by a full relay gets the place when its holder goes, and not before', async () => {
      const middle = await relay({ limits: { reservationsMax: 1 } })
      const first = await host({ relays: [...middle.addresses()] })
      await relayed(first)
      const second = await host({ identity: identity(4), relays: [...middle.addresses()] })
      await expect.poll(() => middle.stats().refusedReservations, { timeout: 10_000 }).toBeGreaterThan(0)
      expect([first, second].map((one) => one.addresses().some(isRelayed))).toEqual([true, false])
      await first.stop()
      await relayed(second)
      expect(middle.stats().reservations).toBe(1)
    })

    test('a host is reached through each of several relays', async () => {
      const middles = [await relay(), await relay({ identity: identity(5) })]
      const receiver = await host({ relays: middles.flatMap((middle) => middle.addresses()) })
      answer(receiver, () => 'accepted', stopping.signal)
      await expect.poll(() => receiver.addresses().filter(isRelayed).length, { timeout: 15_000 }).toBe(2)
      const sender = await dialer()
      for (const [index, address] of receiver.addresses().filter(isRelayed).entries()) {
        const link = await sender.dial(address, stopping.signal)
        expect(await link.send({ submissionId: idOf(index), payload })).toMatchObject({ code: 'accepted' })
      }
      expect(middles.map((middle) => middle.stats().circuits)).toEqual([1, 1])
    })

    test('R7: a relay that drains tells who has a circuit and takes nobody new, waits for them, and what they have sent arrives', async () => {
      const middle = await relay()
      const receiver = await host({ relays: [...middle.addresses()] })
      answer(receiver, () => 'accepted', stopping.signal)
      const address = await relayed(receiver)
      const sender = await dialer()
      const link = await sender.dial(address, stopping.signal)
      let isDrained = false
      const draining = middle.drain(20_000).then(() => {
        isDrained = true
      })
      await link.leaving
      expect(await link.send({ submissionId: idOf(1), payload })).toMatchObject({ code: 'accepted' })
      await expect(sender.dial(address, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
      expect([isDrained, middle.stats().circuits]).toEqual([false, 1])
      await link.close()
      await draining
      expect(middle.stats().circuits).toBe(0)
    })

    test('R7: and waits for nobody any longer than it is told to', async () => {
      const middle = await relay()
      const receiver = await host({ relays: [...middle.addresses()] })
      const link = await (await dialer()).dial(await relayed(receiver), stopping.signal)
      await middle.drain(1)
      await link.leaving
      expect(middle.stats().circuits).toBe(1)
    })

    test('R8: who registers is found under the name, at the place, with every address that it has; after a restart of the place again', async () => {
      const before = await relay({ isRendezvous: true })
      const [place] = before.addresses() as [string]
      const receiver = await host({ relays: [place], point: 'market' })
      await relayed(receiver)
      const sender = await dialer()
      const found = async (name: string) =>
        (await sender.discover(place, name, stopping.signal)).map(({ peerId, addresses }) => ({ peerId, addresses }))
      const all = [{ peerId: receiver.peerId, addresses: receiver.addresses() }]
      await expect.poll(() => found('market'), { timeout: 15_000, interval: 300 }).toEqual(all)
      expect(await found('another market')).toEqual([])
      await before.stop()
      await expect(found('market')).rejects.toMatchObject({ code: 'LINK_FAILED' })
      await relay({ isRendezvous: true, listen: [place.slice(0, place.indexOf('/p2p/'))] })
      await expect.poll(() => found('market'), { timeout: 15_000, interval: 300 }).toEqual(all)
    })

    test('R8: a relay that was not told to is no such place', async () => {
      const [place] = (await relay()).addresses() as [string]
      await expect((await dialer()).discover(place, 'market', stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
    })

    test('two links to one host live and die apart', async () => {
      const receiver = await host()
      answer(receiver, () => 'accepted', stopping.signal)
      const sender = await dialer()
      const first = await sender.dial(direct(receiver), stopping.signal)
      const second = await sender.dial(direct(receiver), stopping.signal)
      await first.close()
      await first.ended
      expect(await second.send({ submissionId: idOf(1), payload })).toMatchObject({ code: 'accepted' })
      await expect(first.send({ submissionId: idOf(2), payload })).rejects.toMatchObject({ code: 'LINK_FAILED' })
    })

    test('the same id while it waits is one delivery', async () => {
      const receiver = await host()
      const seen = answer(receiver, () => undefined, stopping.signal)
      const link = await (await dialer()).dial(direct(receiver), stopping.signal)
      const sent = [link.send({ submissionId: idOf(1), payload }), link.send({ submissionId: idOf(1), payload })]
      await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(1)
      for (const { submissionId, respond } of seen) respond({ submissionId: submissionId as SubmissionId, code: 'duplicate', reason: '' })
      expect(await Promise.all(sent)).toMatchObject([{ code: 'duplicate' }, { code: 'duplicate' }])
      expect(seen).toHaveLength(1)
    })

    test('a link that is closed here tells what waits, and a receipt that comes too late disturbs nobody', async () => {
      const receiver = await host()
      const seen = answer(receiver, () => undefined, stopping.signal)
      const link = await (await dialer()).dial(direct(receiver), stopping.signal)
      const outcome = expect(link.send({ submissionId: idOf(1), payload })).rejects.toMatchObject({ code: 'LINK_FAILED' })
      await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(1)
      await link.close()
      await outcome
      for (const { submissionId, respond } of seen) respond({ submissionId: submissionId as SubmissionId, code: 'accepted', reason: '' })
    })

    test('a dial that is given up before it begins fails', async () => {
      const receiver = await host()
      await expect((await dialer()).dial(direct(receiver), AbortSignal.abort())).rejects.toMatchObject({ code: 'LINK_FAILED' })
    })

    test('a dialer that stops ends its links; a host that stops ends its inbound', async () => {
      const receiver = await host()
      const reading = Array.fromAsync(receiver.inbound(stopping.signal))
      const sender = await dialer()
      const link = await sender.dial(direct(receiver), stopping.signal)
      await sender.stop()
      await link.ended
      await receiver.stop()
      expect(await reading).toEqual([])
    })
  })
}
