import { EventEmitter } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { isContractRefusal } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { type Isolate, ISOLATE_LIMITS, openIsolate } from './isolate.ts'
import { startWorker } from './thread.ts'

const home = mkdtempSync(join(tmpdir(), 'weft-isolate-'))
const opened: Isolate[] = []
afterAll(async () => {
  await Promise.all(opened.map((isolate) => isolate.stop()))
  rmSync(home, { recursive: true, force: true })
})

let folders = 0
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = join(home, String(folders++))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const LIMITS = { ...ISOLATE_LIMITS, heapMbMax: 64, turnMsMax: 1_000 }

function isolateOf(files: Readonly<Record<string, string>>, limits = LIMITS): Isolate {
  const isolate = openIsolate(folderOf(files), limits)
  if ('problems' in isolate) throw new Error(isolate.problems.join('; '))
  opened.push(isolate)
  return isolate
}

/** A set whose only snapshot does that, with `input` and `config` in reach. */
const computing = (body: string, before = ''): Readonly<Record<string, string>> => ({
  'compute.ts': `import { isContractRefusal, scaled } from 'weft/compute'
export const used = [isContractRefusal, scaled]
${before}
export default {
  name: 'one', version: '1.0.0', config: { '~standard': { version: 1, validate: (value: unknown) => ({ value }) } },
  create: (config: any) => ({ preloads: [], aggregates: [], snapshots: [{ projectType: 't', dataSources: [], preloads: [], async compute(input: any): Promise<unknown> {
${body}
  } }] }),
}
`,
})

const run = (isolate: Isolate, input: Readonly<Record<string, unknown>> = {}, config: unknown = null) =>
  isolate.run({ part: 'snapshots', index: 0, config }, input)

test('a compute gets its input and configuration, asks its source, and its value comes back as it was', async () => {
  const isolate = isolateOf(
    computing(`const [reserve] = await input.source.read({ at: input.epoch.begin })
    return { reserve, half: reserve.half, list: [config.scale, -0, null], in: input.epochsIn(60), map: new Map([[1n, input.preloaded.get('a')]]), nan: NaN, none: undefined, price: scaled(15n, 1) }`),
  )
  const source = { read: async ({ at }: { readonly at: number }) => [{ half: BigInt(at) }] }
  const input = { epoch: { begin: 7 }, source, epochsIn: (seconds: number) => seconds / 6, preloaded: new Map([['a', 1.5]]) }
  expect(await run(isolate, input, { scale: 10n ** 30n })).toEqual({
    reserve: { half: 7n },
    half: 7n,
    list: [10n ** 30n, -0, null],
    in: 10,
    map: new Map([[1n, 1.5]]),
    nan: Number.NaN,
    none: undefined,
    price: 1.5,
  })
})

test('what is asked in one turn is answered in as few as the answers come in', async () => {
  const isolate = isolateOf(
    computing(`let settled = 0
    const [first] = Array.from({ length: 50 }, () => input.source.read().then(() => { settled += 1 }))
    await first
    for (let turns = 0; turns < 20; turns += 1) await null
    return settled`),
  )
  expect(await run(isolate, { source: { read: async () => 1 } })).toBe(50)
})

test('what the contract refuses is told from trouble of the endpoint, as outside', async () => {
  const isolate = isolateOf(computing('try { await input.source.read() } catch (failure) { return isContractRefusal(failure) }'))
  const failing = (failure: Error) => ({ source: { read: () => Promise.reject(failure) } })
  const refusal = new WeftError('CALL_REVERTED', { call: 'f()', reason: 'no' })
  expect(isContractRefusal(refusal)).toBe(true)
  expect(await run(isolate, failing(refusal))).toBe(true)
  expect(await run(isolate, failing(new Error('away')))).toBe(false)
})

