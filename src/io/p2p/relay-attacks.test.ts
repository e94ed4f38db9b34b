import { connect, type Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayTransport, RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { describe, expect, test } from 'vitest'
import { ADMIT_PROTOCOL } from '#wire/admit-frame.ts'
import type { Claimant } from './admission.ts'
import { createSubmissionDialer } from './dialer.ts'
import { createSubmissionHost } from './host.ts'
import type { Judge } from './port.ts'
import { createRelay, type RelayOptions } from './relay.ts'
import { answer, identity, idOf, isRelayed } from './suite.ts'
import { running } from './running.test-world.ts'

const RESERVE = Uint8Array.of(2, 0x08, 0)
const OK = 100
const PERMISSION_DENIED = 202

/** Slot 1 signs with ones, slot 2 with twos, the sequencer, for slot 0, with zeros; anybody can, as anybody can make a key, so what counts is which slot there is. */
const signatureOf = (slotId: number): string => `${slotId}${slotId}`.repeat(65)
const claimantOf =
  (slotId: number): Claimant =>
  async () => ({ slotId, signature: signatureOf(slotId) })
const judge: Judge = ({ slotId, signature }) => {
  if (slotId > 2) return 'slot_unknown'
  return signature === signatureOf(slotId) ? { by: `slot ${slotId}`, isSequencer: slotId === 0 } : 'signer_mismatch'
}

describe('a relay under attack', () => {
  const { keep, stopping } = running()
  const relay = async (options: Partial<RelayOptions> = {}) => keep(await createRelay({ identity: identity(3), ...options }))
  /** An identity costs nothing. */
  const freePeer = async () =>
    keep(
      await createLibp2p({
        transports: [tcp(), circuitRelayTransport()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        services: { identify: identify() },
      }),
    )
  async function reserve(from: Awaited<ReturnType<typeof freePeer>>, address: string): Promise<number> {
    const stream = await from.dialProtocol(multiaddr(address), RELAY_V2_HOP_CODEC)
    const told = new Promise<Uint8Array>((resolve) => {
      stream.addEventListener('message', (event) => resolve(event.data.subarray()), { once: true })
    })
    stream.send(RESERVE)
    const bytes = await told
    const [low = 0, high = 0] = bytes.at(-1) === 1 ? bytes.subarray(-2) : [bytes.at(-1) as number]
    return (low & 0x7f) | (high << 7)
  }
  async function reachable(address: string, { claimant, seed = 1 }: { readonly claimant?: Claimant; readonly seed?: number } = {}) {
    const host = keep(await createSubmissionHost({ identity: identity(seed), relays: [address], claimant }))
    answer(host, () => 'accepted', stopping.signal)
    await expect.poll(() => host.addresses().some(isRelayed), { timeout: 15_000 }).toBe(true)
    return host.addresses().find(isRelayed) as string
  }
  async function isServed(address: string, claimant?: Claimant): Promise<boolean> {
    const dialer = keep(await createSubmissionDialer({ identity: identity(7), claimant }))
    const link = await dialer.dial(address, stopping.signal)
    const receipt = await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })
    return receipt !== 'unacknowledged' && receipt.code === 'accepted'
  }

  test('R6: free identities get neither a place nor a circuit where slots are asked for; those that slots speak for get both', async () => {
    const middle = await relay({ judge, limits: { reservationsMax: 2 } })
    const [address] = middle.addresses() as [string]
    const flood = await Promise.all(Array.from({ length: 12 }, freePeer))
    expect(new Set(await Promise.all(flood.map((peer) => reserve(peer, address))))).toEqual(new Set([PERMISSION_DENIED]))
    const reached = await reachable(address, { claimant: claimantOf(1) })
    expect(await isServed(reached, claimantOf(2))).toBe(true)
    for (const bad of [undefined, claimantOf(3), async (): ReturnType<Claimant> => ({ slotId: 1, signature: signatureOf(2) })]) {
      const dialer = keep(await createSubmissionDialer({ identity: identity(8), claimant: bad }))
      await expect(dialer.dial(reached, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
    }
    expect(middle.stats()).toMatchObject({ reservations: 1, circuits: 1, refusedReservations: 12, refusedAdmissions: 2 })
    expect(middle.stats().refusedCircuits).toBeGreaterThan(0)
  })

  test('R2: slots that have taken all places take none from a sequencer, through which circuits go then', async () => {
    const [address] = (await relay({ judge, limits: { reservationsMax: 1 } })).addresses() as [string]
    await reachable(address, { claimant: claimantOf(1), seed: 9 })
    const reached = await reachable(address, { claimant: claimantOf(0) })
    expect(await isServed(reached, claimantOf(2))).toBe(true)
  })

  test('R6: one that is asked and says nothing, or something else, is not admitted and holds up nobody', async () => {
    const middle = await relay({ judge })
    const [address] = middle.addresses() as [string]
    const [mute, garbling] = [await freePeer(), await freePeer()]
    await mute.dialProtocol(multiaddr(address), ADMIT_PROTOCOL)
    const stream = await garbling.dialProtocol(multiaddr(address), ADMIT_PROTOCOL)
    stream.send(Uint8Array.of(0xff, 0xff, 0x7f))
    await expect.poll(() => middle.stats().refusedAdmissions).toBe(1)
    expect(await reserve(garbling, address)).toBe(PERMISSION_DENIED)
    expect(await isServed(await reachable(address, { claimant: claimantOf(1) }), claimantOf(2))).toBe(true)
  })

  test('R6: a relay that asks nobody serves peers that would have an answer', async () => {
    const [address] = (await relay()).addresses() as [string]
    expect(await isServed(await reachable(address, { claimant: claimantOf(1) }), claimantOf(2))).toBe(true)
  })

  test('R2: reservations asked for again and again are refused without a signature of the relay, and the place is kept', async () => {
    const middle = await relay()
    const [address] = middle.addresses() as [string]
    const greedy = await freePeer()
    const statuses: number[] = []
    for (let time = 0; time < 15; time += 1) statuses.push(await reserve(greedy, address))
    expect(statuses.filter((status) => status === OK).length).toBeLessThan(15)
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(OK))
    expect(middle.stats().reservations).toBe(1)
    expect(await isServed(await reachable(address))).toBe(true)
  })

  test('G11: a circuit that carries nothing is ended, one that does stays', async () => {
    const middle = await relay({ limits: { circuitIdleMsMax: 400 } })
    const address = await reachable(middle.addresses()[0] as string)
    const [idle, busy] = [
      keep(await createSubmissionDialer({ identity: identity(7) })),
      keep(await createSubmissionDialer({ identity: identity(8) })),
    ]
    const silent = await idle.dial(address, stopping.signal)
    const used = await busy.dial(address, stopping.signal)
    let isOver = false
    void silent.ended.then(() => {
      isOver = true
    })
    for (let index = 0; !isOver; index += 1) {
      expect(await used.send({ submissionId: idOf(index), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(middle.stats()).toMatchObject({ circuits: 1, endedCircuits: 1 })
  })

  test('G11: silent sockets do not shut its door', async () => {
    const middle = await relay({ door: { pendingMax: 20 } })
    const [address] = middle.addresses() as [string]
    const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
    const sockets = await Promise.all(
      Array.from(
        { length: 200 },
        () =>
          new Promise<Socket>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(socket))
            socket.on('error', () => undefined)
          }),
      ),
    )
    for (const socket of sockets) keep({ stop: () => socket.destroy() })
    expect(await isServed(await reachable(address))).toBe(true)
  })
})
