import { inspect } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createRpc, parseAnswer, parseQuantity } from './rpc.ts'
import type { Rpc } from './rpc.ts'

/** What a node may cost us, and how it is asked again. */

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}
type Reply = (calls: readonly Call[], signal: AbortSignal) => Response | Promise<Response>

const echo: Reply = (calls) => Response.json(calls.map(({ id, params }) => ({ id, result: params[0] })))
const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  () =>
    new Response('busy', { status: code, headers })

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** An endpoint that answers each request with the next of `replies`, the last one for ever. */
function open(...replies: readonly [Reply, ...Reply[]]) {
  let slept: Promise<void> | undefined
  const asleep = Promise.withResolvers<void>()
  const requests: (readonly Call[])[] = []
  const sleeps: number[] = []
  vi.stubGlobal('fetch', async (_url: string, { body, signal }: { readonly body: string; readonly signal: AbortSignal }) => {
    // An endpoint that refused lists is asked for one call by itself.
    requests.push([JSON.parse(body) as Call | Call[]].flat())
    return (replies[Math.min(requests.length, replies.length) - 1] as Reply)(requests.at(-1) ?? [], signal)
  })
  const pause = {
    nowMs: () => 0,
    sleep: async (durationMs: number) => {
      sleeps.push(durationMs)
      asleep.resolve()
      await slept
    },
  }
  /** From now on sleeps last until the promise resolves. */
  const sleepUntil = (woken: Promise<void>) => {
    slept = woken
  }
  return {
    rpc: createRpc({ rpcUrl: 'http://node.test/secret-path?key=secret-key', pause }),
    requests,
    sleeps,
    sleepUntil,
    asleep: asleep.promise,
  }
}

describe('G7: trying again', () => {
  test.each<[string, Record<string, string>, number]>([
    ['the time that the node names', { 'retry-after': '3' }, 3_000],
    ['no time at all', { 'retry-after': '0' }, 0],
    ['no longer than ten seconds, whatever it names', { 'retry-after': '86400' }, 10_000],
    ['our own time when it names a date', { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }, 200],
    ['our own time when it names one in the past', { 'retry-after': '-5' }, 200],
    ['our own time when it names none', {}, 200],
  ])('waits %s', async (_name, headers, waitMs) => {
    const { rpc, sleeps } = open(status(429, headers), echo)
    expect(await rpc.call('echo', ['x'])).toBe('x')
    expect(sleeps).toEqual([waitMs])
  })

  test('waits twice as long each time, three tries in all, and not after the last', async () => {
    const { rpc, requests, sleeps } = open(status(503))
    await expect(rpc.call('echo', [1])).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE', cause: { message: 'HTTP 503' } })
    expect([requests.length, sleeps]).toEqual([3, [200, 400]])
  })

  test('begins when the wait is over, not before', async () => {
    const { rpc, requests, sleepUntil, asleep } = open(status(503), echo)
    const woken = Promise.withResolvers<void>()
    sleepUntil(woken.promise)
    const asked = rpc.call('echo', ['x'])
    await asleep
    await new Promise((resolve) => setImmediate(resolve))
    expect(requests).toHaveLength(1)
    woken.resolve()
    expect(await asked).toBe('x')
  })

  test.each<[string, Reply, string]>([
    ['a connection that fails', () => Promise.reject(new TypeError('fetch failed')), 'CHAIN_UNREACHABLE'],
    ['an answer that is no JSON', () => new Response('<html>'), 'CHAIN_ANSWER_INVALID'],
    ['an answer that is no list', () => Response.json({ error: { message: 'batch too large' } }), 'CHAIN_ANSWER_INVALID'],
    ['an answer too few', (calls) => Response.json(calls.slice(1).map(({ id }) => ({ id, result: 1 }))), 'CHAIN_ANSWER_INVALID'],
    ['items that are none', () => Response.json([null, 7, 'x']), 'CHAIN_ANSWER_INVALID'],
    ['HTTP 500', status(500), 'CHAIN_UNREACHABLE'],
    ['HTTP 429', status(429), 'CHAIN_UNREACHABLE'],
  ])('%s may pass; that lasts is a failure with its own code', async (_name, reply, code) => {
    const passing = open(reply, reply, echo)
    expect(await passing.rpc.call('echo', ['x'])).toBe('x')
    expect(passing.requests).toHaveLength(3)
    await expect(open(reply).rpc.call('echo', ['x'])).rejects.toMatchObject({ code, facts: { method: 'echo' } })
  })

  test('is under new ids, so that an answer to an earlier try is none', async () => {
    const { rpc, requests } = open(status(500), (calls) => Response.json(calls.map(({ id }) => ({ id: id - 2, result: 'stale' }))), echo)
    expect(await Promise.all([rpc.call('echo', ['a']), rpc.call('echo', ['b'])])).toEqual(['a', 'b'])
    const ids = requests.flatMap((calls) => calls.map(({ id }) => id))
    expect(new Set(ids).size).toBe(6)
  })

  test('asks the part that failed only', async () => {
    let isBusy = true
    const { rpc, requests } = open((calls, signal) => {
      const isSecond = calls.some(({ params }) => params[0] === 100)
      if (isSecond && isBusy) {
        isBusy = false
        return status(503)(calls, signal)
      }
      return echo(calls, signal)
    })
    const values = Array.from({ length: 101 }, (_, index) => index)
    expect(await rpc.all(values.map((value) => ({ method: 'echo', params: [value] })))).toEqual(values)
    expect(requests.map((calls) => calls.length)).toEqual([100, 1, 1])
  })
})

