import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LogEvent } from '#domain/events.ts'
import { Secret } from '#domain/secret.ts'
import { NO_TOTALS } from '#wire/alert-bodies.ts'
import { parseAlertPlaces, problemsOfAlerts } from './alert-places.ts'
import { type AlertOptions, type Alerts, createAlerts } from './alerts.ts'

let posted: [url: string, body: string | undefined][]
let reported: [LogEvent, object][]
let unready: readonly string[]
let alerts: Alerts
let answer: (url: string, signal: AbortSignal) => Promise<void>
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'Date'] })
  posted = []
  reported = []
  unready = []
  answer = async () => undefined
})
afterEach(async () => {
  const stopped = alerts.stop()
  await vi.advanceTimersByTimeAsync(10_000)
  await stopped
  vi.useRealTimers()
})

function start(options: Partial<AlertOptions> = {}): void {
  const places = [{ kind: 'slack', url: 'https://hooks.test/secret' } as const]
  alerts = createAlerts(
    { role: 'validator', places, cooldownMs: 300_000, heartbeatUrl: undefined, ...options },
    {
      nowMs: () => Date.now(),
      report: (event, facts) => {
        reported.push([event, facts])
        alerts.event(event, facts)
      },
      sender: () => ({ instanceId: 'i', slotId: 0, totals: NO_TOTALS }),
      unready: () => unready,
      async post(url, body, signal) {
        posted.push([url, body])
        await answer(url, signal)
      },
    },
  )
}
const never: typeof answer = (_url, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
const settle = () => vi.advanceTimersByTimeAsync(0)

test('what needs a person goes out once, and again when the cool-down is over; another code at once', async () => {
  start()
  const missed = { epochId: 1, reason: 'batch_window_over' }
  alerts.event('epoch_missed', missed)
  alerts.event('epoch_missed', { ...missed, epochId: 2 })
  alerts.event('epoch_missed', { ...missed, reason: 'pair_taken' })
  alerts.event('will_try_again', { code: 'CHAIN_UNREACHABLE' })
  await settle()
  expect(posted).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(300_000)
  alerts.event('epoch_missed', missed)
  await settle()
  expect(posted).toHaveLength(3)
  expect(alerts.sent().map(({ event, sent, failed }) => [event, sent, failed])).toEqual(Array(3).fill(['epoch_missed', ['slack'], []]))
})

test('a place that does not take it is told of by its host, and by nothing else of its URL; nobody is told of that', async () => {
  start()
  answer = async () => {
    throw new Error('HTTP 500')
  }
  alerts.event('failed', { code: 'STORE_FULL' })
  await settle()
  expect(reported).toEqual([['alert_unsent', { place: 'slack at hooks.test', detail: 'HTTP 500' }]])
  expect(alerts.sent()).toMatchObject([{ sent: [], failed: ['slack'] }])
  expect(posted).toHaveLength(1)
})

test('a place that never answers costs ten seconds of the alerts and nothing of the role; what comes beyond a hundred is dropped', async () => {
  start({ cooldownMs: 0 })
  answer = never
  for (let count = 0; count < 1_000; count += 1) alerts.event('failed', { code: `CODE_${count}` })
  await settle()
  expect(posted).toHaveLength(1)
})

test('a role that is not ready for five minutes is told of, with the reasons; one that starts is not', async () => {
  start()
  unready = ['starting']
  await vi.advanceTimersByTimeAsync(240_000)
  unready = []
  await vi.advanceTimersByTimeAsync(30_000)
  unready = ['unlinked', 'anchor_old']
  await vi.advanceTimersByTimeAsync(300_000)
  expect(posted).toEqual([])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(posted).toEqual([['https://hooks.test/secret', '{"text":"validator: not ready: unlinked, anchor_old"}']])
})

test('the sign of life comes while the role is ready, and stops when it is not', async () => {
  start({ places: [], heartbeatUrl: 'https://beat.test/uuid' })
  await vi.advanceTimersByTimeAsync(90_000)
  unready = ['anchor_old']
  await vi.advanceTimersByTimeAsync(900_000)
  expect(posted).toEqual(Array(3).fill(['https://beat.test/uuid', undefined]))
})

describe('stopping', () => {
  test('lets the last word go out: that a role has failed is what matters', async () => {
    start()
    alerts.event('failed', { code: 'STORE_FULL' })
    await alerts.stop()
    expect(posted).toHaveLength(1)
  })

  test('waits three seconds for it at most', async () => {
    start()
    answer = never
    alerts.event('failed', { code: 'STORE_FULL' })
    const stopped = alerts.stop()
    await vi.advanceTimersByTimeAsync(3_000)
    await stopped
    expect(reported).toEqual([])
  })
})

describe('the setting', () => {
  test('names places of four kinds', () => {
    start()
    const text =
      'slack:https://a.test/x, telegram:https://b.test;chat=-5;thread=9,telegram:https://b.test;chat=1 ,issues:http://c.test:9030,webhook:http://d.test'
    expect(parseAlertPlaces(text)).toEqual([
      { kind: 'slack', url: 'https://a.test/x' },
      { kind: 'telegram', url: 'https://b.test', chatId: '-5', threadId: '9' },
      { kind: 'telegram', url: 'https://b.test', chatId: '1', threadId: undefined },
      { kind: 'issues', url: 'http://c.test:9030' },
      { kind: 'webhook', url: 'http://d.test' },
    ])
    expect(parseAlertPlaces('')).toEqual([])
  })

  test.each([
    'secret',
    'slack:secret',
    'mail:https://secret.test',
    'slack:https://secret.test;chat=1',
    'telegram:https://secret.test',
    'telegram:https://secret.test;chat=1;to=2',
    `${'slack:https://secret.test,'.repeat(9)}`,
  ])('%j is a problem that does not repeat it', (text) => {
    start()
    const problems = problemsOfAlerts({ alertTo: new Secret(text), heartbeatUrl: new Secret('') })
    expect(problems).toHaveLength(1)
    expect(problems.join()).not.toContain('secret')
  })

  test('a heartbeat goes to a URL', () => {
    start()
    expect(problemsOfAlerts({ heartbeatUrl: new Secret('secret') })).toEqual([
      '--heartbeat-url (WEFT_HEARTBEAT_URL): is not an http(s) URL',
    ])
  })
})
