import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { absent, apiOf, type Host, json, netOf, PROJECT, pointOf, refused } from './api.test-world.ts'
import { type ClientOptions, createClient, plain, WeftError } from './client.ts'

/** What a reader of data has, against endpoints that answer as the api does. */

const POINTS = await Promise.all([11, 12, 13, 14, 15].map((epochId) => pointOf(epochId)))

function clientOf(host: Host, options: Partial<ClientOptions> = {}) {
  const net = netOf({ api: host })
  return { client: createClient({ api: 'http://api', fetch: net.fetch, ...options }), asked: net.asked }
}

describe('a project', () => {
  test('tells its newest data point, with every digit of its value', async () => {
    const { client, asked } = clientOf(apiOf(POINTS))
    const point = await client.project(PROJECT).latest()
    expect(point).toMatchObject({ epochId: 15, status: 'finalized', verified: 'none' })
    expect(point.value).toEqual({ epochId: 15n, price: { block15: 15.5 }, raw: 12345678901234567890n })
    expect(plain(point.value as never)).toEqual({ epochId: 15, price: { block15: 15.5 }, raw: 12345678901234567000 })
    expect(asked).toEqual([`api/v1/projects/${PROJECT}/latest?data=false&text=true`])
  })

  test('says why there is no data point', async () => {
    const { client } = clientOf(apiOf(POINTS))
    const point = await client.project(PROJECT).at(16)
    expect(point).toEqual({ ...absent(16), verified: 'none' })
  })

  test('tells a range, page by page as it is taken', async () => {
    const { client, asked } = clientOf(apiOf(POINTS), { pageLength: 2 })
    const epochs: number[] = []
    for await (const { epochId } of client.project(PROJECT).range({ from: 12 })) {
      epochs.push(epochId)
      if (epochId === 13) expect(asked).toHaveLength(1)
    }
    expect(epochs).toEqual([12, 13, 14, 15])
    expect(asked).toHaveLength(2)
  })

  test('tells the last so many', async () => {
    const { client } = clientOf(apiOf(POINTS))
    expect((await Array.fromAsync(client.project(PROJECT).range({ last: 3 }))).map(({ epochId }) => epochId)).toEqual([13, 14, 15])
  })

  test('gives a field over epochs as the endpoint does, or from what was verified here', async () => {
    const series = { items: [{ epochId: 15, at: 1_700_000_015, block: 159, status: 'finalized', value: 15.5 }] }
    const host = apiOf(POINTS.slice(-1), { series })
    const [told, read] = [clientOf(host), clientOf(host, { verify: 'cid' })]
    expect(await Array.fromAsync(told.client.project(PROJECT).series('price.*'))).toEqual(series.items)
    expect(await Array.fromAsync(read.client.project(PROJECT).series('price.*'))).toEqual(series.items)
    expect(told.asked[0]).toContain('/series?')
    expect(read.asked[0]).toContain('/epochs?')
    await expect(read.client.project(PROJECT).series('price..').next()).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
  })

  test('has values of a type that the caller names, or of a schema that each is held to', async () => {
    const { client } = clientOf(apiOf(POINTS))
    const named = await client.project<{ raw: bigint }>(PROJECT).latest()
    expectTypeOf(named.value).toEqualTypeOf<{ raw: bigint } | undefined>()
    const schema = z.object({ raw: z.bigint() }).transform(({ raw }) => raw)
    const held = await client.project(PROJECT, { schema }).latest()
    expectTypeOf(held.value).toEqualTypeOf<bigint | undefined>()
    expect(held.value).toBe(12345678901234567890n)
    const wrong = client.project(PROJECT, { schema: z.object({ raw: z.number() }) }).latest()
    await expect(wrong).rejects.toMatchObject({ code: 'VALUE_UNEXPECTED', facts: { problems: [expect.stringMatching(/^raw: .*bigint/)] } })
  })
})

describe('what is not about one project', () => {
  const status = {
    version: '1',
    anchorChainId: 1,
    protocolState: '0x1',
    dataMarket: '0x2',
    epochs: 5,
    projects: 1,
    points: 5,
    unavailable: 0,
  }
  const projects = { items: [{ projectId: PROJECT, projectType: 'a', namespace: 'b', kind: 'snapshot', firstEpochId: 1, lastEpochId: 2 }] }

  test('is told as the endpoint does, by name or by route', async () => {
    const { client, asked } = clientOf(apiOf([], { status, projects, votes: { items: [] } }))
    expect(await client.status()).toEqual(status)
    expect(await Array.fromAsync(client.projects({ search: 'reserves' }))).toEqual(projects.items)
    expect(await Array.fromAsync(client.list('votes', { projectId: PROJECT, epochId: 7, limit: 5 }))).toEqual([])
    expect(asked.slice(1)).toEqual(['api/v1/projects?limit=100&search=reserves', `api/v1/projects/${PROJECT}/epochs/7/votes?limit=5`])
  })

  test('a list that never ends, and holds nothing, ends', async () => {
    const { client, asked } = clientOf(() => json({ items: [], nextCursor: 'on' }))
    expect(await Array.fromAsync(client.epochs())).toEqual([])
    expect(asked).toHaveLength(100)
  })
})

describe('an endpoint', () => {
  test('may lie below a path, and ask for a key', async () => {
    const keys: unknown[] = []
    const api = apiOf(POINTS)
    const { client } = clientOf(
      (path, asking) => {
        keys.push(new Headers(asking.init.headers).get('authorization'))
        return api(path.replace(/^\/weft/, ''), asking)
      },
      { api: new URL('http://api/weft/'), key: 'a-key' },
    )
    expect((await client.project(PROJECT).latest()).epochId).toBe(15)
    expect(keys).toEqual(['Bearer a-key'])
  })

  test('that refuses is quoted', async () => {
    const { client } = clientOf(() => refused(400, 'REQUEST_INVALID', 'REQUEST_INVALID (problems: limit: too large).'))
    await expect(client.status()).rejects.toMatchObject({
      code: 'API_REFUSED',
      facts: { endpoint: 'http://api', status: 400, refusal: 'REQUEST_INVALID', detail: expect.stringContaining('limit: too large') },
    })
  })

  test.each<[string, Host]>([
    ['a page of another server', () => new Response('<html>')],
    ['no data point', () => json({ hello: 'world' })],
    ['an epoch that is no number', () => json({ ...POINTS[0], epochId: '7' })],
    ['a status that there is not', () => json({ ...POINTS[0], status: 'true' })],
    ['a text that is none', () => json({ ...POINTS[0], text: { toString: 1 } })],
  ])('that answers %s gave no usable answer', async (_, host) => {
    await expect(clientOf(host).client.project(PROJECT).latest()).rejects.toMatchObject({ code: 'API_FAILED', kind: 'transient' })
  })

  test('is left in the middle of an answer by whoever asked', async () => {
    const stop = new AbortController()
    const { client } = clientOf(() => {
      stop.abort(new Error('enough'))
      throw new Error('cut')
    })
    await expect(client.status({ signal: stop.signal })).rejects.toThrow('enough')
  })
})

test('a client that cannot be is told all that is wrong', () => {
  const make = () =>
    createClient({
      api: ['ftp://here'],
      verify: 'proof',
      rpc: [],
      agree: 3,
      pageLength: 0,
      market: { dataMarket: 'ours' },
    } as ClientOptions)
  expect(make).toThrow(WeftError)
  expect(make).toThrow(/api: ftp:.*api: at least one.*rpc: .*market: .*agree: 3 of the 0.*pageLength: /s)
})
