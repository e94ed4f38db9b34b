import { beforeEach, expect, test } from 'vitest'
import { EVENTS, type EventRow } from './events.ts'
import { GATEWAY_TROUBLES } from './reasons.ts'
import { createTroubles, helpOf, type Troubles } from './troubles.ts'

let nowMs: number
let troubles: Troubles
beforeEach(() => {
  nowMs = 1_000_000
  troubles = createTroubles(() => nowMs)
})
const going = () => troubles.now().map(({ event, times }) => [event, times])

test('what one event says goes on until another takes it back, and of that endpoint only', () => {
  const [slow, lagging] = [
    { chain: 'anchor', endpoint: 'http://a', trouble: 'slow' },
    { chain: 'anchor', endpoint: 'http://a', trouble: 'lagging' },
  ]
  for (const facts of [slow, lagging]) troubles.note('endpoint_trouble', { ...facts, detail: 'as it is' })
  nowMs += 3_000_000
  expect(going()).toEqual([
    ['endpoint_trouble', 1],
    ['endpoint_trouble', 1],
  ])
  troubles.note('endpoint_recovered', { ...slow, times: 3 })
  expect(troubles.now().map(({ facts }) => facts['trouble'])).toEqual(['lagging'])
  expect(troubles.lately().map(({ facts }) => facts['trouble'])).toEqual(['slow'])
})

test('what one gateway does is no trouble of another, and the word that it has says what to do', () => {
  const [lies, slow] = [
    { gateway: 'http://a', trouble: 'lies' },
    { gateway: 'http://b', trouble: 'slow' },
  ]
  for (const facts of [lies, slow]) troubles.note('gateway_trouble', { ...facts, detail: 'as it is' })
  expect(troubles.now().map(helpOf)).toEqual([
    expect.stringContaining(GATEWAY_TROUBLES.lies),
    expect.stringContaining(GATEWAY_TROUBLES.slow),
  ])
  troubles.note('gateway_recovered', { ...lies, times: 1 })
  expect(troubles.now().map(({ facts }) => facts['gateway'])).toEqual(['http://b'])
})

test('what comes again and again is over when it has not come for a minute, and begins anew after that', () => {
  const facts = { doing: 'hand_over', code: 'COLLECTOR_UNAVAILABLE', pauseMs: 250 }
  troubles.note('will_try_again', facts)
  nowMs += 59_000
  troubles.note('will_try_again', { ...facts, pauseMs: 500 })
  expect(troubles.now()).toMatchObject([{ sinceMs: 1_000_000, lastMs: 1_059_000, times: 2, facts: { pauseMs: 500 } }])
  nowMs += 60_000
  expect([going(), troubles.lately().length]).toEqual([[], 1])
  troubles.note('will_try_again', facts)
  expect(troubles.now()).toMatchObject([{ sinceMs: 1_119_000, times: 3 }])
})

test('what repeats and can be taken back ends by either: an address that is not dialed any more is no trouble', () => {
  troubles.note('dial_failed', { address: '/a', detail: 'refused' })
  troubles.note('dial_failed', { address: '/b', detail: 'refused' })
  troubles.note('link_opened', { address: '/b' })
  expect(troubles.now().map(({ facts }) => facts['address'])).toEqual(['/a'])
  nowMs += 60_000
  expect(going()).toEqual([])
})

test('a step that fails for a reason that is told already is not told of besides; when the reason is over, so is the step', () => {
  const failed = { code: 'CHAIN_UNREACHABLE', endpoint: 'http://a' }
  const away = { chain: 'source', endpoint: 'http://a', trouble: 'unreachable' }
  troubles.note('will_try_again', { ...failed, doing: 'read_source' })
  troubles.note('anchor_chain_trouble', failed)
  troubles.note('will_try_again', { code: 'COLLECTOR_UNAVAILABLE', doing: 'hand_over' })
  expect(going()).toHaveLength(3)
  troubles.note('endpoint_trouble', away)
  expect(troubles.now().map(({ event, facts }) => `${event} ${facts['doing'] ?? ''}`)).toEqual([
    'will_try_again hand_over',
    'endpoint_trouble ',
  ])
  troubles.note('endpoint_recovered', away)
  expect(troubles.now().map(({ facts }) => facts['doing'])).toEqual(['hand_over'])
  troubles.note('call_needs_person', { code: 'CALL_UNFUNDED', account: '0x1' })
  troubles.note('will_try_again', { code: 'CALL_UNFUNDED', account: '0x1', doing: 'attest' })
  expect(going().map(([event]) => event)).toEqual(['will_try_again', 'call_needs_person'])
  troubles.note('will_try_again', { code: 'SIGNER_FAILED', account: '0x1', doing: 'attest' })
  troubles.note('endpoint_trouble', { ...away, trouble: 'slow' })
  troubles.note('will_try_again', { ...failed, doing: 'read_source' })
  expect(going(), 'of the same account and the same endpoint, and something else').toHaveLength(5)
})

test('what happened once was lately, for an hour; what is no warning never was', () => {
  troubles.note('outvoted', { epochId: 1, projectId: 'p' })
  troubles.note('epoch_done', { epochId: 1 })
  expect([going(), troubles.lately().map(({ event }) => event)]).toEqual([[], ['outvoted']])
  nowMs += 3_600_000
  expect(troubles.lately()).toEqual([])
})

test('never more than two hundred are remembered, the newest of them', () => {
  for (let count = 0; count < 1_000; count += 1) troubles.note('dial_failed', { address: `/${count}` })
  expect(troubles.now()).toHaveLength(200)
  expect(troubles.now().at(-1)?.facts).toEqual({ address: '/999' })
})

test('every event that takes another back is in the table', () => {
  const ends = Object.values<EventRow>(EVENTS).flatMap(({ until }) => until ?? [])
  expect(ends.length).toBeGreaterThan(0)
  expect(ends.filter((event) => !Object.hasOwn(EVENTS, event))).toEqual([])
})