test.each([
  ['a clock', 'return Date.now()', /compute\.ts:7: Date is not there: a compute has no clock/],
  ['a clock of the new kind', 'return Temporal.Now.instant()', /no clock/],
  ['chance', 'return Math.random()', /no chance/],
  ['a locale', "return 'ä'.localeCompare('z')", /no locale/],
  ['a locale of numbers', "return (1.5).toLocaleString('de')", /no locale/],
  ['a locale of all else', 'return new Intl.NumberFormat().format(1)', /no locale/],
  ['the network', "return fetch('http://127.0.0.1')", /fetch is not defined/],
  ['the process', 'return process.env', /process is not defined/],
  ['a timer', 'return setTimeout(() => 1, 1)', /setTimeout is not defined/],
  ['the garbage collector', 'return new WeakRef({})', /nothing of memory/],
  ['bits of floats', 'return new Float64Array(1)', /no bits of floats/],
  ['the buffer of bytes', 'return new Uint8Array(1).buffer', /no bits of floats/],
  ['code from text', "return new Function('return 1')()", /Code generation from strings disallowed/],
  ['the process, through what was handed in', "return input.source.read.constructor('return process')()", /from strings disallowed/],
  [
    'the process, through what it can see',
    "return (globalThis as any).constructor.constructor('return process')()",
    /from strings disallowed/,
  ],
  [
    'the buffer of bytes, handed to a constructor of its own',
    'const one = new Uint8Array(2) as any; let seen; one.constructor = { [Symbol.species]: function (b: unknown) { seen = b; return new Uint8Array(2) } }; one.subarray(1); return String(seen)',
    undefined,
  ],
  ['what speaks with the process', 'return [typeof call, typeof conclude, typeof ask, typeof next].join() ', undefined],
])('a compute finds no trace of %s', async (_what, body, refusal) => {
  const isolate = isolateOf(computing(body.replace(' ,', ',')))
  if (refusal === undefined) expect(await run(isolate)).toMatch(/^undefined(,undefined)*$/)
  else await expect(run(isolate, { source: { read: async () => 1 } })).rejects.toThrow(refusal)
})

const eatingBytes = (what: string, before: string, bytes: string): [string, string, RegExp] => [
  `eats bytes ${what}`,
  `${before}; const all: unknown[] = []; for (let n = 0; n < 200; n += 1) all.push(${bytes})`,
  /bytes of Uint8Array in all/,
]

test('nothing is left over from one run for another', async () => {
  const isolate = isolateOf(
    computing(
      'seen.push(1); Object.prototype["left" as never] = 1 as never; return [seen.length, "left" in {} && seen.length > 1]',
      'const seen: number[] = []',
    ),
  )
  expect(await run(isolate)).toEqual([1, false])
  expect(await run(isolate)).toEqual([1, false])
})

test.each([
  ['computes for ever', 'for (;;);', /1000 ms without waiting/],
  ['computes for ever between awaits', 'for (;;) await null', /1000 ms without waiting/],
  ['waits for ever', 'return new Promise(() => undefined)', /waits for something that nobody will bring/],
  ['eats memory', 'const all: unknown[] = []; for (;;) all.push(new Array(100_000).fill(all.length))', /more than 64 MB of memory/],
  ['eats bytes', 'const all: unknown[] = []; for (;;) all.push(new Uint8Array(1_000_000))', /bytes of Uint8Array in all/],
  eatingBytes('of a length below none', 'try { new Uint8Array(-1e12) } catch {}', 'new Uint8Array(1_000_000)'),
  eatingBytes('of a length that is a text', '', 'new (Uint8Array as any)("1000000")'),
  eatingBytes(
    'of what comes one by one',
    'new Uint8Array(16_700_000); const list = { *[Symbol.iterator]() { for (let n = 0; n < 1_000; n += 1) yield 1 } }',
    'new (Uint8Array as any)(list)',
  ),
  eatingBytes('turned round', 'const one = new Uint8Array(1_000_000)', 'one.toReversed()'),
  eatingBytes('cut by nobody', 'const one = Object.assign(new Uint8Array(1_000_000), { constructor: undefined })', 'one.slice()'),
  eatingBytes('of a text', 'const text = "00".repeat(1_000_000)', 'Uint8Array.fromHex(text)'),
  ['calls itself for ever', 'const deeper = (n: number): number => 1 + deeper(n + 1); return deeper(0)', /Maximum call stack/],
  ['asks for ever', 'for (;;) await input.source.read()', /may ask 50 times/],
])('one that %s ends, and the others of the moment do not notice', async (_what, body, refusal) => {
  const limits = { ...LIMITS, callsMax: 50, ...(body.includes('Array(100_000)') && { turnMsMax: 60_000 }) }
  const isolate = isolateOf(computing(`if (input.isBad) { ${body} }\n return (await input.source.read()) + 1`), limits)
  const source = { read: async () => 1 }
  const others = [0, 1, 2].map(() => run(isolate, { source, isBad: false }))
  await expect(run(isolate, { source, isBad: true })).rejects.toThrow(refusal)
  expect(await Promise.all(others)).toEqual([2, 2, 2])
  expect(await run(isolate, { source, isBad: false })).toBe(2)
})

