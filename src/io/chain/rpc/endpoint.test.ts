import { afterEach, describe, expect, test, vi } from 'vitest'
import type { RpcCall } from './answer.ts'
import { createEndpoint, createProgress } from './endpoint.ts'
import { headerOf, hex } from './scripted.test-node.ts'
import { parseTargets } from './target.ts'

/** What one endpoint takes in one go, found out, remembered and kept to. */

afterEach(() => {
  vi.unstubAllGlobals()
})

type Item = RpcCall & { readonly id: number }
type Serve = (body: Item | readonly Item[], url: string, headers: Readonly<Record<string, string>>) => Response | undefined

/** An endpoint that answers `eth_getLogs` with one log per block and any other call with its first parameter, unless `serve` says otherwise. */
function open(serve: Serve, url = 'https://user:pass@node.test/key') {
  const requests: { readonly calls: number; readonly isList: boolean; readonly url: string }[] = []
  const ranges: string[] = []
  const notices: string[] = []
  const resultOf = ({ method, params }: RpcCall): unknown => {
    if (method === 'eth_getBlockByNumber') return headerOf(Number(params[0]))
    if (method !== 'eth_getLogs') return params[0]
    const { fromBlock, toBlock } = params[0] as { readonly fromBlock: string; readonly toBlock: string }
    return Array.from({ length: Number(toBlock) - Number(fromBlock) + 1 }, (_, index) => Number(fromBlock) + index)
  }
  vi.stubGlobal('fetch', async (where: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body)) as Item | Item[]
    const items = [body].flat()
    requests.push({ calls: items.length, isList: Array.isArray(body), url: where })
    for (const { method, params } of items) if (method === 'eth_getLogs') ranges.push(spanOf(params).join('-'))
    const answers = items.map((item) => ({ id: item.id, result: resultOf(item) }))
    return serve(body, where, init.headers as Record<string, string>) ?? Response.json(Array.isArray(body) ? answers : answers[0])
  })
  const endpoint = createEndpoint(parseTargets(url)[0], {
    pay: async () => undefined,
    notice: (...noticed) => notices.push(noticed.join(' ')),
  })
  const ask = async (...calls: readonly RpcCall[]) => {
    const progress = createProgress()
    const trouble = await endpoint.ask(calls, progress)
    return trouble ?? calls.map((_, index) => progress.answers.get(index))
  }
  return { ask, requests, ranges, notices }
}
const spanOf = (params: readonly unknown[]): [number, number] => {
  const { fromBlock, toBlock } = params[0] as { readonly fromBlock: string; readonly toBlock: string }
  return [Number(fromBlock), Number(toBlock)]
}
const echo = (value: unknown): RpcCall => ({ method: 'echo', params: [value] })
const logs = (from: number, to: number, address = '0xa'): RpcCall => ({
  method: 'eth_getLogs',
  params: [{ address, topics: [], fromBlock: hex(from), toBlock: hex(to) }],
})
const ok = (result: unknown) => ({ isOk: true, result })
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
const blocksOf = (item: RpcCall): number => {
  const [from, to] = spanOf(item.params)
  return to - from + 1
}
/** Refuses each item for which there are words, each by itself. */
const refusing =
  (words: (item: Item) => { readonly code: number; readonly message: string } | undefined): Serve =>
  (body) => {
    const items = [body].flat() as Item[]
    if (!items.some((item) => words(item))) return undefined
    const answers = items.map((item) => {
      const error = words(item)
      const { method, params } = item
      const result =
        method === 'eth_getLogs' ? numbers(...spanOf(params)) : method === 'eth_getBlockByNumber' ? headerOf(Number(params[0])) : params[0]
      return error === undefined ? { id: item.id, result } : { id: item.id, error }
    })
    return Response.json(answers)
  }

