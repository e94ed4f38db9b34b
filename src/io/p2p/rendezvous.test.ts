import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  encodeAnswer,
  encodeRequest,
  parseAnswer,
  type RendezvousAnswer,
  RENDEZVOUS_PROTOCOL,
  type RendezvousRequest,
} from '#wire/rendezvous-frame.ts'
import { createFrameReader, withLength } from '#wire/length-prefix.ts'
import { createSubmissionDialer } from './dialer.ts'
import { framed } from './framed.ts'
import { openRecord, sealRecord } from './peer-record.ts'
import { createRegistrations, REGISTRATION_LIMITS } from './registrations.ts'
import { createRelay } from './relay.ts'
import { createRendezvousServer } from './rendezvous-server.ts'
import { ScriptedStream } from './scripted.test-stream.ts'
import { identity } from './suite.ts'
import { running } from './running.test-world.ts'

const never = new AbortController().signal
const ADDRESS = '/ip4/10.0.0.1/tcp/9100'
const keyOf = (seed: number): Promise<PrivateKey> => generateKeyPairFromSeed('Ed25519', identity(seed))

const { keep } = running()

/** A peer without any of our code. */
const peerOf = async (seed: number, listen: string[] = []) =>
  keep(
    await createLibp2p({
      privateKey: await keyOf(seed),
      addresses: { listen },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify() },
    }),
  )
type Peer = Awaited<ReturnType<typeof peerOf>>

/** A place where peers register, as they see it byte by byte. */
describe('R8: a rendezvous server', () => {
  let place = ''
  let relay: Awaited<ReturnType<typeof createRelay>>
  beforeEach(async () => {
    relay = keep(await createRelay({ identity: identity(3), isRendezvous: true }))
    place = relay.addresses()[0] as string
  })
  async function talk(peer: Peer) {
    const stream = await peer.dialProtocol(multiaddr(place), RENDEZVOUS_PROTOCOL)
    const frames = framed(stream, { frameBytesMax: 512 * 1_024, signal: AbortSignal.timeout(10_000) })
    return {
      stream,
      frames,
      async ask(request: RendezvousRequest): Promise<RendezvousAnswer | undefined> {
        stream.send(encodeRequest(request))
        return parseAnswer(await frames.next())
      },
    }
  }
  const registering = (record: Uint8Array, namespace = 'market'): RendezvousRequest => ({
    kind: 'register',
    namespace,
    record,
    ttlSeconds: 600,
  })
  const asking: RendezvousRequest = { kind: 'discover', namespace: 'market', limit: undefined, cookie: undefined }

  test('takes a record that its own peer shows, tells of it, and forgets it when the peer says so, all on one stream', async () => {
    const peer = await peerOf(1)
    const { ask, stream } = await talk(peer)
    const record = await sealRecord([ADDRESS], await keyOf(1))
    expect(await ask(registering(record))).toEqual({ kind: 'registered', status: 'OK', ttlSeconds: 600 })
    expect(await ask(asking)).toMatchObject({ status: 'OK', registrations: [{ namespace: 'market', record }] })
    expect(relay.stats()).toMatchObject({ registrations: 1, refusedRegistrations: 0 })
    stream.send(encodeRequest({ kind: 'unregister', namespace: 'market' }))
    expect(await ask(asking)).toMatchObject({ status: 'OK', registrations: [] })
  })

  test('takes nobody for another, and nothing that is not signed by whom it is of', async () => {
    const peer = await peerOf(1)
    const own = await sealRecord([ADDRESS], await keyOf(1))
    const { ask } = await talk(peer)
    const status = async (record: Uint8Array) => (await ask(registering(record)))?.status
    expect(await status(await sealRecord([ADDRESS], await keyOf(2)))).toBe('E_NOT_AUTHORIZED')
    const forged = own.map((byte, index) => (index === own.length - 1 ? byte ^ 1 : byte))
    const oversized = await sealRecord(
      Array.from({ length: 16 }, (_, index) => `/dns4/${'long.'.repeat(40)}example${index}/tcp/1`),
      await keyOf(1),
    )
    expect(oversized.length).toBeGreaterThan(2_048)
    for (const record of [forged, oversized, new Uint8Array(0), new Uint8Array(50).fill(7)])
      expect(await status(record)).toBe('E_INVALID_SIGNED_PEER_RECORD')
    expect(relay.stats()).toMatchObject({ registrations: 0, refusedRegistrations: 5 })
    expect(await status(own)).toBe('OK')
  })

  test.each([
    ['an oversized frame', Uint8Array.of(0xff, 0xff, 0x7f)],
    ['a frame that is no request', withLength(Uint8Array.of(1, 2, 3))],
    ['an answer', encodeAnswer({ kind: 'registered', status: 'OK', ttlSeconds: 1 })],
  ])('G7: ends the stream at %s, and serves the next', async (_, bytes) => {
    const peer = await peerOf(1)
    const broken = await talk(peer)
    const ended = expect(broken.frames.next()).rejects.toThrow('ended')
    broken.stream.send(bytes)
    await ended
    expect(await (await talk(peer)).ask(asking)).toMatchObject({ status: 'OK' })
  })

  test('G7, G11: one peer asks so often and no more; another is answered', async () => {
    const greedy = await talk(await peerOf(1))
    const statuses: unknown[] = []
    for (let time = 0; time < 60; time += 1) statuses.push((await greedy.ask(asking))?.status)
    expect(new Set(statuses)).toEqual(new Set(['OK', 'E_UNAVAILABLE']))
    expect(statuses.indexOf('E_UNAVAILABLE')).toBeGreaterThanOrEqual(50)
    expect(await (await talk(await peerOf(2))).ask(asking)).toMatchObject({ status: 'OK' })
  })
})

