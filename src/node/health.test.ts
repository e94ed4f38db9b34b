import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { reading } from '#domain/metrics.ts'
import type { RoleStatus } from './faring.ts'
import { type Health, startHealth } from './health.ts'
import { createNotes, type Notes } from './notes.ts'
import type { Vitals } from './role.ts'
import { readRun } from './run-file.ts'
import { healthPortOf } from './settings/roles.ts'

let directory: string
let notes: Notes
let started: Health[]
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-health-'))
  notes = createNotes(Date.now)
  started = []
})
afterEach(async () => {
  for (const health of started) await health.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function start(
  listen = '127.0.0.1:0',
  { home = directory, hosts }: { readonly home?: string; readonly hosts?: readonly string[] } = {},
): Promise<Health> {
  const health = await startHealth({ role: 'collector', listen, ...(hosts && { hosts }) }, { directory: home, notes, report: notes.event })
  started.push(health)
  return health
}
const ask = async (health: Health, path: string) => {
  const answer = await fetch(`${health.url}${path}`)
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }
}
const VITALS: Vitals = {
  unready: () => [{ reason: 'unlinked', detail: 'as it is' }],
  readings: () => [reading('weft_collector_outbox_submissions', 7, {})],
}

describe('whoever asks', () => {
  test('a role that starts hears that it lives and is not ready, and why; then what the role says; then that it has ended', async () => {
    const health = await start()
    expect(await ask(health, '/livez')).toMatchObject({ status: 200, text: '{"role":"collector","isAlive":true}' })
    const ready = async () => {
      const { status, text } = await ask(health, '/readyz')
      return [status, (JSON.parse(text) as { reasons: unknown }).reasons]
    }
    expect(await ready()).toEqual([503, [{ reason: 'starting' }]])
    health.begin(VITALS)
    expect(await ready()).toEqual([503, [{ reason: 'unlinked', detail: 'as it is' }]])
    health.begin({ ...VITALS, unready: () => [] })
    expect(await ready()).toEqual([200, []])
    health.end()
    expect(await ready()).toEqual([503, [{ reason: 'ended' }]])
  })

  test('for readiness hears of what goes on in the log too: the office, the account, the rules, the disk', async () => {
    const health = await start()
    health.begin({ ...VITALS, unready: () => [] })
    notes.event('not_appointed', { account: '0x1' })
    notes.event('call_needs_person', { code: 'CALL_UNFUNDED' })
    notes.event('epoch_held', { code: 'MANIFEST_UNKNOWN', epochId: 7 })
    notes.event('disk_full', { path: '/somewhere' })
    expect(JSON.parse((await ask(health, '/readyz')).text)).toMatchObject({
      reasons: [{ reason: 'not_appointed' }, { reason: 'account_stuck' }, { reason: 'rules_unknown' }, { reason: 'store_full' }],
    })
    notes.event('appointed', { account: '0x1' })
    notes.event('disk_has_room', { path: '/somewhere' })
    expect((await ask(health, '/readyz')).text).not.toMatch(/not_appointed|store_full/)
  })

  test('for metrics gets what all roles have, what the log counts, and what the role says', async () => {
    const health = await start()
    health.begin(VITALS)
    notes.event('will_try_again', { code: 'CHAIN_UNREACHABLE', doing: 'x' })
    notes.event('will_try_again', { code: 'CHAIN_UNREACHABLE', doing: 'x' })
    notes.event('failed', { code: 'no code, but a whole sentence' })
    await ask(health, '/metrics')
    const { type, text } = await ask(health, '/metrics')
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(text).toMatch(/^weft_info\{role="collector",version="[0-9.]+"\} 1$/m)
    expect(text).toContain('\nweft_ready 0\n')
    expect(text).toContain('\nweft_unready{reason="unlinked"} 1\n')
    expect(text).toContain('\nweft_events_total{event="will_try_again",level="warn",code="CHAIN_UNREACHABLE"} 2\n')
    expect(text).toContain('\nweft_events_total{event="failed",level="error",code=""} 1\n')
    expect(text).toContain('\nweft_trouble{event="will_try_again"} 1\n')
    expect(text).toContain('\nweft_collector_outbox_submissions 7\n')
    for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'weft_disk_free_bytes'])
      expect(text).toMatch(new RegExp(`^${name} (?!0$)`, 'm'))
  })

  test('for its status gets all of it, with what to do about it, and money and slots', async () => {
    const health = await start()
    const money = { ask: async () => ({ account: '0x1' as never, balanceEther: 2 }), readings: () => [] }
    health.begin({ ...VITALS, money, slots: async () => [{ slotId: 3 as never, handedOver: 1, included: 1, outvoted: 0, leftOut: 0 }] })
    notes.event('dial_failed', { address: '/a', detail: 'refused' })
    notes.event('outvoted', { epochId: 1 })
    const status = JSON.parse((await ask(health, '/status')).text) as RoleStatus
    expect(status).toMatchObject({
      role: 'collector',
      processId: process.pid,
      isReady: false,
      unready: [{ reason: 'unlinked', help: expect.stringMatching(/dial_failed/) }],
      troubles: [{ event: 'dial_failed', times: 1, facts: { address: '/a' }, help: expect.stringMatching(/sequencer/) }],
      lately: [{ event: 'outvoted' }],
      money: { balanceEther: 2 },
      slots: [{ slotId: 3 }],
    })
  })
})