describe('a batch that is too long', () => {
  test.each<[string, Serve]>([
    [
      'in one answer for all',
      (body) => (over(body, 25) ? Response.json({ error: { code: -32_005, message: 'Batch size limit exceeded' } }) : undefined),
    ],
    [
      'in the first of the answers',
      (body) =>
        over(body, 25) ? Response.json([{ id: [body].flat()[0]?.id, error: { code: -32_600, message: 'batch too large' } }]) : undefined,
    ],
    ['by its status', (body) => (over(body, 25) ? new Response('<html>', { status: 413 }) : undefined)],
  ])('%s is cut in halves, and what is taken is remembered', async (_name, serve) => {
    const { ask, requests } = open(serve)
    const calls = numbers(1, 60).map(echo)
    expect(await ask(...calls)).toEqual(numbers(1, 60).map(ok))
    expect(requests.map(({ calls: count }) => count)).toEqual([60, 30, 15, 15, 15, 15])
    requests.splice(0)
    await ask(...calls)
    expect(requests.map(({ calls: count }) => count)).toEqual([15, 15, 15, 15])
  })

  test('however short it is: calls go one by one, and not as lists', async () => {
    const { ask, requests } = open((body) =>
      Array.isArray(body)
        ? Response.json({ error: { code: -32_005, message: 'Batched requests are not supported by this server' } })
        : undefined,
    )
    expect(await ask(...numbers(1, 4).map(echo))).toEqual(numbers(1, 4).map(ok))
    expect(requests.map(({ calls, isList }) => [calls, isList])).toEqual([
      [4, true],
      [2, true],
      [1, true],
      [1, false],
      [1, false],
      [1, false],
      [1, false],
    ])
    requests.splice(0)
    await ask(...numbers(1, 2).map(echo))
    expect(requests.map(({ isList }) => isList)).toEqual([false, false])
  })
})
const over = (body: unknown, length: number): boolean => Array.isArray(body) && body.length > length

describe('a range of logs', () => {
  test('refused for its length is asked for in parts as long as the endpoint says, with the last header of each, and so at once the next time', async () => {
    const { ask, ranges, requests } = open(
      refusing((item) =>
        item.method === 'eth_getLogs' && blocksOf(item) > 40
          ? { code: -32_614, message: 'eth_getLogs is limited to a 40 range' }
          : undefined,
      ),
    )
    expect(await ask(echo('x'), logs(1, 100))).toEqual([ok('x'), ok(numbers(1, 100))])
    expect(ranges).toEqual(['1-100', '1-40', '41-80', '81-100'])
    expect(requests.map(({ calls }) => calls)).toEqual([2, 6])
    ranges.splice(0)
    expect(await ask(logs(1, 80, '0xb'))).toEqual([ok(numbers(1, 80))])
    expect(ranges).toEqual(['1-40', '41-80'])
  })

  test('with too many results is halved, and remembered for that filter only', async () => {
    const { ask, ranges } = open(
      refusing((item) =>
        item.method === 'eth_getLogs' && blocksOf(item) > 30 && JSON.stringify(item.params).includes('0xa')
          ? { code: -32_005, message: 'query returned more than 10000 results' }
          : undefined,
      ),
    )
    expect(await ask(logs(1, 100))).toEqual([ok(numbers(1, 100))])
    ranges.splice(0)
    await ask(logs(1, 50), logs(1, 100, '0xb'))
    expect(ranges.toSorted()).toEqual(['1-100', '1-25', '26-50'])
  })

  test('whose answer is larger than is taken is halved', async () => {
    const flood = new Uint8Array(65 * 1024 * 1024).fill(32)
    const { ask } = open((body) =>
      [body].flat().some((item) => item.method === 'eth_getLogs' && blocksOf(item) > 60) ? new Response(flood) : undefined,
    )
    expect(await ask(logs(1, 100))).toEqual([ok(numbers(1, 100))])
  })

  test('asked for in parts has no answer when the last block of one is not there', async () => {
    const { ask } = open((body) => {
      const items = [body].flat() as Item[]
      if (items.some((item) => item.method === 'eth_getLogs' && blocksOf(item) > 50))
        return refusing(() => ({ code: -32_000, message: 'block range is too wide' }))(body, '', {})
      return Response.json(
        items.map(({ id, method, params }) => ({
          id,
          result: method === 'eth_getLogs' ? [] : Number(params[0]) === 100 ? null : headerOf(1),
        })),
      )
    })
    expect(await ask(logs(1, 100))).toMatchObject([{ isOk: false, refusal: { code: -32_001 } }])
  })

  test('of one block that is refused is refused, and what a contract says is no limit', async () => {
    const { ask, ranges } = open(refusing(() => ({ code: -32_005, message: 'query returned more than 10000 results' })))
    expect(await ask(logs(7, 7))).toMatchObject([{ isOk: false, refusal: { code: -32_005 } }])
    expect(ranges).toEqual(['7-7'])
  })
})

test('lists of one that are under way when an endpoint is found to take none are asked for anew, as calls', async () => {
  const { ask } = open((body) =>
    Array.isArray(body)
      ? Response.json({ error: { code: -32_005, message: 'Batched requests are not supported by this server' } })
      : undefined,
  )
  expect(await Promise.all([1, 2, 3].map((value) => ask(echo(value))))).toEqual([[ok(1)], [ok(2)], [ok(3)]])
})

