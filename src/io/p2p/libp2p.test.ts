import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { type Stream, transportSymbol } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { describe, expect, test, vi } from 'vitest'
import type { Cid, ProjectId, SubmissionId } from '#domain/ids.ts'
import { COLLECT_PROTOCOL } from '#wire/collect-frame.ts'
import { decodeCollectJson, encodeCollectJson, encodeSubmission } from '#wire/submission-proto.ts'
import { createReceiptReader, encodeDelivery, parseReceipt, SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import { createSubmissionDialer } from './dialer.ts'
import { createSubmissionHost } from './host.ts'
import { startNode } from './libp2p.ts'
import { createRelay } from './relay.ts'
import { createValve } from './valve.test-proxy.ts'
import { answer, identity, idOf, isRelayed, p2pSuite, submission } from './suite.ts'
import { running } from './running.test-world.ts'

p2pSuite('libp2p over loopback', () => ({ createSubmissionHost, createSubmissionDialer, createRelay }))

describe('libp2p itself', () => {
  const { keep, stopping } = running()
  function keepServer(server: Server): Server {
    keep({ stop: () => server.close() })
    return server
  }
  /** A peer without any of our code, as deployed ones are. */
  const strangePeer = async (listen: string[] = []) =>
    keep(await createLibp2p({ addresses: { listen }, transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] }))
  const open = async (address: string, protocol: string): Promise<Stream> => {
    const peer = await strangePeer()
    return peer.dialProtocol(multiaddr(address), protocol)
  }
  /** What comes back until the other side ends the stream. */
  async function readReceipts(stream: Stream): Promise<(string | undefined)[]> {
    const reader = createReceiptReader()
    const codes: (string | undefined)[] = []
    for await (const chunk of stream) {
      for (const step of reader.push(chunk.subarray())) codes.push(step.kind === 'frame' ? parseReceipt(step.bytes)?.code : step.kind)
    }
    return codes
  }

  test('G12: a public address on which it listens is told, though no stranger has dialed it yet', async () => {
    const address = '/ip4/11.22.33.44/tcp/1'
    /** As TCP on a machine that has the address; this one has not. */
    const elsewhere = {
      [transportSymbol]: true,
      [Symbol.toStringTag]: 'elsewhere',
      dialFilter: () => [],
      listenFilter: (listened: { toString(): string }[]) => listened.filter((one) => String(one) === '/memory/1'),
      createListener: () =>
        Object.assign(new EventTarget(), {
          listen: async () => undefined,
          close: async () => undefined,
          getAddrs: () => [multiaddr(address)],
          updateAnnounceAddrs: () => undefined,
        }),
    }
    const options = { identity: identity(1), streamsPerConnectionMax: 1, writeBufferBytesMax: 1, transports: [() => elsewhere as never] }
    const node = keep(await startNode({ ...options, listen: ['/memory/1'] }, {}))
    expect(node.getMultiaddrs().map(String)).toEqual([`${address}/p2p/${node.peerId}`])
  })

  test('R1: through one circuit go far more than the 128 KiB at which libp2p cuts by default', async () => {
    const relay = keep(await createRelay({ identity: identity(3) }))
    const host = keep(await createSubmissionHost({ identity: identity(1), relays: relay.addresses() }))
    answer(host, () => 'accepted', stopping.signal)
    await expect.poll(() => host.addresses().some(isRelayed), { timeout: 10_000 }).toBe(true)
    // A peer dials them in this order: the direct way first.
    expect(host.addresses().map(isRelayed)).toEqual([false, true])
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(host.addresses().find(isRelayed) as string, stopping.signal)
    const payload = new Uint8Array(4_096).fill(7)
    const receipts = await Promise.all(Array.from({ length: 500 }, (_, index) => link.send({ submissionId: idOf(index), payload })))
    expect(receipts.every((receipt) => receipt !== 'unacknowledged' && receipt.code === 'accepted')).toBe(true)
    expect(relay.stats().circuits).toBe(1)
    expect(host.peers(), 'the relay, and who came through it').toBe(2)
  })

  test.each([
    ['frame_malformed', Uint8Array.of(0x80, 0x80, 0x80, 0x80)],
    ['frame_malformed', Uint8Array.of(2, 0xff, 0xff)],
    ['frame_oversized', Uint8Array.of(0xff, 0xff, 0x7f)],
    ['frame_oversized', encodeDelivery({ submissionId: 'x', payload: new Uint8Array(65_537) })],
  ])('a broken frame is answered %s and ends its stream, not the host', async (code, bytes) => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    answer(host, () => 'accepted', stopping.signal)
    const stream = await open(host.addresses()[0] as string, SUBMIT_PROTOCOL)
    stream.send(bytes)
    expect(await readReceipts(stream)).toEqual([code])
    expect(host.counts()).toEqual({ [code]: 1 })
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(host.addresses()[0] as string, stopping.signal)
    expect(await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
  })

  test('frames before a broken one get their receipts', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    answer(host, () => 'accepted', stopping.signal)
    const stream = await open(host.addresses()[0] as string, SUBMIT_PROTOCOL)
    const good = encodeDelivery({ submissionId: idOf(1), payload: new Uint8Array(1) })
    stream.send(Buffer.concat([good, Uint8Array.of(2, 0xff, 0xff)]))
    expect((await readReceipts(stream)).sort()).toEqual(['accepted', 'frame_malformed'])
  })

  test('a peer may end its side: it gets its receipts, and the stream counts no more', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    answer(host, () => 'accepted', stopping.signal)
    const peer = await strangePeer()
    const connection = await peer.dial(multiaddr(host.addresses()[0] as string))
    const good = encodeDelivery({ submissionId: idOf(1), payload: new Uint8Array(1) })
    const rounds = 20 // More than one connection may have open.
    for (let round = 0; round < rounds; round += 1) {
      const stream = await connection.newStream(SUBMIT_PROTOCOL)
      stream.send(good)
      const receipts = readReceipts(stream)
      await stream.close()
      expect(await receipts).toEqual(['accepted'])
      const cut = await connection.newStream(SUBMIT_PROTOCOL)
      cut.send(good.subarray(0, 10))
      await cut.close()
    }
    await expect.poll(() => host.counts()).toEqual({ frame_malformed: rounds })
  })

  test('garbage on the socket itself does not end the host', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    answer(host, () => 'accepted', stopping.signal)
    const [address] = host.addresses() as [string]
    const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(new Uint8Array(100_000).fill(0x41)))
      socket.on('error', () => resolve())
      socket.on('close', () => resolve())
      socket.resume()
    })
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(address, stopping.signal)
    expect(await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
  })

  test('a deployed collector is understood: messages joined, cut, and garbage between them', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    const seen = answer(host, () => 'accepted', stopping.signal)
    const stream = await open(host.addresses()[0] as string, COLLECT_PROTOCOL)
    const bytes = new TextEncoder().encode(`${idOf(1)}${encodeCollectJson(submission)}${idOf(2)}{}garbage${idOf(3)}{}`)
    stream.send(bytes.subarray(0, 50))
    stream.send(bytes.subarray(50))
    await stream.close()
    await expect.poll(() => seen.length).toBe(3)
    expect(seen.map(({ protocol, submissionId }) => [protocol, submissionId])).toEqual(
      [idOf(1), idOf(2), idOf(3)].map((id) => ['collect', id]),
    )
    expect(decodeCollectJson(seen[0]?.payload as Uint8Array)).toEqual(submission)
    expect(host.counts()).toEqual({ frame_malformed: 1 })
  })

  test('to a deployed listener go single messages of at most 1024 bytes, unacknowledged', async () => {
    const listener = await strangePeer(['/ip4/127.0.0.1/tcp/0'])
    const reads: string[] = []
    await listener.handle(COLLECT_PROTOCOL, async (stream) => {
      let text = ''
      for await (const chunk of stream) text += new TextDecoder().decode(chunk.subarray())
      reads.push(text)
      await stream.close()
    })
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(String(listener.getMultiaddrs()[0]), stopping.signal)
    const ids = Array.from({ length: 40 }, (_, index) => idOf(index))
    const outcomes = await Promise.all(ids.map((submissionId) => link.send({ submissionId, payload: encodeSubmission(submission) })))
    expect(new Set(outcomes)).toEqual(new Set(['unacknowledged']))
    await expect.poll(() => reads.length).toBe(40)
    expect(reads.sort()).toEqual(ids.map((id) => id + encodeCollectJson(submission)))
    // JSON doubles each of these.
    const request = { ...submission.request, projectId: '"'.repeat(256) as ProjectId, snapshotCid: '"'.repeat(128) as Cid }
    const tooLong = { ...submission, request, protocolState: '"'.repeat(64) }
    expect(await link.send({ submissionId: idOf(99), payload: encodeSubmission(tooLong) })).toMatchObject({ code: 'frame_oversized' })
    expect(await link.send({ submissionId: idOf(99), payload: Uint8Array.of(1) })).toMatchObject({ code: 'submission_malformed' })
    await link.close()
    await link.ended
  })

  test('a deployed listener that takes one Read of 1024 bytes for one message parses all of many at once', async () => {
    const listener = await strangePeer(['/ip4/127.0.0.1/tcp/0'])
    const parsed: string[] = []
    await listener.handle(COLLECT_PROTOCOL, async (stream) => {
      // Each Read is a message to it, whatever came with it or is still to come.
      for await (const chunk of stream) {
        const read = new TextDecoder().decode(chunk.subarray().subarray(0, 1_024))
        parsed.push(`${read.slice(0, 36)} ${JSON.parse(read.slice(36)).request.projectId}`)
      }
      await stream.close()
    })
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(String(listener.getMultiaddrs()[0]), stopping.signal)
    const sent = Array.from({ length: 100 }, (_, index) => ({ id: idOf(index), projectId: `${'p'.repeat(index)}:N` as ProjectId }))
    const sending = sent.map(({ id, projectId }) =>
      link.send({ submissionId: id, payload: encodeSubmission({ ...submission, request: { ...submission.request, projectId } }) }),
    )
    expect(new Set(await Promise.all(sending))).toEqual(new Set(['unacknowledged']))
    await expect.poll(() => parsed.length, { timeout: 10_000 }).toBe(100)
    expect(parsed.sort()).toEqual(sent.map(({ id, projectId }) => `${id} ${projectId}`).sort())
    await link.close()
  })

  test('a stranger that offers circuits is not taken for a relay', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    const before = host.addresses()
    const stream = await open(before[0] as string, RELAY_V2_STOP_CODEC)
    await expect.poll(() => stream.status).toBe('reset')
    expect(host.addresses()).toEqual(before)
    answer(host, () => 'accepted', stopping.signal)
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(before[0] as string, stopping.signal)
    expect(await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
  })

  test('the host tells once that a relay is down, and once that it is reserved', async () => {
    const changes: boolean[] = []
    const relay = keep(await createRelay({ identity: identity(3) }))
    const [address] = relay.addresses() as [string]
    await relay.stop()
    keep(
      await createSubmissionHost({ identity: identity(1), relays: [address], onRelayChange: ({ isReserved }) => changes.push(isReserved) }),
    )
    await expect.poll(() => changes).toEqual([false])
    keep(await createRelay({ identity: identity(3), listen: [address.replace(/\/p2p\/.*/, '')] }))
    await expect.poll(() => changes, { timeout: 10_000 }).toEqual([false, true])
  })

  test('a slot that a relay grants while the host stops leaves no timer that keeps the process alive', async () => {
    const relay = keep(await createRelay({ identity: identity(3) }))
    const [granted, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const streams = Object.getPrototypeOf(await open(relay.addresses()[0] as string, RELAY_V2_HOP_CODEC)) as Stream
    const { close } = streams
    // Between the relay's answer and what libp2p makes of it lies the end of the stream, which here takes as long as the stop.
    const closing = vi.spyOn(streams, 'close').mockImplementation(async function (this: Stream, options) {
      await close.call(this, options)
      if (this.protocol !== RELAY_V2_HOP_CODEC || this.direction !== 'outbound') return
      granted.resolve()
      await stopped.promise
    })
    const [set, clear] = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'clearTimeout')]
    const renewals = () => set.mock.results.filter((_, call) => Number(set.mock.calls[call]?.[1]) > 60_000).map(({ value }) => value)
    try {
      const host = await createSubmissionHost({ identity: identity(1), relays: relay.addresses() })
      await granted.promise
      await host.stop()
      expect(renewals()).toEqual([])
      stopped.resolve()
      await expect.poll(() => renewals().length).toBe(1)
      await expect.poll(() => clear.mock.calls.map(([timer]) => timer)).toContain(renewals()[0])
    } finally {
      for (const spy of [closing, set, clear]) spy.mockRestore()
    }
  })

  test('the addresses under which the host is announced are told before the one it listens on, all with its peer id', async () => {
    const announce = ['/ip4/203.0.113.7/tcp/9101', '/dns4/sequencer.example/tcp/9101']
    const host = keep(await createSubmissionHost({ identity: identity(1), announce }))
    const [first, second, listening, ...others] = host.addresses()
    expect([first, second, others]).toEqual([...announce.map((address) => `${address}/p2p/${host.peerId}`), []])
    expect(listening).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)
  })

  test('the addresses under which a relay is announced are in those of the peers that are reached through it', async () => {
    const announce = ['/ip4/203.0.113.7/tcp/9100']
    const relay = keep(await createRelay({ identity: identity(3), announce }))
    expect(relay.addresses()[0]).toBe(`${announce[0]}/p2p/${relay.peerId}`)
    const host = keep(await createSubmissionHost({ identity: identity(1), relays: relay.addresses().slice(1) }))
    const through = `${announce[0]}/p2p/${relay.peerId}/p2p-circuit/p2p/${host.peerId}`
    await expect.poll(() => host.addresses(), { timeout: 15_000 }).toContain(through)
  })

  test('a port that is taken, or a relay that is no address, is LISTEN_FAILED', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    const listen = [(host.addresses()[0] as string).replace(/\/p2p\/.*/, '')]
    // The address and the system's word for it: not the advice and the stack trace that the library puts into its message.
    await expect(createSubmissionHost({ identity: identity(2), listen })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      facts: { address: listen[0], detail: 'EADDRINUSE' },
    })
    await expect(createSubmissionHost({ identity: identity(2), relays: ['/ip4/127.0.0.1'] })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
    })
  })

  test('G7: one connection has eight submit streams; the ninth is refused, the eight go on', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    answer(host, () => 'accepted', stopping.signal)
    const peer = await strangePeer()
    const connection = await peer.dial(multiaddr(host.addresses()[0] as string))
    const streams: Stream[] = []
    for (let index = 0; index < 8; index += 1) streams.push(await connection.newStream(SUBMIT_PROTOCOL))
    const ninth = await connection.newStream(SUBMIT_PROTOCOL)
    await expect.poll(() => ninth.status, { timeout: 10_000 }).toBe('reset')
    for (const [index, stream] of streams.entries()) {
      const receipts = readReceipts(stream)
      stream.send(encodeDelivery({ submissionId: idOf(index), payload: new Uint8Array(1) }))
      await stream.close()
      expect(await receipts).toEqual(['accepted'])
    }
  })

  test('G7, G11: a peer that does not read its receipts is reset at the write buffer, and others are served', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    const reason = '\u754c'.repeat(256)
    let answeredCount = 0
    const serve = async () => {
      for await (const batch of host.inbound(stopping.signal)) {
        answeredCount += batch.length
        for (const inbound of batch) inbound.respond({ submissionId: inbound.submissionId as SubmissionId, code: 'window_closed', reason })
      }
    }
    void serve()
    const valve = keep(await createValve(host.addresses()[0] as string))
    const stream = await open(valve.address, SUBMIT_PROTOCOL)
    let receiptBytes = 0
    stream.addEventListener('message', (event) => {
      receiptBytes += event.data.byteLength
    })
    valve.shut()
    const some = Buffer.concat(
      Array.from({ length: 500 }, (_, index) => encodeDelivery({ submissionId: idOf(index), payload: new Uint8Array(1) })),
    )
    // 800 bytes of receipt for each: far more in all than the buffer and the window of the stream hold.
    for (let round = 0; round < 20; round += 1) stream.send(some)
    // Somebody else is served meanwhile; when it is done, so is what came before.
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(host.addresses()[0] as string, stopping.signal)
    expect(await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'window_closed' })
    // More than the window and the buffer hold, 256 KiB and 1 MiB; after the reset nothing is read from it any more, and what waited is dropped.
    await expect.poll(() => answeredCount, { timeout: 20_000 }).toBeGreaterThan(1_600)
    valve.open()
    await expect.poll(() => stream.status, { timeout: 20_000 }).toBe('reset')
    expect(receiptBytes).toBeLessThan(1_024 * 1_024)
  })

  test('G7, G11: frames that many connections leave unfinished are given up where there is no room for more, the newest first; others are served', async () => {
    const host = keep(
      await createSubmissionHost({ identity: identity(1), holdings: { strangerBytesMax: 512 * 1_024, knownBytesMax: 512 * 1_024 } }),
    )
    answer(host, () => 'accepted', stopping.signal)
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(host.addresses()[0] as string, stopping.signal)
    expect(await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
    const begun = encodeDelivery({ submissionId: idOf(2), payload: new Uint8Array(60_000) }).subarray(0, 59_000)
    const given: ReturnType<typeof readReceipts>[] = []
    for (let count = 0; count < 12; count += 1) {
      const stream = await open(host.addresses()[0] as string, SUBMIT_PROTOCOL)
      given.push(readReceipts(stream))
      stream.send(begun)
    }
    await expect.poll(() => host.counts().inbox_full ?? 0, { timeout: 10_000 }).toBeGreaterThan(3)
    expect(await Promise.race(given)).toEqual(['inbox_full'])
    expect(await link.send({ submissionId: idOf(3), payload: new Uint8Array(60_000) })).toMatchObject({ code: 'accepted' })
  })

  test('G11: silent sockets keep nobody out, nor do many that come from one address at once', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    answer(host, () => 'accepted', stopping.signal)
    const [address] = host.addresses() as [string]
    const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
    const sockets = Array.from({ length: 520 }, () => connect(port, '127.0.0.1'))
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('connect', resolve).on('error', resolve))))
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    for (let index = 0; index < 5; index += 1) {
      const link = await dialer.dial(address, stopping.signal)
      expect(await link.send({ submissionId: idOf(index), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
    }
    for (const socket of sockets) socket.destroy()
  })

  test('G11: when there is no room for more handshakes, sockets that have said nothing give way', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1), door: { pendingMax: 3 } }))
    answer(host, () => 'accepted', stopping.signal)
    const [address] = host.addresses() as [string]
    const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1])
    let closedCount = 0
    const sockets = Array.from({ length: 10 }, () =>
      connect(port, '127.0.0.1')
        .on('error', () => undefined)
        .on('close', () => (closedCount += 1)),
    )
    await expect.poll(() => closedCount).toBe(7)
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const link = await dialer.dial(address, stopping.signal)
    expect(await link.send({ submissionId: idOf(1), payload: new Uint8Array(1) })).toMatchObject({ code: 'accepted' })
    for (const socket of sockets) socket.destroy()
  })

  test('G11: from a peer for which the inbox has no room the socket itself is not read, and nothing is refused', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1), limits: { lengthMax: 4 } }))
    const stream = await open(host.addresses()[0] as string, SUBMIT_PROTOCOL)
    const receipts = readReceipts(stream)
    // Far more than the windows of the stream and of the socket hold: the sender has the rest.
    const count = 200
    for (let index = 0; index < count; index += 1)
      stream.send(encodeDelivery({ submissionId: idOf(index), payload: new Uint8Array(60_000) }))
    await expect.poll(() => stream.writableNeedsDrain).toBe(true)
    const seen = answer(host, () => 'accepted', stopping.signal)
    await stream.close()
    expect(await receipts).toEqual(Array.from({ length: count }, () => 'accepted'))
    expect(seen.map(({ submissionId }) => submissionId)).toEqual(Array.from({ length: count }, (_, index) => idOf(index)))
    expect(host.counts()).toEqual({})
  })

  test('a peer that speaks neither protocol, or is another than the address says, is LINK_FAILED, and no connection stays', async () => {
    const stranger = await strangePeer(['/ip4/127.0.0.1/tcp/0'])
    const address = String(stranger.getMultiaddrs()[0])
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    await expect(dialer.dial(address, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED', facts: { address } })
    const other = address.replace(/\/p2p\/.*/, `/p2p/${dialer.peerId}`)
    await expect(dialer.dial(other, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
    const third = keep(await createSubmissionDialer({ identity: identity(6) }))
    await expect(third.dial(other, stopping.signal)).rejects.toMatchObject({ code: 'LINK_FAILED' })
    await expect.poll(() => stranger.getConnections().length, { timeout: 10_000 }).toBe(0)
  })

  test('a dial to a socket that says nothing ends with its signal', async () => {
    const silent = keepServer(createServer(() => undefined).listen(0, '127.0.0.1'))
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as AddressInfo
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    const leaving = new AbortController()
    const connected = new Promise((resolve) => silent.once('connection', resolve))
    const dialing = dialer
      .dial(`/ip4/127.0.0.1/tcp/${port}/p2p/${dialer.peerId.replace(/.$/, 'x')}`, leaving.signal)
      .catch((cause) => cause)
    void connected.then(() => leaving.abort())
    expect(await dialing).toMatchObject({ code: 'LINK_FAILED' })
  })

  test('its connections are listed, all of them and those of a peer', async () => {
    const options = { streamsPerConnectionMax: 1, writeBufferBytesMax: 1 }
    const node = keep(await startNode({ ...options, identity: identity(1), listen: ['/ip4/127.0.0.1/tcp/0'] }, {}))
    const [one, other] = [await strangePeer(), await strangePeer()]
    for (const peer of [one, other, other]) await peer.dial(node.getMultiaddrs(), { force: true })
    const peersOf = (connections: readonly { readonly remotePeer: object }[]) =>
      connections.map(({ remotePeer }) => String(remotePeer)).sort()
    await expect.poll(() => node.getConnections().length).toBe(3)
    expect(peersOf(node.getConnections())).toEqual([one, other, other].map(({ peerId }) => String(peerId)).sort())
    expect(peersOf(node.getConnections(other.peerId))).toEqual([String(other.peerId), String(other.peerId)])
    expect(node.getConnections(node.peerId)).toEqual([])
  })

  test('who asks what it is is told; it asks nobody', async () => {
    const host = keep(await createSubmissionHost({ identity: identity(1) }))
    answer(host, () => 'accepted', stopping.signal)
    const address = multiaddr(host.addresses()[0] as string)
    const identifying = identify({ runOnConnectionOpen: false })
    const common = { transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] }
    const asking = keep(await createLibp2p({ ...common, services: { identify: identifying } }))
    expect((await asking.services.identify.identify(await asking.dial(address))).protocols).toContain(SUBMIT_PROTOCOL)
    const asked = vi.fn()
    const peer = await strangePeer()
    await peer.handle('/ipfs/id/1.0.0', asked)
    const connection = await peer.dial(address)
    const stream = await connection.newStream(SUBMIT_PROTOCOL)
    stream.send(encodeDelivery({ submissionId: idOf(1), payload: new Uint8Array(1) }))
    const receipts = readReceipts(stream)
    await stream.close()
    expect(await receipts).toEqual(['accepted'])
    expect(asked).not.toHaveBeenCalled()
  })

  test('the dialer takes no circuits from the peer it dialed', async () => {
    const stranger = await strangePeer(['/ip4/127.0.0.1/tcp/0'])
    await stranger.handle(SUBMIT_PROTOCOL, () => undefined)
    const dialer = keep(await createSubmissionDialer({ identity: identity(2) }))
    await dialer.dial(String(stranger.getMultiaddrs()[0]), stopping.signal)
    const [connection] = stranger.getConnections()
    await expect(connection?.newStream(RELAY_V2_STOP_CODEC)).rejects.toMatchObject({ name: 'UnsupportedProtocolError' })
  })
})