describe('G7: an answer', () => {
  test('below HTTP 500 counts whatever its status, for nodes put refusals under any', async () => {
    const { rpc, requests } = open((calls) =>
      Response.json(
        calls.map(({ id }) => ({ id, error: { code: 3, message: 'execution reverted' } })),
        { status: 400 },
      ),
    )
    expect(await rpc.ask('eth_call', [])).toMatchObject({ isOk: false, refusal: { code: 3, data: undefined } })
    expect(requests).toHaveLength(1)
  })

  test('is cut off as soon as it is too large, and the rest never read', async () => {
    let sent = 0
    let isCancelled = false
    const chunk = new Uint8Array(8 * 1024 * 1024).fill(32)
    const flood: Reply = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            sent += 1
            if (sent > 40) controller.close()
            else controller.enqueue(chunk)
          },
          cancel() {
            isCancelled = true
          },
        }),
      )
    const { rpc } = open(flood, echo)
    expect(await rpc.call('echo', ['x'])).toBe('x')
    expect([isCancelled, sent < 12]).toEqual([true, true])
  })

  test('of exactly the largest size is taken', async () => {
    const { rpc } = open((calls) => {
      const text = JSON.stringify(calls.map(({ id }) => ({ id, result: 1 })))
      const [head, body] = [text.slice(0, -1), new Uint8Array(64 * 1024 * 1024).fill(32)]
      body.set(new TextEncoder().encode(head))
      body[body.length - 1] = ']'.charCodeAt(0)
      return new Response(body)
    })
    expect(await rpc.call('echo', [])).toBe(1)
  })

  test('has fifteen seconds, body and all', async () => {
    const patience = new AbortController()
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(patience.signal)
    const hangs: Reply = (_calls, signal) => {
      const stalled = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('['))
          signal.addEventListener('abort', () => controller.error(signal.reason))
          queueMicrotask(() => patience.abort(new DOMException('too late', 'TimeoutError')))
        },
      })
      return new Response(stalled)
    }
    const { rpc } = open(hangs, echo)
    expect(await rpc.call('echo', ['x'])).toBe('x')
    expect(timeout.mock.calls).toEqual([[15_000], [15_000]])
  })

  test('to one call is not given to another, in whatever order answers come', async () => {
    const { rpc } = open((calls) =>
      Response.json(
        calls
          .map(({ id, params }) => ({ id, result: params[0] }))
          .toSorted((left, right) => (Number(right.result) % 3) - (Number(left.result) % 3)),
      ),
    )
    const values = Array.from({ length: 150 }, (_, index) => index)
    expect(await Promise.all(values.map((value) => rpc.call('echo', [value])))).toEqual(values)
  })

  test('of a later turn is asked for by itself', async () => {
    const { rpc, requests } = open(echo)
    expect([await rpc.call('echo', ['a']), await rpc.call('echo', ['b'])]).toEqual(['a', 'b'])
    expect(requests.map((calls) => calls.map(({ params }) => params[0]))).toEqual([['a'], ['b']])
  }, 2_000)

  test('with an error of null is a result', async () => {
    const { rpc } = open((calls) => Response.json(calls.map(({ id }) => ({ id, error: null, result: 7 }))))
    expect(await rpc.call('echo', [])).toBe(7)
  })

  test('that refuses one of several names the method that was refused', async () => {
    const { rpc } = open((calls) =>
      Response.json(calls.map(({ id, method }) => (method === 'bad' ? { id, error: { code: -5, message: 'no' } } : { id, result: null }))),
    )
    const calls = ['good', 'bad', 'good'].map((method) => ({ method, params: [] }))
    await expect(rpc.all(calls)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', facts: { method: 'bad', detail: 'no (-5)' } })
    expect(await rpc.call('good', [])).toBeNull()
  })
})

