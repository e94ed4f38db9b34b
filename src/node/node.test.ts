import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { type ReadyPart, runParts } from './node.ts'
import type { RunningRole } from './role.ts'
import type { Settings } from './settings/settings.ts'
import type { Pools } from './pools.ts'

let folder: string
let told: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-node-'))
  told = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const parts = (...names: string[]): ReadyPart[] =>
  names.map((name) => ({ name, role: 'relay', file: {}, settings: { logFormat: 'json' } as Settings }))
const log = () => ({ role: 'node', logTo: join(folder, 'log') })
const events = () =>
  readFileSync(join(folder, 'log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string; part: string; code?: string })

/** A role at work, which ends when it is told to or fails as it is told to. */
function roleOf(name: string) {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  const role: RunningRole = {
    places: {},
    handle: undefined,
    healthUrl: undefined,
    ended,
    async stop() {
      told.push(`${name} stopped`)
      resolve()
      stopped.resolve()
    },
  }
  ended.catch(() => undefined)
  return { role, fail: reject, stopped: stopped.promise }
}

test('they start at once, with one pool of endpoints, and stop one after the other, those first that others wait for least', async () => {
  const stopping = new AbortController()
  const given = new Set<Pools>()
  const all = Promise.withResolvers<void>()
  const running = runParts(parts('relay', 'collector', 'snapshotter'), stopping.signal, {
    log: log(),
    async start({ name }, { pools }) {
      given.add(pools)
      if (told.push(name) === 3) all.resolve()
      return roleOf(name).role
    },
  })
  await all.promise
  stopping.abort()
  await running
  expect([told, given.size]).toEqual([
    ['relay', 'collector', 'snapshotter', 'snapshotter stopped', 'collector stopped', 'relay stopped'],
    1,
  ])
})

test('one that needs a person is told and stopped, and the others go on', async () => {
  const stopping = new AbortController()
  const roles = new Map(['relay', 'collector'].map((name) => [name, roleOf(name)]))
  const started = Promise.withResolvers<void>()
  const running = runParts(parts('relay', 'collector'), stopping.signal, {
    log: log(),
    async start({ name }) {
      if (name === 'collector') started.resolve()
      return (roles.get(name) as ReturnType<typeof roleOf>).role
    },
  })
  await started.promise
  const relay = roles.get('relay')
  relay?.fail(new WeftError('DATA_DIR_EMPTY', { dataDir: 'x' }))
  await relay?.stopped
  // Whatever follows from it by itself has followed.
  await new Promise((resolve) => setImmediate(resolve))
  expect(told).toEqual(['relay stopped'])
  stopping.abort()
  await running
  expect(told).toEqual(['relay stopped', 'collector stopped'])
  expect(events()).toMatchObject([{ msg: 'part_failed', part: 'relay', code: 'DATA_DIR_EMPTY' }])
})

test('when none is left the process ends with what failed last', async () => {
  const start = async ({ name }: ReadyPart) => {
    throw new WeftError('DATA_DIR_EMPTY', { dataDir: name })
  }
  await expect(runParts(parts('relay', 'collector'), new AbortController().signal, { log: log(), start })).rejects.toMatchObject({
    code: 'DATA_DIR_EMPTY',
    facts: { dataDir: 'collector' },
  })
  expect(events().map(({ part }) => part)).toEqual(['relay', 'collector'])
})

test('G12: what may pass is started again, after a pause', async () => {
  const stopping = new AbortController()
  let attempts = 0
  const pauses: number[] = []
  const running = runParts(parts('relay'), stopping.signal, {
    log: log(),
    clock: { sleep: async (durationMs) => void pauses.push(durationMs) },
    async start() {
      attempts += 1
      if (attempts === 1) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'x', method: 'eth_call' })
      stopping.abort()
      return roleOf('relay').role
    },
  })
  await running
  expect([attempts, pauses.length, told]).toEqual([2, 1, ['relay stopped']])
  expect(events()).toMatchObject([
    { msg: 'part_again', part: 'relay', code: 'CHAIN_UNREACHABLE' },
    { msg: 'part_back', part: 'relay', code: 'CHAIN_UNREACHABLE' },
  ])
})

test('G12: one whose port is taken is tried again while the others run, which is told once, and again when it works', async () => {
  const stopping = new AbortController()
  const isFree = Promise.withResolvers<void>()
  const pauses: number[] = []
  const running = runParts(parts('collector', 'relay'), stopping.signal, {
    log: log(),
    clock: {
      async sleep(durationMs) {
        if (pauses.push(durationMs) === 3) isFree.resolve()
      },
    },
    async start({ name }) {
      if (name === 'relay' && pauses.length < 3) throw new WeftError('LISTEN_FAILED', { address: 'x:1', detail: 'EADDRINUSE' })
      told.push(name)
      return roleOf(name).role
    },
  })
  await isFree.promise
  await new Promise((resolve) => setImmediate(resolve))
  stopping.abort()
  await running
  expect(told).toEqual(['collector', 'relay', 'relay stopped', 'collector stopped'])
  expect(pauses.every((durationMs, index) => durationMs <= 1_000 * 2 ** index)).toBe(true)
  expect(events().map(({ msg, part, code }) => [msg, part, code])).toEqual([
    ['part_again', 'relay', 'LISTEN_FAILED'],
    ['part_back', 'relay', 'LISTEN_FAILED'],
  ])
})

test('told to stop while a part starts, it waits for that part to have stopped by itself', async () => {
  const stopping = new AbortController()
  const running = runParts(parts('relay'), stopping.signal, {
    log: log(),
    start: (_part, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          told.push('gave up')
          reject(new Error('stopped'))
        })
        stopping.abort()
      }),
  })
  await running
  expect(told).toEqual(['gave up'])
})