test('a function, a promise or an object of a class is no data', async () => {
  const isolate = isolateOf(computing('return { f: () => 1 }'))
  await expect(run(isolate)).rejects.toThrow('a function cannot be handed over')
})

test('bytes are made as the language makes them', async () => {
  const isolate = isolateOf(
    computing(`const one = new Uint8Array([1, 2, 3])
    let asked = 0
    const lying = { get length() { return asked++ === 0 ? 0 : 1_000_000_000 } }
    const all = [new (Uint8Array as any)(lying), one, new Uint8Array(one), new Uint8Array(2), new Uint8Array(), new Uint8Array({ length: 1, 0: 7 } as any), new Uint8Array(new Set([4, 5])),
      Uint8Array.from([6]), Uint8Array.of(8), one.slice(1), one.map((n) => n * 2), one.filter((n) => n > 1), one.toReversed(), one.with(0, 9), Uint8Array.fromHex('0a0b'),
      Uint8Array.fromBase64('/w=='), one.subarray(2), new (Uint8Array as any)('1'), one.toSorted((a, b) => b - a)]
    return all.map((bytes) => [bytes instanceof Uint8Array, ...bytes].join())`),
  )
  const made = [
    '',
    '1,2,3',
    '1,2,3',
    '0,0',
    '',
    '7',
    '4,5',
    '6',
    '8',
    '2,3',
    '2,4,6',
    '2,3',
    '3,2,1',
    '9,2,3',
    '10,11',
    '255',
    '3',
    '0',
    '3,2,1',
  ]
  expect(await run(isolate)).toEqual(made.map((bytes) => (bytes === '' ? 'true' : `true,${bytes}`)))
})

test('all that is wrong with a folder is told at once, by file and line', () => {
  const isolate = openIsolate(
    folderOf({
      'compute.ts': "import './a.ts'\nimport './b.ts'\nimport { readFileSync } from 'node:fs'\nimport '../out.ts'\nexport default 1\n",
      'a.ts': 'export const a = 1\nenum X { A }\n',
      'b.ts': "\n\nconst x = await import('node:fs')\nimport './c.ts'\n",
    }),
  )
  expect(isolate).toEqual({
    problems: [
      "compute.ts:3: imports 'node:fs': a compute imports 'weft/compute' and .ts files of its folder",
      "compute.ts:4: imports '../out.ts': a compute imports 'weft/compute' and .ts files of its folder",
      'a.ts:2: TypeScript enum is not supported in strip-only mode',
      'b.ts:3: import(…) is not there: a compute imports at its beginning',
      'b.ts: awaits outside of any function',
      'c.ts: there is no such file',
    ],
  })
})

test('a module that throws or does not end while it is loaded is told', () => {
  expect(isolateOf(computing('return 1', 'throw new RangeError("no")')).now({ do: 'describe' })).toEqual({
    ok: false,
    message: 'compute.ts:3: no',
  })
  expect(isolateOf(computing('return 1', 'for (;;);')).now({ do: 'describe' })).toMatchObject({
    ok: false,
    message: expect.stringContaining('does not end'),
  })
})