test('what keeps a role from being ready stands in its log too, and is told to whoever asks as that reason alone', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const health = await start()
    health.begin(VITALS)
    vi.advanceTimersByTime(60_000)
    const status = JSON.parse((await ask(health, '/status')).text) as RoleStatus
    expect([status.unready.map(({ reason }) => reason), status.troubles]).toEqual([['unlinked'], []])
    const { text } = await ask(health, '/metrics')
    expect(text).toContain('\nweft_events_total{event="unready",level="warn",code="unlinked"} 1\n')
    expect(text).not.toContain('weft_trouble{event="unready"}')
    health.begin({ ...VITALS, unready: () => [] })
    vi.advanceTimersByTime(60_000)
    expect((await ask(health, '/metrics')).text).toContain('\nweft_events_total{event="unready_over",level="info",code="unlinked"} 1\n')
    const lately = (JSON.parse((await ask(health, '/status')).text) as RoleStatus).lately
    expect(lately).toMatchObject([{ event: 'unready', facts: { reason: 'unlinked', detail: 'as it is' } }])
    await started.pop()?.stop()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('slots are looked at now and then, however often anybody asks', async () => {
  const health = await start()
  let looks = 0
  const slots = async () => {
    looks += 1
    return []
  }
  health.begin({ ...VITALS, slots })
  for (let count = 0; count < 3; count += 1) await ask(health, '/status')
  expect(looks).toBe(1)
})

test('G11: pages of a browser are refused, whatever they ask for, and a scraper has its answer', async () => {
  const health = await start()
  const { port } = new URL(health.url ?? '')
  const asPage = async (headers: Record<string, string>, path = '/metrics') => {
    const asking = request({ host: '127.0.0.1', port, path, headers }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return { status: answer.statusCode, cors: answer.headers['access-control-allow-origin'], text: await text(answer) }
  }
  const asked: Record<string, string>[] = [
    { origin: 'https://example.org' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:3000' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { host: 'evil.example' },
  ]
  for (const headers of asked)
    expect(await asPage(headers)).toEqual({
      status: 403,
      cors: undefined,
      text: expect.stringContaining('host' in headers ? 'HOST_REFUSED' : 'ORIGIN_REFUSED'),
    })
  expect((await ask(health, '/metrics')).status).toBe(200)
  expect((await asPage({ 'sec-fetch-site': 'none' }, '/livez')).status, 'who types the address in').toBe(200)
})

test('G11: by a name that is not this machine’s nobody is answered: a page of elsewhere may have its own lead here', async () => {
  const health = await start('127.0.0.1:0', { hosts: ['metrics.example.org'] })
  const { port } = new URL(health.url ?? '')
  const by = async (host: string, path = '/metrics') => {
    const asking = request({ host: '127.0.0.1', port, path, headers: { host, connection: 'close' } }).end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return { status: answer.statusCode, text: await text(answer) }
  }
  for (const own of [
    '127.0.0.1',
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `[::1]:${port}`,
    'metrics.example.org',
    'METRICS.example.org:80',
  ])
    expect([own, (await by(own)).status]).toEqual([own, 200])
  for (const path of ['/livez', '/readyz', '/metrics', '/status', '/nothing'])
    expect(await by(`evil.example:${port}`, path)).toMatchObject({ status: 403, text: expect.stringContaining('--health-hosts') })
  for (const foreign of ['127.0.0.1.evil.example', 'localhost.evil.example', 'example.org', 'x.metrics.example.org', '10.0.0.1'])
    expect([foreign, (await by(foreign)).status]).toEqual([foreign, 403])
})

test('who says no name at all, as load balancers do, is answered', async () => {
  const { url = '' } = await start()
  const socket = connect(Number(new URL(url).port), '127.0.0.1').end('GET /livez HTTP/1.0\r\n\r\n')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /)
})

describe('the place', () => {
  test('is the first free port of its kind, so that two of one kind do not disturb each other', async () => {
    const [first, second] = [await start('auto'), await start('auto', { home: mkdtempSync(join(directory, 'other')) })]
    const ports = [first, second].map(({ url }) => Number(new URL(url ?? '').port))
    for (const port of ports) expect([port >= healthPortOf('collector'), port < healthPortOf('collector') + 10]).toEqual([true, true])
    expect(ports[0]).not.toBe(ports[1])
  })

  test('stands in the data directory while it runs, and no longer', async () => {
    const health = await start()
    expect(readRun(directory)).toMatchObject({ role: 'collector', processId: process.pid, url: health.url })
    await started.pop()?.stop()
    expect(readRun(directory)).toBeUndefined()
    expect(readdirSync(directory)).toEqual([])
  })

  test('is none when it is off; that the role runs is written down all the same', async () => {
    const health = await start('off')
    expect(health.url).toBeUndefined()
    expect(readFileSync(join(directory, 'run.json'), 'utf8')).not.toContain('url')
    expect(readRun(directory)).toMatchObject({ processId: process.pid })
  })

  test('that is given and taken is refused', async () => {
    const { url = '' } = await start()
    await expect(start(new URL(url).host)).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  })
})

describe('whoever does it harm costs nobody anything:', () => {
  const talk = async (health: Health, text: string) => {
    const socket = connect(Number(new URL(health.url ?? '').port), '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(text)
    return socket
  }

  /** A connection too many is closed. */
  const CLOSED = 0
  const statusOr = (otherwise: number, answer: Promise<Response>) =>
    answer.then(
      ({ status }) => status,
      () => otherwise,
    )

  test('who asks too often is told to come again; what the role does goes on', async () => {
    const health = await start()
    health.begin({ ...VITALS, unready: () => [] })
    const asking = async (path: string) => {
      const statuses: number[] = []
      for (let count = 0; count < 8; count += 1) statuses.push(await statusOr(CLOSED, fetch(`${health.url}${path}`)))
      return statuses
    }
    const askingMuch = async (path: string) => (await Promise.all(Array.from({ length: 16 }, () => asking(path)))).flat()
    const statuses = await askingMuch('/metrics')
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0)
    expect(statuses.filter((status) => ![200, 429, 503, CLOSED].includes(status))).toEqual([])
    // More than one: on a slow machine a token has come back meanwhile.
    expect(await askingMuch('/livez')).toContain(429)
  })

  test('who sends garbage, says nothing or never reads keeps no other from its answer', async () => {
    const health = await start()
    health.begin({ ...VITALS, unready: () => [] })
    const sockets = await Promise.all([
      talk(health, '\u0000\u0001garbage\r\n\r\n'),
      talk(health, 'GET /metrics HTTP/1.1\r\nHost: x\r\n'),
      talk(health, 'POST /metrics HTTP/1.1\r\nHost: x\r\ncontent-length: 99999999\r\n\r\n{'),
      ...Array.from({ length: 4 }, async () => (await talk(health, 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4))).pause()),
    ])
    expect((await ask(health, '/livez')).status).toBe(200)
    expect((await ask(health, '/nothing')).status).toBe(404)
    for (const socket of sockets) socket.destroy()
  })
})
