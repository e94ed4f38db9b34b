import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { encodeAnswer, parseRequest, type RendezvousStatus } from '#wire/rendezvous-frame.ts'
import { openRecord } from './peer-record.ts'
import { keepRegistered, type Registrar, type RegistrationChange } from './registrar.ts'
import { parseRelayAddress } from './relay-supervisor.ts'
import { ScriptedConnection } from './scripted.test-stream.ts'
import { identity } from './suite.ts'

const PLACE = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5'

describe('R8: a registration is kept', () => {
  let registrar: Registrar | undefined
  let addresses = ['/ip4/10.0.0.1/tcp/1']
  let status: RendezvousStatus | 'down' = 'OK'
  /** Holds an answer back until the test lets it go. */
  let answering: Promise<void> = Promise.resolve()
  const registered: Promise<readonly string[] | undefined>[] = []
  const changes: RegistrationChange[] = []
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    registered.length = 0
    changes.length = 0
    addresses = ['/ip4/10.0.0.1/tcp/1']
    status = 'OK'
    answering = Promise.resolve()
  })
  afterEach(async () => {
    await registrar?.stop()
    vi.useRealTimers()
  })

  async function dial() {
    if (status === 'down') throw new Error('ECONNREFUSED')
    const told = status
    const connection = new ScriptedConnection()
    connection.prepare = (stream) => {
      stream.send = (bytes) => {
        const request = parseRequest(bytes.subarray(bytes[1] !== undefined && bytes[0] !== undefined && bytes[0] >= 0x80 ? 2 : 1))
        if (request?.kind === 'register') registered.push(openRecord(request.record).then((record) => record?.addresses))
        void answering.then(() => stream.receive(encodeAnswer({ kind: 'registered', status: told, ttlSeconds: 900 })))
        return true
      }
    }
    return connection
  }
  async function start() {
    const privateKey = await generateKeyPairFromSeed('Ed25519', identity(1))
    const node = { peerId: peerIdFromPrivateKey(privateKey), dial } as never
    const onChange = (change: RegistrationChange) => void changes.push(change)
    registrar = keepRegistered(
      { places: [parseRelayAddress(PLACE)], point: 'market', onChange },
      { node, privateKey, addresses: () => addresses },
    )
    await pass(0)
    return registrar
  }
  /** A record is signed by the platform, in its own time. */
  async function pass(ms: number) {
    await vi.advanceTimersByTimeAsync(ms)
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  const ports = async () => (await Promise.all(registered)).map((found) => found?.map((address) => /tcp\/(\d+)/.exec(address)?.[1]).join())

  test('for as long as it lives: renewed each minute, told once', async () => {
    await start()
    await pass(59_000)
    expect(await ports()).toEqual(['1'])
    await pass(1_000)
    expect(await ports()).toEqual(['1', '1'])
    expect(changes).toEqual([{ place: PLACE, isRegistered: true, detail: '' }])
  })

  test('with the addresses that it has: those that change are told at once, also while it registers', async () => {
    const { ring } = await start()
    addresses = ['/ip4/10.0.0.1/tcp/2']
    const slow = Promise.withResolvers<void>()
    answering = slow.promise
    ring()
    await pass(0)
    addresses = ['/ip4/10.0.0.1/tcp/3']
    ring()
    await pass(0)
    expect(await ports()).toEqual(['1', '2'])
    slow.resolve()
    await pass(0)
    expect(await ports()).toEqual(['1', '2', '3'])
  })

  test('G12: where it is refused or nobody answers, it is tried again every five seconds, and each change is told once', async () => {
    status = 'down'
    await start()
    await pass(5_000)
    status = 'E_UNAVAILABLE'
    await pass(5_000)
    status = 'OK'
    await pass(4_999)
    expect(changes).toEqual([{ place: PLACE, isRegistered: false, detail: 'ECONNREFUSED' }])
    await pass(1)
    expect(changes.slice(1)).toEqual([{ place: PLACE, isRegistered: true, detail: '' }])
  })
})
