import type { Connection, Libp2p } from '@libp2p/interface'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { toldOf, type WeftError } from '#domain/errors.ts'
import { createVirtualClock, type VirtualClock } from '#io/clock/fake.ts'
import { superviseLinks } from './links.ts'
import type { Wait } from './unixfs.ts'

/** The pauses of the supervision, on a clock that the test moves. */
let clock: VirtualClock
afterEach(() => {
  vi.restoreAllMocks()
})

const addressOf = (port: number) => `/ip4/127.0.0.1/tcp/${port}`

/** A libp2p whose dials end as told: 'open', a failure, or never by themselves. */
function open(answers: ('open' | 'refused' | 'silent')[] = []) {
  clock = createVirtualClock()
  const start = clock.nowMs()
  // The limit of one dial, on the same clock.
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((durationMs) => {
    const limit = new AbortController()
    void clock.sleep(durationMs).then(() => limit.abort(new Error('timed out')))
    return limit.signal
  })
  const dials: { readonly address: string; readonly atMs: number }[] = []
  const connections: (EventTarget & { status: string })[] = []
  const stopping = new AbortController()
  const dial = async (address: unknown, options?: { readonly signal?: AbortSignal }) => {
    dials.push({ address: String(address), atMs: clock.nowMs() - start })
    const answer = answers.shift() ?? 'refused'
    if (answer === 'refused') throw new Error('refused')
    if (answer === 'silent')
      return new Promise((_, reject) => options?.signal?.addEventListener('abort', () => reject(options.signal?.reason)))
    const connection = Object.assign(new EventTarget(), { status: 'open' })
    connections.push(connection)
    return connection
  }
  const libp2p = { dial: dial as unknown as Libp2p['dial'] }
  const wait: Wait = (durationMs, signal) => clock.sleep(durationMs, signal)
  const told: string[] = []
  const onDialled = (address: string, failure?: WeftError) =>
    void told.push(`${address} ${failure === undefined ? 'reached' : toldOf(failure)['detail']}`)
  const links = superviseLinks({ signal: stopping.signal }, { libp2p, wait, onDialled })
  return {
    links,
    told,
    dials,
    connections: connections as unknown as Connection[],
    close(index: number) {
      const connection = connections[index]
      if (connection === undefined) throw new Error(`there are ${connections.length} connections`)
      connection.status = 'closed'
      connection.dispatchEvent(new Event('close'))
    },
    stop: () => stopping.abort(new Error('stopped')),
    times: () => dials.map(({ atMs }) => atMs),
  }
}

describe('a link', () => {
  test('is dialled at once, and left alone while it is open', async () => {
    const { links, dials } = open(['open'])
    await links.connect(addressOf(1))
    await clock.advance(600_000)
    expect(dials).toEqual([{ address: addressOf(1), atMs: 0 }])
  })

  test('G12: that is lost is dialled again, soon', async () => {
    const { links, close, times } = open(['open', 'open'])
    await links.connect(addressOf(1))
    close(0)
    await clock.advance(199)
    expect(times()).toEqual([0])
    await clock.advance(1)
    expect(times()).toEqual([0, 200])
  })

  test('to nobody is tried ever more slowly, and never given up', async () => {
    const { links, times } = open()
    links.keep(addressOf(1))
    await clock.advance(32_601)
    expect(times()).toEqual([0, 200, 600, 1_400, 3_000, 6_200, 12_600, 22_600, 32_600])
  })

  test('is told of with each attempt, that failed or that reached the peer; not with the one that the stop ended', async () => {
    const { links, close, told, stop } = open(['refused', 'open', 'refused', 'silent'])
    links.keep(addressOf(1))
    await clock.advance(200)
    close(0)
    await clock.advance(200)
    await clock.advance(400)
    stop()
    await links.stopped()
    expect(told).toEqual(['refused', 'reached', 'refused'].map((end) => `${addressOf(1)} ${end}`))
  })

  test('that was there is tried soon again when it is lost, however long it took to come', async () => {
    const { links, close, times } = open(['refused', 'refused', 'open', 'open'])
    links.keep(addressOf(1))
    await clock.advance(1_000)
    close(0)
    await clock.advance(200)
    expect(times()).toEqual([0, 200, 600, 1_200])
  })

  test('that was closed before anybody listened is dialled again', async () => {
    const { links, times, connections } = open(['open', 'open'])
    const connecting = links.connect(addressOf(1))
    Object.assign((await vi.waitUntil(() => connections[0])) ?? {}, { status: 'closed' })
    await connecting
    await clock.advance(200)
    expect(times()).toEqual([0, 200])
  })

  test('G7: to a peer that never answers is given up after its time, and tried again', async () => {
    const { links, times } = open(['silent', 'open'])
    const connecting = links.connect(addressOf(1))
    await expect(clock.runUntil(connecting, { limitMs: 5_000 })).rejects.toMatchObject({
      code: 'LINK_FAILED',
      facts: { address: addressOf(1), detail: 'timed out' },
    })
    await clock.advance(200)
    expect(times()).toEqual([0, 5_200])
  })
})

describe('who waits for a link', () => {
  test('is told of the first attempt only', async () => {
    const { links, times } = open(['refused', 'open'])
    await expect(links.connect(addressOf(1))).rejects.toMatchObject({ code: 'LINK_FAILED', facts: { detail: 'refused' } })
    await clock.advance(200)
    expect(times()).toEqual([0, 200])
  })

  test('G7: shares it with everybody who names the same address', async () => {
    const { links, dials } = open(['open', 'open'])
    links.keep(addressOf(1))
    await Promise.all([links.connect(addressOf(1)), links.connect(addressOf(1))])
    expect(dials).toHaveLength(1)
  })

  test('G7: is refused text that is no address, and nothing is dialled for it', async () => {
    const { links, dials } = open()
    expect(() => links.keep('no address')).toThrow(expect.objectContaining({ code: 'LINK_FAILED' }))
    await expect(links.connect('no address')).rejects.toMatchObject({ code: 'LINK_FAILED', facts: { address: 'no address' } })
    await clock.advance(60_000)
    expect(dials).toEqual([])
  })

  test('G7: is refused more links than anybody needs; those kept go on', async () => {
    const { links, dials } = open(Array(300).fill('open'))
    for (let port = 1; port <= 256; port += 1) links.keep(addressOf(port))
    const full = { code: 'QUEUE_FULL', facts: { queue: 'IPFS peers', lengthMax: 256 } }
    expect(() => links.keep(addressOf(257))).toThrow(expect.objectContaining(full))
    await expect(links.connect(addressOf(257))).rejects.toMatchObject(full)
    await links.connect(addressOf(256))
    expect(dials).toHaveLength(256)
  })
})

describe('the end', () => {
  test.each<[string, 'open' | 'refused' | 'silent']>([
    ['an open link', 'open'],
    ['a pause', 'refused'],
    ['a dial', 'silent'],
  ])('comes in the middle of %s, and nothing is dialled after it', async (_, answer) => {
    const { links, dials, stop } = open([answer])
    links.keep(addressOf(1))
    await clock.advance(10)
    stop()
    await clock.runUntil(links.stopped(), { limitMs: 1 })
    await clock.advance(60_000)
    expect(dials).toHaveLength(1)
  })
})
