import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { connect, dialFirst, improve } from './connect.ts'
import { createScriptedDialer } from './scripted.test-dialer.ts'

const never = new AbortController().signal
const ADDRESSES = ['/direct', '/relay', '/far-relay']
const BACKOFF = { firstMs: 200, lastMs: 2_000 }

function setUp(...up: string[]) {
  const clock = createVirtualClock({ startMs: 0 })
  const dialer = createScriptedDialer(...up)
  const reports: unknown[] = []
  const dials: [string, number][] = []
  const timed = {
    dial: (address: string, signal: AbortSignal) => {
      dials.push([address, clock.nowMs()])
      return dialer.dial(address, signal)
    },
  }
  // The longest pause there is.
  const random = { ...createSeededRandom(1), fraction: () => 1 }
  return {
    clock,
    dialer,
    reports,
    dials,
    deps: { dialer: timed, clock, random, report: (event: string, facts: object) => reports.push({ event, ...facts }) },
  }
}

describe('a dial', () => {
  test('C7: goes through the addresses in the order of preference and takes the first that answers', async () => {
    const { deps, dialer, reports } = setUp('/relay', '/far-relay')
    expect(await dialFirst(ADDRESSES, deps, never)).toMatchObject({ address: '/relay' })
    expect(dialer.dialed).toEqual(['/direct', '/relay'])
    expect(reports).toEqual([{ event: 'dial_failed', address: '/direct', detail: 'nobody is there' }])
  })

  test('nothing that answers is told, not thrown; a failure of our own is thrown', async () => {
    const { deps, dialer } = setUp()
    expect(await dialFirst(ADDRESSES, deps, never)).toBeUndefined()
    expect(dialer.dialed).toEqual(ADDRESSES)
    dialer.failure = new TypeError('a bug')
    await expect(dialFirst(ADDRESSES, deps, never)).rejects.toThrow('a bug')
  })

  test('after an abort nobody is dialed any more', async () => {
    const leaving = new AbortController()
    const { deps, dialer } = setUp('/far-relay')
    const stopAtSecond = {
      ...deps,
      dialer: {
        dial: (address: string, signal: AbortSignal) => {
          if (address === '/relay') leaving.abort()
          return dialer.dial(address, signal)
        },
      },
    }
    expect(await dialFirst(ADDRESSES, stopAtSecond, leaving.signal)).toBeUndefined()
    expect(dialer.dialed).toEqual(['/direct', '/relay'])
  })
})

describe('a dial of an address that swallows what is sent to it', () => {
  /** As `setUp`; `/direct` never answers, and is given up when the signal says so. */
  function setUpSilent(...up: string[]) {
    const world = setUp(...up)
    const givenUpMs: number[] = []
    const { dial } = world.deps.dialer
    world.deps.dialer.dial = (address, signal) => {
      if (address !== '/direct') return dial(address, signal)
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          givenUpMs.push(world.clock.nowMs())
          reject(new WeftError('LINK_FAILED', { address, detail: (signal.reason as Error).message }))
        })
      })
    }
    return { ...world, givenUpMs }
  }
  const connecting = (addresses: string[], { deps }: ReturnType<typeof setUp>) =>
    connect({ addresses: () => addresses, backoff: BACKOFF, failedRounds: 0 }, deps, never)

  test('C16, G12: is given up after a second for the next', async () => {
    const world = setUpSilent('/relay')
    const dialing = connecting(ADDRESSES, world)
    await world.clock.advance(999)
    expect(world.dials).toEqual([])
    expect(await world.clock.runUntil(dialing, { limitMs: 1 })).toMatchObject({ address: '/relay' })
    expect([world.dials, world.givenUpMs]).toEqual([[['/relay', 1_000]], [1_000]])
    expect(world.reports).toEqual([{ event: 'dial_failed', address: '/direct', detail: 'no answer within 1000 ms' }])
  })

  test('C16: is waited for longer in each round that finds nobody, and for long when it is the last', async () => {
    const world = setUpSilent()
    void connecting(['/direct', '/relay'], world)
    await world.clock.advance(45_000)
    const waitedMs = world.givenUpMs.map(
      (atMs, index) => atMs - (world.dials[index - 1]?.[1] ?? 0) - ([0, 200, 400, 800, 1_600, 2_000][index] ?? 0),
    )
    expect(waitedMs.slice(0, 5)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000])
    const alone = setUpSilent()
    void connecting(['/direct'], alone)
    await alone.clock.advance(10_000)
    expect(alone.givenUpMs).toEqual([10_000])
  })
})

