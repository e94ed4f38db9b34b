import { RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseRelayAddress, type RelayAccess, type RelayChange, type SupervisionDeps, superviseRelays } from './relay-supervisor.ts'
import { ScriptedConnection, ScriptedStream } from './scripted.test-stream.ts'

const [FIRST_ID, SECOND_ID, STRANGER_ID] = [
  '12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5',
  '12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq',
  '12D3KooWRndVhVZPCiQwHBBBdg769GyrPUW13zxwqQyf9r3ANaba',
] as const
const FIRST = `/ip4/127.0.0.1/tcp/1/p2p/${FIRST_ID}`
const SECOND = `/ip4/127.0.0.1/tcp/2/p2p/${SECOND_ID}`

type StopHandler = (stream: unknown, connection: { remotePeer: { toString(): string } }) => Promise<void>

/** libp2p as far as supervision sees it; the test says which relays answer, and which of them reserve. */
function createScriptedNode() {
  const up = new Set<string>()
  const refusing = new Set<string>()
  const reserved = new Set<string>()
  const log: string[] = []
  const connections: ScriptedConnection[] = []
  const listeners: [event: string, listener: () => void][] = []
  const relayFilter = { has: () => true, add: () => undefined }
  let deadStreams = 0
  let handler: StopHandler | undefined
  let handlerOptions: unknown
  const taken: unknown[] = []
  let takeFails: Error | undefined
  const idOf = (address: string) => address.replace('/p2p-circuit', '').split('/p2p/')[1] as string

  function reserve(how: string, peerId: string): void {
    log.push(`${how} ${peerId === FIRST_ID ? 'first' : 'second'}`)
    if (refusing.has(peerId)) throw new Error('PERMISSION_DENIED')
    reserved.add(peerId)
    tell('relay:created-reservation')
  }

  function tell(event: string): void {
    for (const [heard, listener] of listeners) if (heard === event) listener()
  }

  const node = {
    async handle(codec: string, take: StopHandler, options: unknown) {
      if (codec !== RELAY_V2_STOP_CODEC) throw new Error(`not foreseen: ${codec}`)
      handler = take
      handlerOptions = options
    },
    async dial(address: object, { signal }: { signal: AbortSignal }) {
      const peerId = idOf(String(address))
      log.push(`dial ${peerId === FIRST_ID ? 'first' : 'second'}`)
      if (peerId === 'silent') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      if (!up.has(peerId)) throw new Error('ECONNREFUSED')
      const connection = new ScriptedConnection()
      if (deadStreams > 0) {
        deadStreams -= 1
        connection.newStreamFails = new Error('dead')
      }
      connections.push(connection)
      return connection
    },
  }
  const access = {
    transport: {
      async onStop(stream: unknown) {
        if (takeFails !== undefined) throw takeFails
        taken.push(stream)
      },
      reservationStore: {
        relayFilter,
        addRelay: async (peerId: object) => reserve('add', String(peerId)),
        hasReservation: (peerId: object) => reserved.has(String(peerId)),
        cancelReservations: () => reserved.clear(),
        addEventListener: (...listening: [string, () => void]) => listeners.push(listening),
      },
    },
    transportManager: { listen: async ([address]: object[]) => reserve('listen', idOf(String(address))) },
  }
  return {
    up,
    refusing,
    reserved,
    log,
    connections,
    taken,
    deps: { node, access } as unknown as SupervisionDeps,
    access: access as unknown as RelayAccess,
    handlerOptions: () => handlerOptions,
    failTaking(failure: Error) {
      takeFails = failure
    },
    killStreams(count: number) {
      deadStreams = count
    },
    /** The reservation is gone; libp2p says so, or not. */
    lose(peerId: string, isTold: boolean) {
      reserved.delete(peerId)
      if (isTold) tell('relay:removed')
    },
    async bring(peerId: string, stream: ScriptedStream) {
      await handler?.(stream.asStream(), { remotePeer: { toString: () => peerId } })
    },
  }
}

