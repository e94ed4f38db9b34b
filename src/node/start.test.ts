import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { startReceiver } from '#io/traces/receiver.test-world.ts'
import type { RunningRole, Wire, WiredRole } from './role.ts'
import type { Settings } from './settings/settings.ts'
import { beforeStart, startWith } from './start.ts'
import { statusOf } from './status.ts'

let folder: string
let log: string[]
let running: RunningRole | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-start-'))
  log = []
  running = undefined
})
afterEach(async () => {
  await running?.stop().catch(() => undefined)
  rmSync(folder, { recursive: true, force: true })
})

const part = (name: string, failure?: Error) => ({
  async stop() {
    log.push(`${name} stopped`)
    if (failure !== undefined) throw failure
  },
})

interface Scene {
  readonly parts?: readonly ReturnType<typeof part>[]
  /** Fails when all parts are started. */
  readonly failure?: Error
  readonly places?: WiredRole<string>['places']
  run?(signal: AbortSignal): Promise<void>
}

/** Nobody is to hear of it. */
const QUIET = { healthListen: 'off', alertTo: new Secret(''), heartbeatUrl: new Secret(''), otlpEndpoint: '', otlpTracesEndpoint: '' }

/** One that waits for something that never comes, and starts no more when it is told to stop. */
test('a role that is told to stop while it starts stops what it has started, and says so', async () => {
  const stopping = new AbortController()
  const wire: Wire<string> = async (_settings, _home, started, signal) => {
    started.add('part', part('host'))
    stopping.abort(new Error('enough'))
    signal.throwIfAborted()
    throw new Error('it goes on')
  }
  const options = { logTo: join(folder, 'log'), signal: stopping.signal }
  await expect(startWith('relay', { dataDir: join(folder, 'relay'), ...QUIET } as Settings, wire, options)).rejects.toThrow('enough')
  expect(log).toEqual(['host stopped'])
  const events = readFileSync(join(folder, 'log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg)
  expect(events).toEqual(['starting', 'stopped'])
})

/** A role that works until it is told to stop. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  // What is under way is finished first.
  await new Promise((resolve) => setImmediate(resolve))
  log.push('work finished')
}

function start({
  parts = [part('host'), part('server')],
  failure,
  places = { p2p: ['/ip4/127.0.0.1/tcp/1'] },
  run = untilAborted,
}: Scene = {}) {
  const wire: Wire<string> = async (_settings, home, started) => {
    for (const each of parts) started.add('part', each)
    if (failure !== undefined) throw failure
    await home.store.commit([{ key: 'wired', value: new Uint8Array([1]) }])
    return { places, handle: 'the role itself', run }
  }
  return startWith('relay', { dataDir: join(folder, 'relay'), ...QUIET } as Settings, wire, { logTo: join(folder, 'log') })
}

const events = (): string[] =>
  readFileSync(join(folder, 'log'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg)
const faring = () => statusOf(join(folder, 'relay'))
/** Opens only when nobody holds it any more. */
async function expectHomeLeft(): Promise<void> {
  await openSqliteStore({ path: join(folder, 'relay', 'state.sqlite') }).close()
}

describe('a role that starts', () => {
  test('says where it is reached, works, and can be asked', async () => {
    running = await start()
    expect(running).toMatchObject({ handle: 'the role itself', places: { p2p: ['/ip4/127.0.0.1/tcp/1'] } })
    expect(JSON.parse(readFileSync(join(folder, 'relay', 'endpoints.json'), 'utf8'))).toEqual(running.places)
    expect(events()).toEqual(['starting', 'started'])
  })

  test('has a tracer where a receiver of traces is named, whose last spans go out before it has stopped', async () => {
    const receiver = await startReceiver()
    const wire: Wire<string> = async (_settings, { tracer }) => ({
      places: {},
      handle: '',
      async run(signal) {
        await untilAborted(signal)
        tracer?.tell({ traceId: '1'.repeat(32), name: 'collector.accept', beganMs: 1, endedMs: 2 }, () => ({ facts: {} }))
      },
    })
    const settings = { dataDir: join(folder, 'relay'), ...QUIET, otlpEndpoint: receiver.endpoint } as Settings
    running = await startWith('relay', settings, wire, { logTo: join(folder, 'log') })
    await running.stop()
    expect(receiver.spans().map(({ name }) => name)).toEqual(['collector.accept'])
    await receiver.stop()
  })

  test('that fails half-way stops what it started, in reverse, and leaves its home', async () => {
    await expect(start({ failure: new Error('no port') })).rejects.toThrow('no port')
    expect(log).toEqual(['server stopped', 'host stopped'])
    expect(await faring()).toMatchObject({ state: 'failed', detail: 'Error: no port' })
    expect(existsSync(join(folder, 'relay', 'endpoints.json'))).toBe(false)
    await expectHomeLeft()
  })

  test('tells what went wrong first, also when a part will not stop after it', async () => {
    const parts = [part('host'), part('server', new Error('the server will not stop'))]
    await expect(start({ failure: new Error('no port'), parts })).rejects.toThrow('no port')
    expect(log).toEqual(['server stopped', 'host stopped'])
    expect(readFileSync(join(folder, 'log'), 'utf8')).toMatch(/the server will not stop.*"stop_failed"/)
    await expectHomeLeft()
  })

  test('that finds its home taken leaves it as it is', async () => {
    running = await start()
    await expect(start()).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
    expect(log).toEqual([])
  })

  test('that cannot say where it is reached is stopped again', async () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    await expect(start({ places: circular as WiredRole<string>['places'] })).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(log).toEqual(['server stopped', 'host stopped'])
    await expectHomeLeft()
  })
})

describe('a role that is stopped', () => {
  test('finishes what is under way, then closes everything in reverse, its home last', async () => {
    const role = await start()
    await role.stop()
    expect(log).toEqual(['work finished', 'server stopped', 'host stopped'])
    expect(await role.ended).toBeUndefined()
    expect(events()).toEqual(['starting', 'started', 'stopped'])
    await expectHomeLeft()
  })

  test('closes everything although a part fails to, and tells of it', async () => {
    const role = await start({ parts: [part('host'), part('server', new Error('the server will not stop'))] })
    await expect(role.stop()).rejects.toThrow('the server will not stop')
    expect(log).toEqual(['work finished', 'server stopped', 'host stopped'])
    await expectHomeLeft()
  })

  test('may be told so twice', async () => {
    const role = await start()
    await Promise.all([role.stop(), role.stop()])
    expect(log).toEqual(['work finished', 'server stopped', 'host stopped'])
  })

  test('has not failed when stopping interrupts what it does', async () => {
    const role = await start({
      run: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    await role.stop()
    expect(await role.ended).toBeUndefined()
    expect(events()).toEqual(['starting', 'started', 'stopped'])
  })
})

describe('a role that fails', () => {
  const failure = new WeftError('STORE_FAILED', { path: 'state.sqlite', doing: 'committing' })

  test('tells whoever hosts it, and its log, at once', async () => {
    running = await start({ run: () => Promise.reject(failure) })
    await expect(running.ended).rejects.toBe(failure)
    expect(events()).toEqual(['starting', 'started', 'failed'])
    expect(readFileSync(join(folder, 'log'), 'utf8'), 'the words that help are for whoever hosts it').not.toContain('detail')
    expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('"code":"STORE_FAILED","path":"state.sqlite"')
  })

  test('ends no process by itself: the failure waits for whoever asks', async () => {
    running = await start({ run: () => Promise.reject(failure) })
    // An unhandled rejection would have been noticed by now.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    await expect(running.ended).rejects.toBe(failure)
  })

  test('says why to whoever asks how it fares, also when its process is gone, until it starts again', async () => {
    const role = await start({ run: () => Promise.reject(failure) })
    await expect(role.ended).rejects.toBe(failure)
    const why = { name: 'relay', state: 'failed', detail: failure.message }
    expect(await faring()).toMatchObject(why)
    await role.stop()
    expect(await faring()).toMatchObject(why)
    running = await start()
    expect(await faring()).toMatchObject({ state: 'unasked' })
    await running.stop()
    expect(await faring()).toMatchObject({ state: 'stopped' })
  })

  describe('before it could open its data directory', () => {
    const path = () => join(folder, 'relay', 'state.sqlite')
    function stamp(pragmas: string): void {
      const database = new DatabaseSync(path())
      database.exec(pragmas)
      database.close()
    }

    test('says so in the place of what an earlier start said, until one works', async () => {
      const role = await start({ run: () => Promise.reject(failure) })
      await expect(role.ended).rejects.toBe(failure)
      await role.stop()
      expect((await faring()).run?.failed).not.toHaveProperty('isStart')
      stamp('PRAGMA user_version = 99')
      await expect(start()).rejects.toMatchObject({ code: 'STORE_NEWER' })
      expect(await faring()).toMatchObject({
        state: 'failed',
        detail: expect.stringContaining('STORE_NEWER'),
        run: { processId: process.pid, failed: { isStart: true } },
      })
      stamp('PRAGMA user_version = 1')
      running = await start()
      expect(await faring()).toMatchObject({ state: 'unasked' })
    })

    test('takes no word from a process that is at work there, and writes nothing for another role or program', async () => {
      running = await start()
      await expect(start()).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
      expect(await faring()).toMatchObject({ state: 'unasked' })
      const settings = { role: 'relay', dataDir: join(folder, 'relay') } as const
      await expect(beforeStart(settings, Promise.reject(new Error('a wrong password')))).rejects.toThrow('a wrong password')
      expect(await faring()).toMatchObject({ state: 'unasked' })
      await running.stop()
      running = undefined
      const options = { logTo: join(folder, 'log') }
      const wire: Wire<string> = () => Promise.reject(new Error('never wired'))
      const asOther = startWith('collector', { dataDir: join(folder, 'relay'), ...QUIET } as Settings, wire, options)
      await expect(asOther).rejects.toMatchObject({ code: 'DATA_DIR_OF_OTHER' })
      expect(await faring()).toMatchObject({ state: 'stopped' })
      stamp('PRAGMA application_id = 7')
      await expect(start()).rejects.toMatchObject({ code: 'STORE_FOREIGN' })
      expect(await faring()).toMatchObject({ state: 'stopped' })
    })

    test('as when its key is not unlocked', async () => {
      running = await start()
      await running.stop()
      running = undefined
      const settings = { role: 'relay', dataDir: join(folder, 'relay') } as const
      await expect(beforeStart(settings, Promise.reject(new Error('a wrong password')))).rejects.toThrow('a wrong password')
      expect(await faring()).toMatchObject({ state: 'failed', detail: 'Error: a wrong password', run: { failed: { isStart: true } } })
    })
  })

  test('is stopped as any other', async () => {
    const role = await start({ run: () => Promise.reject(failure) })
    await role.stop()
    expect(log).toEqual(['server stopped', 'host stopped'])
    await expectHomeLeft()
  })
})
