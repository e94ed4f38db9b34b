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
