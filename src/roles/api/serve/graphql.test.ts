import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { A, B, served, TEXTS, told, type World } from './serve.test-world.ts'

let world: World
let server: Awaited<ReturnType<typeof served>>
beforeAll(async () => {
  world = await told()
  server = await served(world)
})
afterAll(async () => {
  await server.stop()
  await world.index.close()
})

type Result = {
  readonly data?: unknown
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[]
}
async function ask(query: string, variables?: unknown, on = server): Promise<Result & { readonly status: number }> {
  const response = await on.get('/graphql', {
    method: 'POST',
    body: JSON.stringify({ query, variables }),
    headers: { 'content-type': 'application/json' },
  })
  return { ...((await response.json()) as Result), status: response.status }
}

test('A11: so many queries of one caller are answered at once, and what else it asks does not wait for them', async () => {
  const release = Promise.withResolvers<void>()
  async function epochs(...query: Parameters<World['index']['epochs']>) {
    await release.promise
    return world.index.epochs(...query)
  }
  const slow = { ...world.index, epochs }
  const own = await served({ deps: { ...world.deps, index: slow } })
  const waiting = Array.from({ length: 4 }, () => ask('{ epochs { items { epochId } } }', undefined, own))
  await expect.poll(async () => (await ask('{ status }', undefined, own)).status).toBe(429)
  expect((await own.get('/v1/validators')).status).toBe(200)
  release.resolve()
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  await own.stop()
})

test('several things are had in one question, with values where they are named', async () => {
  const query = `query Q($id: String!) {
    status
    project(projectId: $id) { kind latest { epochId status data text } points(last: 2) { items { epochId status } nextCursor } series(path: "value") { items { value } } }
    epoch(epochId: 1) { status batchList { batchCid attestations { validator } } points { items { projectId } } outvoted { items { slotId } } }
    point(projectId: $id, epochId: 9) { status reason }
    none: project(projectId: "none:0x:ns") { kind }
    slots(limit: 1) { items { slotId } nextCursor }
    validators { attested }
  }`
  expect(await ask(query, { id: A })).toMatchObject({
    status: 200,
    data: {
      status: { newestEpochId: 5 },
      project: {
        kind: 'snapshot',
        latest: { epochId: 1, status: 'finalized', data: { value: 1 }, text: TEXTS.a1 },
        points: { items: [{ epochId: 1 }, { epochId: 2 }], nextCursor: null },
        series: { items: [{ value: 1 }, { value: 2 }] },
      },
      epoch: {
        batchList: [{ batchCid: 'bafybatch1', attestations: [{ validator: expect.any(String) }] }],
        points: { items: [{ projectId: A }, { projectId: B }] },
        outvoted: { items: [{ slotId: 3 }, { slotId: 3 }] },
      },
      point: { status: 'absent', reason: { code: 'epoch_not_released' } },
      none: null,
      slots: { items: [{ slotId: 1 }], nextCursor: expect.any(String) },
      validators: [{ attested: 1 }],
    },
  })
})

test('a GET is answered as well, and whoever asks may learn the types', async () => {
  const query = encodeURIComponent('query($l: Int) { projects(limit: $l) { items { projectId latest { snapshotCid } } } }')
  const response = await server.get(`/graphql?query=${query}&variables=${encodeURIComponent('{"l":1}')}`)
  expect(await response.json()).toEqual({ data: { projects: { items: [{ projectId: A, latest: { snapshotCid: world.cids.a1 } }] } } })
  expect(await ask(getIntrospectionQuery())).toMatchObject({ status: 200, data: { __schema: { queryType: { name: 'Query' } } } })
})

test('arguments are checked as the routes check theirs', async () => {
  expect((await ask('{ epochs(limit: 5000) { items { epochId } } }')).errors?.[0]?.extensions.code).toBe('REQUEST_INVALID')
  const [misnamed] = (await ask('{ point(projectId: "x", epochId: 1) { status } }')).errors ?? []
  expect(misnamed).toMatchObject({
    message: expect.stringContaining('type[:dataSource]:namespace'),
    extensions: { code: 'REQUEST_INVALID' },
  })
})

