import { describe, expect, test } from 'vitest'
import { ANSWER_BYTES_MAX, encodeAnswer } from '#wire/rendezvous-frame.ts'
import { createRegistrations, REGISTRATION_LIMITS, type RegistrationLimits } from './registrations.ts'

const HOUR_SECONDS = 3_600
const record = (mark: number) => Uint8Array.of(mark)

function setUp(limits: Partial<RegistrationLimits> = {}, run = 7) {
  let nowMs = 1_000
  const registrations = createRegistrations({ ...REGISTRATION_LIMITS, ...limits }, { nowMs: () => nowMs, run: new Uint8Array(8).fill(run) })
  const register = (
    peer: string,
    { namespace = 'n', address = `at ${peer}`, mark = 1, ttlSeconds = HOUR_SECONDS as number | undefined } = {},
  ) => registrations.register({ peer, address }, { namespace, record: record(mark), ttlSeconds }).status
  const ask = (namespace: string | undefined = 'n', cookie?: Uint8Array, limit?: number) => {
    const { status, registrations: found, cookie: next } = registrations.discover({ namespace, limit, cookie })
    return { status, marks: found.map((one) => one.record[0]), ttls: found.map((one) => one.ttlSeconds), next }
  }
  return {
    registrations,
    register,
    ask,
    pass(seconds: number) {
      nowMs += 1_000 * seconds
    },
  }
}

describe('R8: a registration', () => {
  test('is found under its name until it expires, with what is left of its time', () => {
    const { register, ask, pass, registrations } = setUp()
    expect(register('a', { mark: 1 })).toBe('OK')
    register('b', { mark: 2, namespace: 'm' })
    pass(HOUR_SECONDS - 10)
    expect(ask()).toMatchObject({ status: 'OK', marks: [1], ttls: [10] })
    expect(ask('m').marks).toEqual([2])
    pass(10)
    expect([ask().marks, registrations.count()]).toEqual([[], 0])
  })

  test('holds for two hours when nobody says how long, and not for longer than three days or less than a minute', () => {
    const { register, registrations } = setUp()
    const told = registrations.register({ peer: 'a', address: 'x' }, { namespace: 'n', record: record(1), ttlSeconds: undefined })
    expect(told).toEqual({ status: 'OK', ttlSeconds: 2 * HOUR_SECONDS })
    expect([59, 60, 72 * HOUR_SECONDS, 72 * HOUR_SECONDS + 1].map((ttlSeconds) => register('a', { ttlSeconds }))).toEqual([
      'E_INVALID_TTL',
      'OK',
      'OK',
      'E_INVALID_TTL',
    ])
  })

  test('takes the place of the one before of the same peer and name, and is new', () => {
    const { register, ask, registrations } = setUp()
    register('a', { mark: 1 })
    register('b', { mark: 2 })
    const { next } = ask()
    register('a', { mark: 3 })
    expect([ask().marks, ask('n', next).marks, registrations.count()]).toEqual([[2, 3], [3], 2])
  })

  test('is taken back by its peer alone', () => {
    const { register, ask, registrations } = setUp()
    register('a')
    registrations.unregister('b', 'n')
    registrations.unregister('a', 'm')
    expect(ask().marks).toEqual([1])
    registrations.unregister('a', 'n')
    expect(ask().marks).toEqual([])
  })

  test.each(['', 'x'.repeat(256), '\u{ffff}'.repeat(86)])('has a name of 1 to 255 bytes, not %j', (namespace) => {
    const { register, registrations } = setUp()
    expect(register('a', { namespace })).toBe('E_INVALID_NAMESPACE')
    expect(registrations.discover({ namespace, limit: undefined, cookie: undefined }).status).toBe('E_INVALID_NAMESPACE')
    expect(register('a', { namespace: 'x'.repeat(255) })).toBe('OK')
  })
})

describe('G7, G11: what is full', () => {
  test.each([
    ['in all', { registrationsMax: 2 }, [{}, { namespace: 'm' }, { namespace: 'o' }]],
    ['under one name', { perNamespaceMax: 2 }, [{}, {}, {}]],
    ['of one address', { perAddressMax: 2 }, [{ address: 'x' }, { address: 'x' }, { address: 'x', namespace: 'm' }]],
  ] as const)('%s refuses those that come, and keeps those that are there', (_, limits, wishes) => {
    const { register, registrations, pass } = setUp(limits)
    const statuses = wishes.map((wish, index) => register(`peer ${index}`, wish))
    expect(statuses).toEqual(['OK', 'OK', 'E_UNAVAILABLE'])
    expect(register('peer 0', wishes[0])).toBe('OK')
    expect(registrations.count()).toBe(2)
    pass(HOUR_SECONDS)
    expect(register('peer 2', wishes[2])).toBe('OK')
  })

  test('of one peer: so many names', () => {
    const { register } = setUp({ perPeerMax: 2 })
    expect(['a', 'b', 'c', 'a'].map((namespace) => register('one', { namespace }))).toEqual(['OK', 'OK', 'E_UNAVAILABLE', 'OK'])
    expect(register('two', { namespace: 'c' })).toBe('OK')
  })
})

describe('R8: an answer', () => {
  test('tells the oldest first and no more than it may; the cookie goes on from there', () => {
    const { register, ask } = setUp({ discoveredMax: 2 })
    for (const mark of [1, 2, 3, 4, 5]) register(`peer ${mark}`, { mark })
    const first = ask('n', undefined, 100)
    const second = ask('n', first.next)
    const third = ask('n', second.next)
    expect([first.marks, second.marks, third.marks, ask('n', third.next).marks]).toEqual([[1, 2], [3, 4], [5], []])
    expect(ask('n', undefined, 1).marks).toEqual([1])
  })

  test('without a name is of all of them', () => {
    const { register, registrations } = setUp()
    register('a', { namespace: 'x', mark: 1 })
    register('b', { namespace: 'y', mark: 2 })
    const { registrations: found } = registrations.discover({ namespace: undefined, limit: undefined, cookie: undefined })
    expect(found.map(({ namespace, record: [mark] }) => [namespace, mark])).toEqual([
      ['x', 1],
      ['y', 2],
    ])
  })

  test('fits into a frame, whatever is registered', () => {
    const { registrations } = setUp({ discoveredMax: 1_000 })
    const namespace = '\u{ffff}'.repeat(85)
    for (let peer = 0; peer < 300; peer += 1)
      registrations.register({ peer: `p${peer}`, address: `${peer}` }, { namespace, record: new Uint8Array(2_048), ttlSeconds: 60 })
    const answer = registrations.discover({ namespace, limit: undefined, cookie: undefined })
    expect(answer.registrations.length).toBeGreaterThan(50)
    expect(encodeAnswer({ kind: 'discovered', ...answer }).length).toBeLessThanOrEqual(ANSWER_BYTES_MAX)
    expect(registrations.discover({ namespace, limit: undefined, cookie: answer.cookie }).registrations.length).toBeGreaterThan(50)
  })

  test('to a cookie of another name, of another run, or of nobody, is E_INVALID_COOKIE', () => {
    const { ask, register } = setUp()
    register('a')
    const { next } = ask()
    const others = [ask('m').next, setUp({}, 8).ask().next, Uint8Array.of(1), new Uint8Array(600), next.subarray(0, 8)]
    expect(others.map((cookie) => ask('n', cookie).status)).toEqual(others.map(() => 'E_INVALID_COOKIE'))
    expect(ask('n', next).status).toBe('OK')
  })
})
