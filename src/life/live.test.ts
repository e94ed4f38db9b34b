import { expect, test } from 'vitest'
import { type Life, live } from './live.ts'

const turns = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

/** A work that ends when it is let, or with the life. */
function workOf(life: Life, seen: string[], name: string): Promise<void> {
  return new Promise((resolve) =>
    life.signal.addEventListener('abort', () => {
      seen.push(`${name} ends`)
      resolve()
    }),
  )
}

/** A life, and what comes of it. */
function run(begin: (life: Life, seen: string[]) => unknown) {
  const stop = new AbortController()
  const seen: string[] = []
  const ended = live(stop.signal, (life) => begin(life, seen)).then(
    () => seen.push('resolved'),
    (failure: unknown) => seen.push(String(failure)),
  )
  return { stop, seen, ended }
}

test('lasts until the signal aborts, then resolves', async () => {
  const { stop, seen, ended } = run((life, seen) => {
    void life.spawn(workOf(life, seen, 'one'))
    void life.spawn(workOf(life, seen, 'other'))
  })
  await turns()
  expect(seen).toEqual([])
  stop.abort()
  await ended
  expect(seen).toEqual(['one ends', 'other ends', 'resolved'])
})

test('a work that fails ends the others, and is what the caller hears', async () => {
  const { seen, ended } = run((life, seen) => {
    void life.spawn(workOf(life, seen, 'one'))
    void life.spawn(Promise.reject(new Error('first')))
    void life.spawn(Promise.resolve().then(() => Promise.reject(new Error('second'))))
  })
  await ended
  expect(seen).toEqual(['one ends', 'Error: first'])
})

test.each([
  [
    'throws',
    (): never => {
      throw new Error('broken')
    },
  ],
  ['rejects', () => Promise.reject(new Error('broken'))],
])('a beginning that %s ends the life too, once what it began is over', async (_, breaks) => {
  const { seen, ended } = run((life, seen) => {
    void life.spawn(workOf(life, seen, 'one'))
    return breaks()
  })
  await ended
  expect(seen).toEqual(['one ends', 'Error: broken'])
})

test('what fails after the stop follows from it, and is not heard', async () => {
  const { stop, seen, ended } = run(async (life) => {
    void life.spawn(new Promise((_, reject) => life.signal.addEventListener('abort', () => reject(life.signal.reason))))
    await new Promise((resolve) => life.signal.addEventListener('abort', resolve))
    life.fail(new Error('too late'))
    throw new Error('later still')
  })
  stop.abort(new Error('stopped'))
  await ended
  expect(seen).toEqual(['resolved'])
})

test('what failed before the stop is heard, though the role was told to stop while it ended', async () => {
  const { stop, seen, ended } = run(async (life) => {
    life.fail(new Error('before'))
    stop.abort()
  })
  await ended
  expect(seen).toEqual(['Error: before'])
})

test('ends only when nothing is under way any more, also of what the works have begun meanwhile', async () => {
  const disk = Promise.withResolvers<void>()
  const { seen, ended } = run(async (life, seen) => {
    await life.spawn(Promise.reject(new Error('broken')))
    void life.spawn(disk.promise.then(() => seen.push('written')))
  })
  await turns()
  expect(seen).toEqual([])
  disk.resolve()
  await ended
  expect(seen).toEqual(['written', 'Error: broken'])
})

test('what comes last waits for those before it, whether they end well or not', async () => {
  const { stop, seen, ended } = run(async (life, seen) => {
    const last = new AbortController()
    last.signal.addEventListener('abort', () => seen.push('last ends'))
    await Promise.all([life.spawn(workOf(life, seen, 'one')), life.spawn(Promise.reject(new Error('broken')))])
    last.abort()
  })
  await ended
  stop.abort()
  expect(seen).toEqual(['one ends', 'last ends', 'Error: broken'])
})

test('a life whose signal has aborted before begins and ends', async () => {
  const seen: boolean[] = []
  await live(AbortSignal.abort(), ({ signal }) => void seen.push(signal.aborted))
  expect(seen).toEqual([true])
})

test('what is known to be broken from outside ends the life, before it begins or while it lasts', async () => {
  const failing = new AbortController()
  const seen: boolean[] = []
  const lasting = live(
    new AbortController().signal,
    ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    failing,
  )
  failing.abort(new Error('broken'))
  await expect(lasting).rejects.toThrow('broken')
  await expect(live(new AbortController().signal, ({ signal }) => void seen.push(signal.aborted), failing)).rejects.toThrow('broken')
  expect(seen).toEqual([true])
})