describe('where the system gives no thread', () => {
  const EAGAIN = Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' })
  const unavailable = { code: 'THREAD_UNAVAILABLE', facts: { what: 'a compute set', detail: 'EAGAIN' }, cause: EAGAIN }
  const folder = folderOf(computing('return 1'))

  test('a folder cannot be opened, which is none of its problems', () => {
    const none = () => {
      throw EAGAIN
    }
    expect(() => openIsolate(folder, LIMITS, none)).toThrow(expect.objectContaining(unavailable))
  })

  test('what needs a further one fails, with its own code, until there is one', async () => {
    let isLimited = false
    const start: typeof startWorker = (entry, options) => {
      if (isLimited) throw EAGAIN
      return startWorker(entry, options)
    }
    const isolate = openIsolate(folder, LIMITS, start)
    if ('problems' in isolate) return expect.fail(isolate.problems.join())
    opened.push(isolate)
    const narrow = () => isolate.run({ part: 'snapshots', index: 0, config: null }, {}, { timeMs: 500 })
    isLimited = true
    await expect(narrow()).rejects.toMatchObject(unavailable)
    expect(await run(isolate)).toBe(1)
    isLimited = false
    expect(await narrow()).toBe(1)
  })

  test.each<[string, Error | undefined, object]>([
    [
      'the system gives no room for it',
      Object.assign(new Error('EMFILE'), { code: 'ERR_WORKER_INIT_FAILED' }),
      { code: 'THREAD_UNAVAILABLE', facts: { what: 'a compute set', detail: 'EMFILE' } },
    ],
    [
      'what is loaded has no room in it',
      Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }),
      { code: 'COMPUTE_LIMIT', facts: { limit: 'memory', allowed: 16, detail: 'to load it takes more than 16 MB of memory' } },
    ],
    ['it ends of something else', new Error('broken'), new Error('its thread does not start: broken')],
    ['it says nothing', undefined, new Error('its thread does not start')],
  ])('of a thread that is started and does not get to its program it is told why: %s', async (_why, cause, told) => {
    let isSilent = false
    const start: typeof startWorker = (entry, options) => (isSilent ? silentWorker(cause) : startWorker(entry, options))
    const isolate = openIsolate(folder, LIMITS, start)
    if ('problems' in isolate) return expect.fail(isolate.problems.join())
    opened.push(isolate)
    isSilent = true
    const waits = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out')
    const failure = await isolate
      .run({ part: 'snapshots', index: 0, config: null }, {}, { memoryMb: 16 })
      .catch((failure: unknown) => failure)
    waits.mockRestore()
    if (told instanceof Error) expect(failure).toEqual(told)
    else expect(failure).toMatchObject({ ...told, cause })
  })
})

test('what is asked on the spot of a set whose thread died, and does not start again, has that for an answer', async () => {
  const workers: Worker[] = []
  const start: typeof startWorker = (entry, options) => {
    workers.push(workers.length === 0 ? startWorker(entry, options) : silentWorker(undefined))
    return workers.at(-1) as Worker
  }
  const isolate = openIsolate(folderOf(computing('return 1')), LIMITS, start)
  if ('problems' in isolate) return expect.fail(isolate.problems.join())
  opened.push(isolate)
  await workers[0]?.terminate()
  const waits = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out')
  const outcome = isolate.now({ do: 'describe' })
  waits.mockRestore()
  expect(outcome).toEqual({ ok: false, message: 'its thread does not start' })
})

/** Says nothing, and ends of that when it is ended. */
function silentWorker(cause: Error | undefined): Worker {
  const worker = Object.assign(new EventEmitter(), {
    ref: () => undefined,
    unref: () => undefined,
    async terminate() {
      if (cause !== undefined) worker.emit('error', cause)
      worker.emit('exit', 1)
      return 1
    },
  })
  return worker as unknown as Worker
}
