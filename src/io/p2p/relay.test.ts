import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayTransport, RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { PeerId, Stream } from '@libp2p/interface'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { describe, expect, test, vi } from 'vitest'
import { SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import { createSubmissionDialer } from './dialer.ts'
import { createSubmissionHost } from './host.ts'
import { createRelay, type RelayLimits } from './relay.ts'
import { turn } from './scripted.test-stream.ts'
import { createValve } from './valve.test-proxy.ts'
import { answer, identity, idOf, isRelayed } from './suite.ts'
import { running } from './running.test-world.ts'

const OK = 100
const PERMISSION_DENIED = 202
const RESERVE = Uint8Array.of(2, 0x08, 0)

/** The relay as peers see it that speak the circuit relay protocol byte by byte. */
describe('the relay', () => {
  const { keep, stopping } = running()
  const relay = async (limits: Partial<RelayLimits> = {}) => keep(await createRelay({ identity: identity(3), limits }))
  const peer = async () =>
    keep(
      await createLibp2p({
        transports: [tcp(), circuitRelayTransport()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        services: { identify: identify() },
      }),
    )
  type Peer = Awaited<ReturnType<typeof peer>>

  async function hop(from: Peer, address: string, message: Uint8Array): Promise<{ readonly status: number; readonly stream: Stream }> {
    const stream = await from.dialProtocol(multiaddr(address), RELAY_V2_HOP_CODEC)
    stream.send(message)
    return { status: await statusOf(stream), stream }
  }
  /** The status at the end of the first message that comes back. */
  async function statusOf(stream: Stream): Promise<number> {
    const bytes = await new Promise<Uint8Array>((resolve, reject) => {
      stream.addEventListener('message', (event) => resolve(event.data.subarray()), { once: true })
      stream.addEventListener('close', () => reject(new Error('the relay ended the stream without a status')), { once: true })
    })
    const [low = 0, high = 0] = bytes.at(-1) === 1 ? bytes.subarray(-2) : [bytes.at(-1) as number]
    return (low & 0x7f) | (high << 7)
  }
  const reserve = async (from: Peer, address: string) => (await hop(from, address, RESERVE)).status

  async function reachable(address: string, seed = 1) {
    const host = keep(await createSubmissionHost({ identity: identity(seed), relays: [address] }))
    answer(host, () => 'accepted', stopping.signal)
    await expect.poll(() => host.addresses().some(isRelayed), { timeout: 15_000 }).toBe(true)
    return host.addresses().find(isRelayed) as string
  }

  test('R2, R3: who holds a reservation renews it on a full relay; newcomers are refused until its connection ends', async () => {
    const middle = await relay({ reservationsMax: 1 })
    const [address] = middle.addresses() as [string]
    const [holder, newcomer] = [await peer(), await peer()]
    expect(await reserve(holder, address)).toBe(OK)
    expect(await reserve(newcomer, address)).toBe(PERMISSION_DENIED)
    expect(await reserve(holder, address)).toBe(OK)
    expect(middle.stats()).toMatchObject({ reservations: 1, circuits: 0, refusedReservations: 1 })
    await holder.stop()
    await expect.poll(() => middle.stats().reservations, { timeout: 10_000 }).toBe(0)
    expect(await reserve(newcomer, address)).toBe(OK)
  })

  test('R2: from one address come so many reservations and no more, however much room there is', async () => {
    const middle = await relay({ reservationsPerAddressMax: 2 })
    const [address] = middle.addresses() as [string]
    const peers = [await peer(), await peer(), await peer()]
    const statuses: number[] = []
    for (const one of peers) statuses.push(await reserve(one, address))
    expect(statuses).toEqual([OK, OK, PERMISSION_DENIED])
    expect(middle.stats()).toMatchObject({ reservations: 2, refusedReservations: 1 })
  })

  test('R1: a circuit has no limit of time or bytes', async () => {
    const middle = await relay()
    const address = await reachable(middle.addresses()[0] as string)
    const connection = await (await peer()).dial(multiaddr(address))
    expect(connection.limits).toBeUndefined()
    const stream = await connection.newStream(SUBMIT_PROTOCOL)
    expect(stream.status).toBe('open')
  })

  test.each([3_600_000, -3_600_000])(
    'R3: a clock that steps by %i ms ends no circuit and no reservation: what is under way arrives, and newcomers come through',
    async (stepMs) => {
      const middle = await relay()
      const address = await reachable(middle.addresses()[0] as string)
      const dial = async (seed: number) => keep(await createSubmissionDialer({ identity: identity(seed) })).dial(address, stopping.signal)
      const link = await dial(7)
      const send = (index: number) => link.send({ submissionId: idOf(index), payload: new Uint8Array(1) })
      const underWay = Array.from({ length: 20 }, (_, index) => send(index))
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + stepMs })
      try {
        const later = Array.from({ length: 20 }, (_, index) => send(20 + index))
        const receipts = await Promise.all([...underWay, ...later])
        expect(receipts).toMatchObject(receipts.map(() => ({ code: 'accepted' })))
        const newcomer = await dial(8)
        expect(await newcomer.send({ submissionId: idOf(50), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
        expect(middle.stats()).toMatchObject({ reservations: 1, circuits: 2 })
      } finally {
        vi.useRealTimers()
      }
    },
  )

  test('R2: a peer holds so many circuits and no more; one that ends makes room, and another peer has its own', async () => {
    const middle = await relay({ circuitsPerPeerMax: 2 })
    const address = await reachable(middle.addresses()[0] as string)
    const [greedy, modest] = [
      keep(await createSubmissionDialer({ identity: identity(7) })),
      keep(await createSubmissionDialer({ identity: identity(8) })),
    ]
    const links = [await greedy.dial(address, stopping.signal), await greedy.dial(address, stopping.signal)]
    await expect(greedy.dial(address, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
    expect(middle.stats().circuits).toBe(2)
    const other = await modest.dial(address, stopping.signal)
    expect(await other.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
    await links[0]?.close()
    await expect.poll(() => middle.stats().circuits, { timeout: 10_000 }).toBe(2)
    expect(await (await greedy.dial(address, stopping.signal)).send({ submissionId: idOf(2), payload: new Uint8Array(1) })).toMatchObject({
      code: 'accepted',
    })
  })

  test('R2: circuits are bounded in all, whomever they lead to', async () => {
    const middle = await relay({ circuitsMax: 2 })
    const address = await reachable(middle.addresses()[0] as string)
    const other = await reachable(middle.addresses()[0] as string, 4)
    const dialers = await Promise.all([7, 8, 9].map(async (seed) => keep(await createSubmissionDialer({ identity: identity(seed) }))))
    for (const dialer of dialers.slice(0, 2)) await dialer.dial(address, stopping.signal)
    await expect(dialers[2]?.dial(other, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
    expect(middle.stats().circuits).toBe(2)
  })

  test('R5: a peer that does not read costs a bounded number of bytes, and other circuits go on', async () => {
    const middle = await relay()
    const [address] = middle.addresses() as [string]
    const [reader, writer] = [await peer(), await peer()]
    const valve = keep(await createValve(address))
    expect(await reserve(reader, valve.address)).toBe(OK)
    // It takes the circuit, and then reads nothing that comes through it.
    await reader.handle(RELAY_V2_STOP_CODEC, (stream) => void stream.send(Uint8Array.of(4, 0x08, 1, 0x20, OK)), { force: true })
    const { status, stream } = await hop(writer, address, connectTo(reader.peerId))
    expect([status, middle.stats().circuits]).toEqual([OK, 1])
    valve.shut()
    const bytes = new Uint8Array(256 * 1_024)
    let sentBytes = 0
    while (sentBytes < 32 * 1_024 * 1_024 && stream.status === 'open') {
      stream.send(bytes)
      sentBytes += bytes.length
      await turn()
    }
    // Another circuit goes on, and by the time it is done the relay has taken of the first whatever it will take.
    const host = await reachable(address)
    const link = await keep(await createSubmissionDialer({ identity: identity(7) })).dial(host, stopping.signal)
    const payload = new Uint8Array(60_000)
    const receipts = await Promise.all(Array.from({ length: 100 }, (_, index) => link.send({ submissionId: idOf(index), payload })))
    expect(receipts).toHaveLength(100)
    const takenBytes = stream.status === 'open' ? sentBytes - (stream as unknown as { writeBufferLength: number }).writeBufferLength : 0
    expect(takenBytes).toBeLessThan(8 * 1_024 * 1_024)
  })
})

/** The message with which a peer asks for a circuit to another. */
function connectTo(peerId: PeerId): Uint8Array {
  const id = peerId.toMultihash().bytes
  const message = [0x08, 1, 0x12, id.length + 2, 0x0a, id.length, ...id]
  return Uint8Array.of(message.length, ...message)
}
