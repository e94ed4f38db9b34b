import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Secret } from '#domain/secret.ts'
import type { Wire } from './role.ts'
import type { Settings } from './settings/settings.ts'
import { startWith } from './start.ts'
import { aborted, createStarted, stopSignal } from './stop.ts'

describe('what was started', () => {
  /** A part that notes when its stop begins and ends. */
  function noting(log: string[], name: string, failure?: Error) {
    return {
      async stop() {
        log.push(`${name} stops`)
        await Promise.resolve()
        if (failure !== undefined) throw failure
        log.push(`${name} stopped`)
      },
    }
  }

  test('is stopped in reverse, each when the one before it has ended', async () => {
    const log: string[] = []
    const started = createStarted()
    for (const name of ['store', 'host', 'server']) started.add(name, noting(log, name))
    await started.stop()
    expect(log).toEqual(['server stops', 'server stopped', 'host stops', 'host stopped', 'store stops', 'store stopped'])
  })

  test('is stopped also when parts of it fail to; the first failure is told at the end', async () => {
    const log: string[] = []
    const started = createStarted()
    started.add('store', noting(log, 'store'))
    started.add('host', noting(log, 'host', new Error('the host')))
    started.add('server', {
      stop() {
        throw new Error('the server')
      },
    })
    await expect(started.stop()).rejects.toThrow('the server')
    expect(log).toEqual(['host stops', 'store stops', 'store stopped'])
  })

  test('is stopped once, however often it is asked; what is added later, by the next stop', async () => {
    const log: string[] = []
    const started = createStarted()
    started.add('store', noting(log, 'store'))
    await Promise.all([started.stop(), started.stop()])
    await started.stop()
    expect(log).toEqual(['store stops', 'store stopped'])
    started.add('late', noting(log, 'late'))
    await started.stop()
    expect(log.slice(2)).toEqual(['late stops', 'late stopped'])
  })
})

describe('the signal of the process', () => {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  type Listener = (...args: unknown[]) => void
  const before = new Map<string, Listener[]>()
  const exit = vi.spyOn(process, 'exit')
  const write = vi.spyOn(process.stderr, 'write')
  const said = () => write.mock.calls.map(([text]) => text).join('')

  beforeEach(() => {
    vi.useFakeTimers()
    exit.mockReset()
    exit.mockImplementation((() => undefined) as unknown as typeof process.exit)
    write.mockReset()
    write.mockReturnValue(true)
    // Those of the test runner would end it.
    for (const name of names) {
      before.set(name, process.listeners(name) as Listener[])
      process.removeAllListeners(name)
    }
  })
  afterEach(() => {
    for (const name of names) {
      process.removeAllListeners(name)
      for (const listener of before.get(name) ?? []) process.on(name, listener)
    }
    vi.useRealTimers()
    exit.mockReset()
  })

  test.each(names)('aborts at %s, in words a person understands, and lets the process end by itself', (name) => {
    const signal = stopSignal()
    expect(signal.aborted).toBe(false)
    process.emit(name)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ code: 'STOPPED' })
    expect(exit).not.toHaveBeenCalled()
  })

  test.each([
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
    ['SIGHUP', 'SIGTERM'],
  ] as const)('%s and then %s end the process at once', (first, second) => {
    stopSignal()
    process.emit(first)
    process.emit(second)
    expect(exit.mock.calls).toEqual([[130]])
  })

  test('a terminal that closes says so more than once: no second one is meant', () => {
    const signal = stopSignal()
    process.emit('SIGHUP')
    process.emit('SIGHUP')
    expect(signal.aborted).toBe(true)
    expect(exit).not.toHaveBeenCalled()
  })

  test('an orderly stop has twenty seconds, however many signals came', () => {
    stopSignal()
    process.emit('SIGHUP')
    vi.advanceTimersByTime(10_000)
    process.emit('SIGHUP')
    vi.advanceTimersByTime(9_999)
    expect([exit.mock.calls, said()]).toEqual([[], ''])
    vi.advanceTimersByTime(1)
    expect(exit.mock.calls).toEqual([[130]])
  })

  test('one that takes longer says what has not stopped, from the whole to its part', async () => {
    const ending = Promise.withResolvers<void>()
    const [devnet, sequencer] = [createStarted(), createStarted()]
    sequencer.add('IPFS node', { stop: () => ending.promise })
    sequencer.add('libp2p host', { stop: () => undefined })
    devnet.add('anvil', { stop: () => undefined })
    devnet.add('sequencer', sequencer)
    stopSignal()
    process.emit('SIGTERM')
    const stopped = devnet.stop()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(said()).toContain('weft: STOP_TIMED_OUT (waitedMs: 20000, open: sequencer, IPFS node)')
    ending.resolve()
    await stopped
  })

  test('one of a role whose work does not end says which', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-stop-'))
    const work = Promise.withResolvers<void>()
    const wire: Wire<undefined> = async () => ({ places: {}, handle: undefined, run: () => work.promise })
    const running = await startWith(
      'relay',
      { dataDir: join(folder, 'relay'), healthListen: 'off', alertTo: new Secret(''), heartbeatUrl: new Secret('') } as Settings,
      wire,
      {
        logTo: join(folder, 'log'),
      },
    )
    stopSignal()
    process.emit('SIGTERM')
    const stopped = running.stop()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(said()).toContain('(waitedMs: 20000, open: work of the relay)')
    work.resolve()
    await stopped
    rmSync(folder, { recursive: true })
  })

  test('when nothing is being stopped, it says what keeps the process alive', () => {
    stopSignal()
    process.emit('SIGTERM')
    vi.spyOn(process, 'getActiveResourcesInfo').mockReturnValue(['TCPServerWrap', 'Timeout'])
    vi.advanceTimersByTime(20_000)
    expect(said()).toContain('open: TCPServerWrap, Timeout)')
  })

  test('nothing of it keeps a process alive that has nothing left to do', () => {
    vi.useRealTimers()
    stopSignal()
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const count = timers()
    process.emit('SIGTERM')
    expect(timers()).toBeLessThanOrEqual(count)
  })
})

test.each(['before', 'after'])('whoever waits for a signal that aborts %s is told', async (when) => {
  const controller = new AbortController()
  if (when === 'before') controller.abort()
  const told = aborted(controller.signal).then(() => 'told')
  if (when === 'after') controller.abort()
  const turn = new Promise((resolve) => setImmediate(() => resolve('not told')))
  expect(await Promise.race([told, turn])).toBe('told')
})

test('nobody is told of a signal that has not aborted', async () => {
  const told = aborted(new AbortController().signal).then(() => 'told')
  const turn = new Promise((resolve) => setImmediate(() => resolve('not told')))
  expect(await Promise.race([told, turn])).toBe('not told')
})