describe('a refusal', () => {
  const refusalOf = async (error: unknown) => {
    const { rpc } = open((calls) => Response.json(calls.map(({ id }) => ({ id, error }))))
    const answer = await rpc.ask('eth_call', [])
    return answer.isOk ? answer : answer.refusal
  }

  test.each<[string, unknown, object]>([
    ['with its data', { code: 3, message: 'm', data: '0x08c379a0' }, { code: 3, message: 'm', data: '0x08c379a0' }],
    ['with its data one level deeper', { code: 3, message: 'm', data: { data: '0xab' } }, { code: 3, message: 'm', data: '0xab' }],
    ['without data', { code: -32_000, message: 'm' }, { code: -32_000, message: 'm', data: undefined }],
    ['with data behind a word', { code: 3, message: 'm', data: 'Reverted 0xab' }, { code: 3, message: 'm', data: '0xab' }],
    ['with data that is no bytes', { code: 3, message: 'm', data: 'revert' }, { code: 3, message: 'm', data: undefined }],
    ['with half a byte', { code: 3, message: 'm', data: '0x123' }, { code: 3, message: 'm', data: undefined }],
    ['with a code that is none', { code: '3', message: 'm' }, { code: 0, message: 'm', data: undefined }],
    ['that is a text', 'nope', { code: 0, message: 'no message', data: undefined }],
  ])('%s', async (_name, error, refusal) => {
    expect(await refusalOf(error)).toEqual(refusal)
  })

  test('is cut to a length that can be printed', async () => {
    expect(await refusalOf({ code: 1, message: 'x'.repeat(100_000) })).toMatchObject({ message: 'x'.repeat(300) })
  })
})

test('G7: the path and query of an endpoint are in no failure, whatever goes wrong', async () => {
  const replies: readonly Reply[] = [
    () => Promise.reject(new TypeError('fetch failed')),
    status(500),
    () => new Response('<html>'),
    () => Response.json({}),
    (calls) => Response.json(calls.map(({ id }) => ({ id, error: { code: 1, message: 'no' } }))),
  ]
  for (const reply of replies) {
    const failure = await open(reply)
      .rpc.call('echo', [])
      .catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ facts: { endpoint: 'http://node.test' } })
    expect(inspect(failure, { depth: 10 })).not.toMatch(/secret/)
  }
})

test.each<[unknown, number | undefined]>([
  ['0x0', 0],
  ['0xff', 255],
  ['0x1fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['0x20000000000000', undefined],
  ['0x', undefined],
  ['ff', undefined],
  ['0x00000000000000001', undefined],
  ['-0x1', undefined],
  [7, undefined],
  [null, undefined],
])('%o as a quantity', (text, value) => {
  const rpc = { endpoint: 'http://node.test' } as Rpc
  const parse = () => parseAnswer(rpc, 'eth_test', () => parseQuantity(text))
  if (value !== undefined) expect(parse()).toBe(value)
  else expect(parse).toThrow('CHAIN_ANSWER_INVALID')
})