describe('what an endpoint does not take is told of, in its words', () => {
  const wordings = {
    eth_getLogs: (item: Item) =>
      blocksOf(item) > 4 ? { code: -32_000, message: 'please limit the query to at most 4 blocks' } : undefined,
    results: (item: Item) => (blocksOf(item) > 4 ? { code: -32_005, message: 'query returned more than 10000 results' } : undefined),
  }
  const onLogs = (words: (item: Item) => { readonly code: number; readonly message: string } | undefined): Serve =>
    refusing((item) => (item.method === 'eth_getLogs' ? words(item) : undefined))

  test.each<[string, Serve, RpcCall[], string]>([
    ['a range', onLogs(wordings.eth_getLogs), [logs(1, 8)], 'limits_range of 8 blocks: please limit the query to at most 4 blocks'],
    ['results', onLogs(wordings.results), [logs(1, 8)], 'limits_results of 8 blocks: query returned more than 10000 results'],
    [
      'a batch',
      (body) => (over(body, 1) ? Response.json({ error: { code: -32_600, message: 'batch too large' } }) : undefined),
      [echo(1), echo(2)],
      'limits_batch of 2 calls: HTTP 200, batch too large',
    ],
    [
      'any list',
      (body) => (Array.isArray(body) ? Response.json({ error: { code: -32_600, message: 'batch not supported' } }) : undefined),
      [echo(1)],
      'limits_batch takes no lists',
    ],
  ])('%s', async (_name, serve, calls, told) => {
    const { ask, notices } = open(serve)
    await ask(...calls)
    expect(notices).toEqual([told])
  })
})

describe('a redirect', () => {
  const to =
    (code: number, location: string): Serve =>
    (_body, url) =>
      url.startsWith('https://node.test/') && !url.endsWith('/moved')
        ? new Response(null, { status: code, headers: { location } })
        : undefined

  test.each([301, 302, 307, 308])('%i is followed with the same method, body and credentials on the same host', async (code) => {
    const seen: (string | undefined)[] = []
    const { ask, requests } = open((body, url, headers) => {
      seen.push(headers['authorization'])
      return to(code, '/moved')(body, url, headers)
    })
    expect(await ask(echo(7))).toEqual([ok(7)])
    expect(requests.map(({ url, calls }) => [url, calls])).toEqual([
      ['https://node.test/key', 1],
      ['https://node.test/moved', 1],
    ])
    expect(seen[1]).toBe(seen[0])
    expect(seen[0]).toMatch(/^Basic /)
  })

  test('to another host takes no credentials along, and is told of by the host', async () => {
    const seen: (string | undefined)[] = []
    const { ask, notices } = open((body, url, headers) => {
      seen.push(headers['authorization'])
      return to(307, 'https://other.test/rpc')(body, url, headers)
    })
    expect(await ask(echo(7))).toEqual([ok(7)])
    expect(notices).toEqual(['redirects to other.test'])
    expect(seen).toEqual([expect.stringMatching(/^Basic /), undefined])
  })

  test.each<[string, number, string]>([
    ['from https to http', 301, 'http://node.test/moved'],
    ['that asks for another method', 303, '/moved'],
    ['with credentials of a stranger', 307, 'https://a:b@other.test/'],
    ['round in circles', 307, '/key'],
    ['to nowhere', 301, 'https://'],
  ])('%s is not followed, and named without its place', async (_name, code, location) => {
    const { ask, requests } = open(to(code, location))
    expect(await ask(echo(7))).toMatchObject({
      kind: 'unreachable',
      failure: { code: 'CHAIN_UNREACHABLE', cause: { message: `HTTP ${code}, a redirect that is not followed` } },
    })
    expect(requests.every(({ url }) => url === 'https://node.test/key')).toBe(true)
    expect(requests.length).toBeLessThanOrEqual(4)
  })
})

test('null for a call is no answer', async () => {
  const { ask } = open((body) => Response.json(([body].flat() as Item[]).map(({ id }) => ({ id, result: null }))))
  expect(await ask({ method: 'eth_call', params: [{}, 'latest'] })).toMatchObject([{ isOk: false, refusal: { code: 0 } }])
  expect(await ask({ method: 'eth_getTransactionReceipt', params: ['0x'] })).toEqual([ok(null)])
})