describe('A11, G7: a hostile query costs next to nothing', () => {
  const spreads = Array.from({ length: 30 }, (_, n) => `fragment f${n} on Project { ...f${n + 1} ...f${n + 1} }`).join(' ')
  const again = (times: number, field: string): string => Array.from({ length: times }, (_, n) => `a${n}: ${field}`).join(' ')
  const deep = (levels: number): string => (levels === 0 ? 'status' : `points { items { ${deep(levels - 1)} } }`)
  test.each([
    ['no GraphQL', '{', 'REQUEST_INVALID'],
    ['a field there is not', '{ secret }', 'REQUEST_INVALID'],
    ['a change', 'mutation { status }', 'REQUEST_INVALID'],
    ['many aliases', `{ ${Array.from({ length: 50 }, (_, n) => `a${n}: status`).join(' ')} }`, 'REQUEST_TOO_LARGE'],
    ['lists of long lists', '{ projects(limit: 1000) { items { points(limit: 1000) { items { data } } } } }', 'REQUEST_TOO_LARGE'],
    [
      'lists of lists whose length it hides in a variable',
      'query($n: Int) { projects(limit: $n) { items { points(limit: $n) { items { data } } } } }',
      'REQUEST_TOO_LARGE',
    ],
    [
      'lists of long lists that it calls short',
      '{ projects(limit: 1000) { items { points(last: 1, limit: 1000, cursor: "MC4w") { items { status } } } } }',
      'REQUEST_TOO_LARGE',
    ],
    ['depth', `{ ${deep(12)} }`, 'REQUEST_TOO_LARGE'],
    [
      'fragments that double',
      `{ projects { items { ...f0 } } } ${spreads} fragment f30 on Project { kind kind kind }`,
      'REQUEST_TOO_LARGE',
    ],
    [
      'fragments that go round',
      '{ projects { items { ...a } } } fragment a on Project { ...b } fragment b on Project { ...a }',
      'REQUEST_INVALID',
    ],
    [
      'types of types of types',
      `{ __type(name: "Point") { ${'fields { type { '.repeat(3)} name ${'} } '.repeat(3)} } }`,
      'REQUEST_INVALID',
    ],
    [
      'types, again and again under other names',
      `{ ${again(4, '__schema { ...s }')} } fragment s on __Schema { ${again(8, 'types { ...t }')} }
        fragment t on __Type { ${again(4, 'fields { ...f }')} } fragment f on __Field { ${again(20, 'name')} }`,
      'REQUEST_TOO_LARGE',
    ],
    ['tokens', `{ ${'status '.repeat(1_100)} }`, 'REQUEST_INVALID'],
  ])('%s', async (_what, query, code) => {
    const beganMs = performance.now()
    const { status, errors } = await ask(query)
    expect([status, errors?.[0]?.extensions.code]).toEqual([400, code])
    expect(performance.now() - beganMs).toBeLessThan(1_000)
  })

  test('depth is told before what it would bring', async () => {
    expect((await ask(`{ ${deep(12)} }`)).errors?.[0]?.message).toContain('levels')
  })

  test('more than a body may hold', async () => {
    expect((await server.get('/graphql', { method: 'POST', body: JSON.stringify({ query: 'x'.repeat(20_000) }) })).status).toBe(413)
  })
})

test('A11: a query costs what is read for it, not what it shows', async () => {
  async function points(...query: Parameters<World['index']['points']>) {
    return (await world.index.points(...query)).map((row) => ({ ...row, ...(row.text !== undefined && { text: 'x'.repeat(1024 * 1024) }) }))
  }
  const limits = { perAddress: { tokensPerSecond: 1e-9, tokensMax: 4 } }
  const own = await served({ deps: { ...world.deps, index: { ...world.index, points } } }, { limits })
  const query = `{ project(projectId: "${A}") { points(last: 1) { items { status text @skip(if: true) } } } }`
  expect((await ask(query, undefined, own)).status).toBe(200)
  expect((await ask('{ status }', undefined, own)).status).toBe(429)
  await own.stop()
})

test('a fault of the server is told to its log, not in the answer', async () => {
  const points = () => Promise.reject(new WeftError('STORE_FAILED', { path: '/home/somebody', doing: 'reading' }))
  const broken = await served({ deps: { ...world.deps, index: { ...world.index, points } } })
  const answer = await ask(`{ point(projectId: "${A}", epochId: 1) { status } }`, {}, broken)
  expect([answer.status, JSON.stringify(answer)]).toEqual([500, expect.not.stringContaining('somebody')])
  await broken.stop()
})