describe('the supervision of relays', () => {
  let libp2p = createScriptedNode()
  let changes: RelayChange[] = []
  let stop: () => Promise<void> = async () => undefined
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    libp2p = createScriptedNode()
    changes = []
  })
  afterEach(async () => {
    await stop()
    vi.restoreAllMocks()
    vi.useRealTimers()
  })
  async function start(...addresses: string[]) {
    const relays = addresses.map(parseRelayAddress)
    const supervisor = await superviseRelays({ relays, circuitsMax: 7, onChange: (change) => changes.push(change) }, libp2p.deps)
    stop = supervisor.stop
    await pass(0)
  }
  const pass = (durationMs: number) => vi.advanceTimersByTimeAsync(durationMs)
  const reserved = (address: string) => ({ address, isReserved: true, detail: '' })
  const lost = (address: string, detail: string) => ({ address, isReserved: false, detail })

  test('a relay is reserved at the start, told once, and left alone while it holds', async () => {
    libp2p.up.add(FIRST_ID)
    await start(FIRST)
    await pass(60_000)
    expect(libp2p.log).toEqual(['dial first', 'listen first'])
    expect(changes).toEqual([reserved(FIRST)])
    // The stream that showed that the relay lives is not left open.
    expect(libp2p.connections[0]?.opened[0]?.status).toBe('aborted')
  })

  test('a relay that is down at the start is tried every second, told once, and used when it comes', async () => {
    await start(FIRST)
    await pass(2_999)
    expect(libp2p.log).toEqual(['dial first', 'dial first', 'dial first'])
    expect(changes).toEqual([lost(FIRST, 'ECONNREFUSED')])
    libp2p.up.add(FIRST_ID)
    await pass(1)
    expect(libp2p.log.slice(3)).toEqual(['dial first', 'listen first'])
    expect(changes).toEqual([lost(FIRST, 'ECONNREFUSED'), reserved(FIRST)])
  })

  test('a reservation that is lost is made again at once, by the listener there is', async () => {
    libp2p.up.add(FIRST_ID)
    await start(FIRST)
    await pass(100)
    libp2p.lose(FIRST_ID, true)
    await pass(0)
    expect(libp2p.log.slice(2)).toEqual(['dial first', 'add first'])
    libp2p.lose(FIRST_ID, true)
    await pass(0)
    expect(libp2p.log.slice(4)).toEqual(['dial first', 'add first'])
  })

  test('one that is lost without a word is noticed within five seconds', async () => {
    libp2p.up.add(FIRST_ID)
    await start(FIRST)
    libp2p.lose(FIRST_ID, false)
    await pass(5_000)
    expect(libp2p.log.slice(2)).toEqual(['dial first', 'add first'])
  })

  test('a relay that restarts is told lost, tried every second, and reserved again', async () => {
    libp2p.up.add(FIRST_ID)
    await start(FIRST)
    libp2p.up.delete(FIRST_ID)
    libp2p.lose(FIRST_ID, true)
    await pass(2_500)
    expect(libp2p.log.slice(2)).toEqual(['dial first', 'dial first', 'dial first'])
    libp2p.up.add(FIRST_ID)
    await pass(500)
    expect(changes).toEqual([reserved(FIRST), lost(FIRST, 'ECONNREFUSED'), reserved(FIRST)])
  })

  test('a relay that refuses is asked again until it does not', async () => {
    libp2p.up.add(FIRST_ID)
    libp2p.refusing.add(FIRST_ID)
    await start(FIRST)
    await pass(1_000)
    // No listener came into being, so the next attempt makes one.
    expect(libp2p.log).toEqual(['dial first', 'listen first', 'dial first', 'listen first'])
    libp2p.refusing.clear()
    await pass(1_000)
    expect(changes).toEqual([lost(FIRST, 'PERMISSION_DENIED'), reserved(FIRST)])
  })

  test('a connection that is dead is closed, so that the next attempt makes another', async () => {
    libp2p.up.add(FIRST_ID)
    libp2p.killStreams(1)
    await start(FIRST)
    expect(libp2p.connections[0]?.done).toEqual(['abort'])
    expect(changes).toEqual([lost(FIRST, 'dead')])
    await pass(1_000)
    expect(changes).toEqual([lost(FIRST, 'dead'), reserved(FIRST)])
  })

  test('libp2p may not give up a relay that failed once', async () => {
    await start(FIRST)
    const { relayFilter } = libp2p.access.transport.reservationStore
    relayFilter.add(Uint8Array.of(1))
    expect(relayFilter.has(Uint8Array.of(1))).toBe(false)
  })

  test('of several relays each has its own fate', async () => {
    libp2p.up.add(SECOND_ID)
    await start(FIRST, SECOND)
    expect(changes).toHaveLength(2)
    expect(changes).toEqual(expect.arrayContaining([lost(FIRST, 'ECONNREFUSED'), reserved(SECOND)]))
    libp2p.up.add(FIRST_ID)
    await pass(1_000)
    libp2p.lose(SECOND_ID, true)
    await pass(0)
    expect(changes.slice(2)).toEqual([reserved(FIRST)])
    expect([...libp2p.reserved].sort()).toEqual([SECOND_ID, FIRST_ID])
  })

  test('reservations are made one after the other: libp2p forgets, without a word, what waits for another', async () => {
    libp2p.up.add(FIRST_ID).add(SECOND_ID)
    const { transportManager } = libp2p.access as unknown as { transportManager: { listen: (addresses: object[]) => Promise<void> } }
    const { listen } = transportManager
    const first = Promise.withResolvers<void>()
    let isBusy = false
    transportManager.listen = async (addresses) => {
      if (isBusy) await new Promise(() => undefined)
      isBusy = true
      await first.promise
      isBusy = false
      await listen(addresses)
    }
    await start(FIRST, SECOND)
    await pass(100)
    first.resolve()
    await pass(100)
    expect([...libp2p.reserved].sort()).toEqual([SECOND_ID, FIRST_ID])
    expect(changes.map(({ isReserved }) => isReserved)).toEqual([true, true])
  })

  test('G11, G12: relays that take the connection and then hang hold up each other and a good one only for their time', async () => {
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((durationMs) => {
      const limit = new AbortController()
      setTimeout(() => limit.abort(new Error('timed out')), durationMs)
      return limit.signal
    })
    const third = `/ip4/127.0.0.1/tcp/3/p2p/${STRANGER_ID}`
    libp2p.up.add(FIRST_ID).add(SECOND_ID).add(STRANGER_ID)
    const { transportManager } = libp2p.access as unknown as { transportManager: { listen: (addresses: object[]) => Promise<void> } }
    const { listen } = transportManager
    // A good one takes a second, more than is left of its time when that runs while it waits.
    transportManager.listen = async (addresses) => {
      if (!String(addresses[0]).includes(SECOND_ID)) return new Promise<never>(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      return listen(addresses)
    }
    // The good one is the farthest, so that the others are always before it.
    const { node } = libp2p.deps as unknown as { node: { dial: (address: object, options: unknown) => Promise<unknown> } }
    const { dial } = node
    node.dial = async (address, options) => {
      if (String(address) === SECOND) await new Promise((resolve) => setTimeout(resolve, 100))
      return dial(address, options)
    }
    await start(SECOND, FIRST, third)
    await pass(22_000)
    expect(changes).toEqual([lost(FIRST, 'timed out'), lost(third, 'timed out'), reserved(SECOND)])
  })

  test('a stop does not wait for a reservation that never comes', async () => {
    libp2p.up.add(FIRST_ID).add(SECOND_ID)
    const { transportManager } = libp2p.access as unknown as { transportManager: { listen: () => Promise<void> } }
    const asked = Promise.withResolvers<void>()
    transportManager.listen = () => {
      asked.resolve()
      return new Promise(() => undefined)
    }
    await start(FIRST, SECOND)
    await asked.promise
    await stop()
    expect(changes).toEqual([])
  })

  test('a slot that is granted after the stop is given up: its renewal would keep the process alive', async () => {
    libp2p.up.add(FIRST_ID)
    const { transportManager } = libp2p.access as unknown as { transportManager: { listen: (addresses: object[]) => Promise<void> } }
    const { listen } = transportManager
    const [asked, granted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let listening: Promise<void> | undefined
    transportManager.listen = (addresses) => {
      asked.resolve()
      listening = granted.promise.then(() => listen(addresses))
      return listening
    }
    await start(FIRST)
    await asked.promise
    await stop()
    granted.resolve()
    await listening
    expect(libp2p.log).toEqual(['dial first', 'listen first'])
    expect([...libp2p.reserved]).toEqual([])
  })

  describe('where two of several relays are to be held', () => {
    const third = `/ip4/127.0.0.1/tcp/3/p2p/${STRANGER_ID}`
    async function startTwo() {
      const relays = [FIRST, SECOND, third].map(parseRelayAddress)
      const supervisor = await superviseRelays(
        { relays, heldMax: 2, circuitsMax: 7, onChange: (change) => changes.push(change) },
        libp2p.deps,
      )
      stop = supervisor.stop
      await pass(0)
    }
    const held = () => [...libp2p.reserved].sort()
    const both = (...ids: string[]) => [...ids].sort()

    test('the first two that work are, the others are left to others', async () => {
      libp2p.up.add(FIRST_ID).add(SECOND_ID).add(STRANGER_ID)
      await startTwo()
      await pass(60_000)
      expect(held()).toEqual(both(FIRST_ID, SECOND_ID))
      expect(changes).toHaveLength(2)
    })

    test('G12: one that is lost is replaced at once, and what took its place stays when it is back', async () => {
      libp2p.up.add(FIRST_ID).add(SECOND_ID).add(STRANGER_ID)
      await startTwo()
      libp2p.up.delete(FIRST_ID)
      libp2p.lose(FIRST_ID, true)
      await pass(10)
      expect(held()).toEqual(both(SECOND_ID, STRANGER_ID))
      libp2p.up.add(FIRST_ID)
      await pass(60_000)
      expect(held()).toEqual(both(SECOND_ID, STRANGER_ID))
    })

    test('one that is down at the start is not waited for', async () => {
      libp2p.up.add(SECOND_ID).add(STRANGER_ID)
      await startTwo()
      await pass(10)
      expect(held()).toEqual(both(SECOND_ID, STRANGER_ID))
    })
  })

  test('after a stop nothing is tried any more, and nothing told', async () => {
    libp2p.up.add(FIRST_ID)
    await start(FIRST, SECOND)
    const before = [libp2p.log.length, changes.length]
    await stop()
    expect(vi.getTimerCount()).toBe(0)
    libp2p.lose(FIRST_ID, true)
    await pass(60_000)
    expect([libp2p.log.length, changes.length]).toEqual(before)
  })

  test('a stop ends an attempt that is under way, and does not call it a failure of the relay', async () => {
    const dialing = Promise.withResolvers<void>()
    const { node } = libp2p.deps as unknown as { node: { dial: unknown } }
    node.dial = (_: unknown, { signal }: { signal: AbortSignal }) => {
      dialing.resolve()
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    }
    await start(FIRST)
    await dialing.promise
    await stop()
    expect(changes).toEqual([])
  })

  test('a stop resolves when the attempt that was under way has ended: no connection comes after it', async () => {
    libp2p.up.add(FIRST_ID)
    const [dialing, dialed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const { node } = libp2p.deps as unknown as { node: { dial: (address: object, limits: { signal: AbortSignal }) => Promise<unknown> } }
    const { dial } = node
    // Too far gone to heed its signal.
    node.dial = async (address, limits) => {
      dialing.resolve()
      await dialed.promise
      return dial(address, limits)
    }
    await start(FIRST)
    await dialing.promise
    const order: string[] = []
    const stopped = stop().then(() => order.push('stopped'))
    await pass(100)
    expect(order).toEqual([])
    dialed.resolve()
    await stopped
    expect([libp2p.log, changes]).toEqual([['dial first'], []])
  })

  test('G7: circuits are taken from the relays that were given, up to a limit, and from no stranger', async () => {
    libp2p.up.add(FIRST_ID)
    await start(FIRST)
    expect(libp2p.handlerOptions()).toMatchObject({ force: true, maxInboundStreams: 7, runOnLimitedConnection: true })
    const [known, strange, failing] = [new ScriptedStream(), new ScriptedStream(), new ScriptedStream()]
    await libp2p.bring(STRANGER_ID, strange)
    expect([strange.status, libp2p.taken]).toEqual(['aborted', []])
    await libp2p.bring(FIRST_ID, known)
    expect([known.status, libp2p.taken]).toEqual(['open', [known]])
    libp2p.failTaking(new Error('no handshake'))
    await libp2p.bring(FIRST_ID, failing)
    expect(failing.status).toBe('aborted')
  })
})

test.each(['nonsense', '/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1/p2p/nobody', ''])('%j is no address of a relay', (text) => {
  expect(() => parseRelayAddress(text)).toThrow(expect.objectContaining({ code: 'LISTEN_FAILED' }))
})