test('G7, G11: identities are free, so the peers of one address ask so often together and no more; another address is answered', async () => {
  const registrations = createRegistrations(REGISTRATION_LIMITS, { nowMs: () => 0, run: new Uint8Array(8) })
  let address = 'one'
  const deps = { registrations, nowMs: () => 0, mayRegister: () => true, addressOf: () => address, onRefused: () => undefined }
  const serve = createRendezvousServer(deps)
  const question = encodeRequest({ kind: 'discover', namespace: 'market', limit: undefined, cookie: undefined })
  async function ask(peer: string): Promise<unknown> {
    const stream = new ScriptedStream(RENDEZVOUS_PROTOCOL)
    const served = serve(stream.asStream(), { remotePeer: peer } as never)
    stream.receive(question)
    stream.endRemote()
    await served
    const [step] = createFrameReader({ frameBytesMax: 512 * 1_024 }).push(stream.written[0] as Uint8Array)
    return step?.kind === 'frame' ? parseAnswer(step.bytes)?.status : step?.kind
  }
  const statuses: unknown[] = []
  for (let peer = 0; peer < 501; peer += 1) statuses.push(await ask(`peer ${peer}`))
  expect([new Set(statuses.slice(0, 500)), statuses[500]]).toEqual([new Set(['OK']), 'E_UNAVAILABLE'])
  address = 'other'
  expect(await ask('peer 0')).toBe('OK')
})

describe('G11: a rendezvous server that lies', () => {
  const answering = async (answers: (page: number) => Uint8Array | undefined) => {
    const server = await peerOf(3, ['/ip4/127.0.0.1/tcp/0'])
    let page = 0
    await server.handle(RENDEZVOUS_PROTOCOL, (stream: Stream) => {
      stream.addEventListener('message', () => {
        const bytes = answers(page)
        page += 1
        if (bytes !== undefined) stream.send(bytes)
      })
    })
    const dialer = keep(await createSubmissionDialer({ identity: identity(9) }))
    return { found: () => dialer.discover(String(server.getMultiaddrs()[0]), 'market', never), pages: () => page }
  }
  const page = (records: readonly Uint8Array[], cookie = 1): Uint8Array =>
    encodeAnswer({
      kind: 'discovered',
      status: 'OK',
      registrations: records.map((record) => ({ namespace: 'market', record, ttlSeconds: 60 })),
      cookie: Uint8Array.of(cookie),
    })

  test('makes nobody believe a record that its peer has not signed', async () => {
    const honest = await sealRecord([ADDRESS], await keyOf(1))
    const forged = honest.map((byte, index) => (index === honest.length - 1 ? byte ^ 1 : byte))
    const { found } = await answering((index) => page(index === 0 ? [forged, new Uint8Array(9), honest] : []))
    const peerId = (await openRecord(honest))?.peerId
    expect(await found()).toMatchObject([{ peerId, addresses: [`${ADDRESS}/p2p/${peerId}`] }])
  })

  test('is read so far and no further, though it has always more to tell', async () => {
    const honest = await sealRecord([ADDRESS], await keyOf(1))
    const { found, pages } = await answering(() => page([honest]))
    expect(await found()).toHaveLength(1)
    expect(pages()).toBe(10)
  })

  test.each([
    ['says that it will not', encodeAnswer({ kind: 'discovered', status: 'E_UNAVAILABLE', registrations: [], cookie: new Uint8Array(0) })],
    ['answers something else', encodeAnswer({ kind: 'registered', status: 'OK', ttlSeconds: 1 })],
    ['answers with garbage', withLength(Uint8Array.of(0xff, 0xff))],
    ['answers with more than a frame may hold', Uint8Array.of(0xff, 0xff, 0x7f)],
  ])('and %s is a link that failed', async (_, bytes) => {
    const { found } = await answering(() => bytes)
    await expect(found()).rejects.toMatchObject({ code: 'LINK_FAILED' })
  })
})

describe('a record', () => {
  test('comes out as it went in, each address with its peer, and the later has the higher number', async () => {
    const key = await keyOf(1)
    const first = await openRecord(await sealRecord([ADDRESS], key))
    const end = `/p2p/${first?.peerId}`
    expect(first?.addresses).toEqual([`${ADDRESS}${end}`])
    const relayed = `/ip4/10.0.0.2/tcp/1/p2p/${(await openRecord(await sealRecord([], await keyOf(2))))?.peerId}/p2p-circuit${end}`
    await expect.poll(async () => (await openRecord(await sealRecord([relayed], key)))?.number).toBeGreaterThan(first?.number as bigint)
    expect((await openRecord(await sealRecord([relayed], key)))?.addresses).toEqual([relayed])
  })

  test('holds sixteen addresses at most', async () => {
    const many = Array.from({ length: 40 }, (_, index) => `/ip4/10.0.0.1/tcp/${index + 1}`)
    expect((await openRecord(await sealRecord(many, await keyOf(1))))?.addresses).toHaveLength(16)
  })
})