describe('connecting', () => {
  test('C9: the first round goes at once, each later one after a longer pause, up to the longest', async () => {
    const { deps, dialer, dials, clock } = setUp()
    const connecting = connect({ addresses: () => ['/direct'], backoff: BACKOFF, failedRounds: 0 }, deps, never)
    await clock.advance(9_000)
    dialer.up.add('/direct')
    expect(await clock.runUntil(connecting, { limitMs: 2_000 })).toMatchObject({ address: '/direct' })
    const times = dials.map(([, atMs]) => atMs)
    expect(times).toEqual([0, 200, 600, 1_400, 3_000, 5_000, 7_000, 9_000, 11_000].slice(0, times.length))
    expect(times.length).toBeGreaterThan(7)
  })

  test('C9: what went wrong before counts', async () => {
    const { deps, dials, clock } = setUp('/direct')
    await clock.runUntil(connect({ addresses: () => ['/direct'], backoff: BACKOFF, failedRounds: 3 }, deps, never), { limitMs: 2_000 })
    expect(dials).toEqual([['/direct', 800]])
  })

  test('an abort ends it, also in a pause', async () => {
    const { deps, dialer, clock } = setUp()
    const leaving = new AbortController()
    const connecting = connect({ addresses: () => ['/direct'], backoff: BACKOFF, failedRounds: 0 }, deps, leaving.signal)
    await clock.advance(100)
    leaving.abort()
    expect(await clock.runUntil(connecting, { limitMs: 0 })).toBeUndefined()
    expect(dialer.dialed).toHaveLength(1)
  })
})

describe('improving', () => {
  const staying = { others: () => ['/other'], leaving: undefined, intervalMs: 1_000 }

  test('C7: only better addresses are tried, once an interval, best first, until one answers', async () => {
    const { deps, dialer, dials, clock } = setUp('/far-relay')
    const improving = improve({ ...staying, better: () => ADDRESSES.slice(0, 2) }, deps, never)
    await clock.advance(2_500)
    expect(dials).toEqual([
      ['/direct', 1_000],
      ['/relay', 1_000],
      ['/direct', 2_000],
      ['/relay', 2_000],
    ])
    dialer.up.add('/relay')
    expect(await clock.runUntil(improving, { limitMs: 1_000 })).toMatchObject({ address: '/relay' })
  })

  test('where nothing is better, nothing is tried', async () => {
    const { deps, dialer, clock } = setUp('/direct', '/other')
    const over = new AbortController()
    const improving = improve({ ...staying, better: () => [] }, deps, over.signal)
    await clock.advance(60_000)
    over.abort()
    expect(await clock.runUntil(improving, { limitMs: 0 })).toBeUndefined()
    expect(dialer.dialed).toEqual([])
  })

  test('C16: once the link is about to end any other way is sought, at once and twice a second', async () => {
    const { deps, dialer, dials, clock } = setUp()
    const leaving = Promise.withResolvers<void>()
    const improving = improve({ ...staying, better: () => ['/direct'], leaving: leaving.promise }, deps, never)
    await clock.advance(300)
    leaving.resolve()
    await clock.advance(600)
    expect(dials).toEqual([
      ['/other', 300],
      ['/other', 800],
    ])
    dialer.up.add('/other')
    expect(await clock.runUntil(improving, { limitMs: 500 })).toMatchObject({ address: '/other' })
  })

  test('an abort ends it without another dial', async () => {
    const { deps, dialer, clock } = setUp('/direct')
    const leaving = new AbortController()
    const improving = improve({ ...staying, better: () => ['/direct'] }, deps, leaving.signal)
    await clock.advance(500)
    leaving.abort()
    expect(await clock.runUntil(improving, { limitMs: 0 })).toBeUndefined()
    expect(dialer.dialed).toEqual([])
  })
})
