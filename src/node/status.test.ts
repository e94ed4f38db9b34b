import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Health, startHealth } from './health.ts'
import { createNotes } from './notes.ts'
import { writeRun } from './run-file.ts'
import { isWell, statusesIn, watchStatuses } from './status.ts'

let dataDir: string
let health: Health | undefined
let server: Server | undefined
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'weft-status-'))
})
afterEach(async () => {
  await health?.stop()
  server?.close()
  rmSync(dataDir, { recursive: true, force: true })
})

function home(name: string): string {
  const directory = join(dataDir, name)
  mkdirSync(directory)
  writeFileSync(join(directory, 'state.sqlite'), '')
  return directory
}
const run = { role: 'relay', startedMs: 1, version: '0.1.0' }
/** More than any system gives. */
const NOBODY = 2 ** 30

test('each role of a folder: one that runs, one that was stopped, one that was killed, one that does not say, one that does not answer', async () => {
  home('stopped')
  writeRun(home('killed'), { ...run, processId: NOBODY, url: 'http://127.0.0.1:1' })
  writeRun(home('quiet'), { ...run, processId: process.pid })
  writeRun(home('mute'), { ...run, processId: process.pid, url: 'http://127.0.0.1:1' })
  const directory = home('relay')
  const notes = createNotes(Date.now)
  health = await startHealth({ role: 'relay', listen: '127.0.0.1:0' }, { directory, notes, report: notes.event })
  health.begin({ unready: () => [], readings: () => [] })
  const statuses = await statusesIn(dataDir)
  expect(statuses.map(({ name, state }) => [name, state])).toEqual([
    ['killed', 'killed'],
    ['mute', 'mute'],
    ['quiet', 'unasked'],
    ['relay', 'running'],
    ['stopped', 'stopped'],
  ])
  expect(statuses.filter(isWell).map(({ name }) => name)).toEqual(['relay'])
  notes.event('not_appointed', { account: '0x1' })
  expect((await statusesIn(dataDir)).some(isWell)).toBe(false)
})

test('another process at the same port, or with the same number, is not taken for the role', async () => {
  const answer = JSON.stringify({ role: 'relay', processId: process.pid + 1 })
  server = createServer((_, response) => response.end(answer))
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  writeRun(home('relay'), { ...run, processId: process.pid, url })
  expect(await statusesIn(dataDir)).toMatchObject([{ state: 'killed' }])
})

test.each(['', '{', '[]', '{"role":"relay"}', '{"role":"relay","processId":"1","startedMs":1,"version":"1"}'])(
  'a run file that no role has written (%j) says nothing',
  async (text) => {
    writeFileSync(join(home('relay'), 'run.json'), text)
    expect(await statusesIn(dataDir)).toEqual([{ name: 'relay', state: 'stopped' }])
  },
)

test('a run file that is no file, or too long for one, holds nobody up', async () => {
  execFileSync('mkfifo', [join(home('pipe'), 'run.json')])
  writeFileSync(join(home('long'), 'run.json'), ' '.repeat(100_000))
  expect(await statusesIn(dataDir)).toEqual([
    { name: 'long', state: 'stopped' },
    { name: 'pipe', state: 'stopped' },
  ])
})

/** What somebody else answers in the name of a role. */
const CLAIMED = {
  ...{
    role: 'relay',
    processId: process.pid,
    startedMs: 1,
    isReady: true,
    unready: [],
    troubles: [],
    lately: [],
    readings: [],
    alerts: [],
  },
}
const trouble = { event: 'disk_full', level: 'error', sinceMs: 1, lastMs: 1, times: 1, facts: {}, help: '' }

async function answering(answer: object): Promise<void> {
  server = createServer((_, response) => response.end(JSON.stringify(answer)))
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  writeRun(home('relay'), { ...run, processId: process.pid, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

test.each<[string, object]>([
  ['has half of it', { role: 'relay', processId: process.pid }],
  ['has times that are none', { ...CLAIMED, troubles: [{ ...trouble, sinceMs: 1e300 }] }],
  ['began at no time', { ...CLAIMED, startedMs: 'now' }],
  ['has money that is none', { ...CLAIMED, money: { account: '0x1', balanceEther: 'much' } }],
  ['has lists that are none', { ...CLAIMED, slots: { length: 3 } }],
])('an answer that %s is no status', async (_what, answer) => {
  await answering(answer)
  expect(await statusesIn(dataDir)).toMatchObject([{ state: 'mute', detail: expect.stringContaining('no status') }])
})

test('nothing that others wrote moves the cursor of whoever looks', async () => {
  const [clear, shown] = ['\u001b[2J', '\\u001b[2J']
  await answering({ ...CLAIMED, troubles: [{ ...trouble, event: clear, facts: { [clear]: clear }, help: clear }] })
  writeRun(home(`z${clear}`), { ...run, role: clear, processId: process.pid, failed: { atMs: Number.NaN, why: clear } })
  const statuses = await statusesIn(dataDir)
  expect(statuses).toMatchObject([
    { state: 'running', status: { troubles: [{ event: shown, facts: { [shown]: shown }, help: shown }] } },
    { name: `z${shown}`, state: 'failed', run: { role: shown, failed: { atMs: 0, why: shown } }, detail: shown },
  ])
})

test('whoever watches gets it again, until it is told to stop', async () => {
  home('relay')
  const stopping = new AbortController()
  let times = 0
  for await (const statuses of watchStatuses(dataDir, stopping.signal)) {
    times += 1
    expect(statuses).toHaveLength(1)
    stopping.abort()
  }
  expect(times).toBe(1)
})
