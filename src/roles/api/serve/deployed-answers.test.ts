import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { ABSENCE_REASONS } from '#domain/reasons.ts'
import { DEPLOYED_API, type DeployedRoute } from '#wire/deployed-api.ts'
import { A, B, served, TEXTS, told, type World } from './serve.test-world.ts'

/** What dashboards that ask deployed nodes find here: each answer as spec/08 §1 has recorded it. */

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

async function ask(name: DeployedRoute, path: string, init?: RequestInit): Promise<unknown> {
  const response = await server.get(path, init)
  const body: unknown = await response.json()
  const { output } = DEPLOYED_API[name] as { readonly output?: { safeParse(value: unknown): { readonly error?: unknown } } }
  expect([response.status, output?.safeParse(body).error]).toEqual([200, undefined])
  return body
}
const refusal = async (path: string, init?: RequestInit) => {
  const response = await server.get(path, init)
  return [response.status, await response.json()]
}
const post = (body: unknown): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

test('the shapes of deployed nodes', async () => {
  expect(await ask('health', '/health')).toEqual({ status: 'OK' })
  expect(await ask('currentEpoch', '/current_epoch')).toEqual({ begin: 50, end: 59, epochId: 5 })
  expect(await ask('epochInfo', '/epoch/1')).toEqual({ timestamp: 1000, blocknumber: 100, epochEnd: 19 })
  expect(await ask('cid', `/cid/1/${A}/`)).toBe(world.cids.a1)
})

test('the newest epoch of a project is one that is pending, unless that is not wanted', async () => {
  expect(await ask('lastFinalizedEpoch', `/last_finalized_epoch/${A}`)).toEqual({
    epochId: 2,
    timestamp: 1040,
    blocknumber: 104,
    epochEnd: 29,
  })
  expect(await ask('lastFinalizedEpoch', `/last_finalized_epoch/${A}?use_pending=False`)).toMatchObject({ epochId: 1 })
})

describe('the data of a project', () => {
  test.each(['/', ''])('are the bytes of the snapshot, with what became of it in headers; path ends with "%s"', async (end) => {
    const response = await server.get(`/data/1/${B}${end}`)
    expect(await response.text()).toBe(TEXTS.b1)
    const header = (name: string) => response.headers.get(name)
    expect([header('x-snapshot-status'), header('x-snapshot-cid'), header('etag')]).toEqual([
      'finalized',
      world.cids.b1,
      `"${world.cids.b1}"`,
    ])
    const known = await server.get(`/data/1/${B}/`, { headers: { 'if-none-match': header('etag') ?? '' } })
    expect([known.status, known.headers.get('x-snapshot-status')]).toEqual([304, 'finalized'])
  })

  test('a part of them, and their length alone', async () => {
    const part = await server.get(`/data/1/${A}/`, { headers: { range: 'bytes=0-4' } })
    expect([part.status, await part.text()]).toEqual([206, TEXTS.a1.slice(0, 5)])
    const head = await server.get(`/data/1/${A}/`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(TEXTS.a1.length)])
  })

  test('that are not there are refused in the shape of deployed nodes, and told why', async () => {
    const message = `Nothing to read of project ${B} in epoch 2. ${ABSENCE_REASONS.not_batched}`
    expect(await refusal(`/data/2/${B}/`)).toEqual([
      404,
      { status: 'error', message, reason: expect.objectContaining({ code: 'not_batched' }) },
    ])
    expect(await refusal(`/cid/9/${B}/`)).toMatchObject([404, { status: 'error', reason: { code: 'epoch_not_released' } }])
    expect(await refusal(`/data/x/${B}/`)).toMatchObject([400, { status: 'error', problems: [expect.any(String)] }])
    expect(await refusal('/epoch/77')).toMatchObject([404, { status: 'error' }])
    expect(await refusal('/last_finalized_epoch/none:0x:ns')).toMatchObject([404, { status: 'error' }])
  })
})

test('a task of a wallet is done once its project was final', async () => {
  const wallet = `0x${'aB'.repeat(20)}`
  expect(await ask('taskStatus', '/task_status', post({ task_type: 'reserves', wallet_address: wallet }))).toEqual({
    completed: false,
    message: `Nothing of reserves is final for ${wallet.toLowerCase()} so far.`,
  })
  expect(await refusal('/task_status', post({ task_type: 'reserves', wallet_address: '0x12' }))).toMatchObject([400, { status: 'error' }])
  expect(await refusal('/task_status', { method: 'POST', body: '[' })).toMatchObject([400, { status: 'error' }])
})

describe('a time series', () => {
  test('walks back from the epoch by steps of time, newest first', async () => {
    expect(await ask('timeSeries', `/time_series/2/1000/10/${A}`)).toEqual([{ value: 2 }, expect.objectContaining({ value: 1 })])
  })

  test('asks the chain how long epochs are once for many who ask, and goes on with what it said while it does not answer', async () => {
    let asked = 0
    const market: World['deps']['chain']['market'] = async () => {
      asked += 1
      if (asked > 1) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'there', method: 'eth_call' })
      return world.deps.chain.market()
    }
    const own = await served({ deps: { ...world.deps, chain: { ...world.deps.chain, market } } })
    const path = `/time_series/2/1000/10/${A}`
    const first = await (await own.get(path)).json()
    expect([await (await own.get(path)).json(), asked]).toEqual([first, 1])
    await world.clock.advance(60_000)
    expect([await (await own.get(path)).json(), asked]).toEqual([first, 2])
    await own.stop()
  })

  test('of nothing, and of too much, is refused', async () => {
    expect(await refusal(`/time_series/2/2000/10/${A}`)).toMatchObject([400, { message: expect.stringContaining('before that') }])
    expect(await refusal(`/time_series/2/0/1/${A}`)).toMatchObject([400, { message: expect.stringContaining('1040 steps of 1 s') }])
    expect(await refusal(`/time_series/2/0/0/${A}`)).toMatchObject([400, { problems: [expect.any(String)] }])
  })
})

test('what the chain says is compared with the bytes, and the proof is named', async () => {
  expect(await ask('verify', `/verify/1/${A}`)).toMatchObject({
    status: 'finalized',
    snapshotCid: world.cids.a1,
    computedCid: world.cids.a1,
    isMatching: true,
    proof: `/v1/proofs/${encodeURIComponent(A)}/1`,
  })
})

test('A9: bytes that are not those of the CID are told as such', async () => {
  const points: World['index']['points'] = async (query) =>
    (await world.index.points(query)).map((row) => ({ ...row, text: '{"value":3}' }))
  const other = await served({ deps: { ...world.deps, index: { ...world.index, points } } })
  expect(await (await other.get(`/verify/1/${A}`)).json()).toMatchObject({ snapshotCid: world.cids.a1, isMatching: false })
  await other.stop()
})

test('what a node says of its own snapshotter, an api has not', async () => {
  for (const path of ['status', `status/${A}`, 'epochProcessingStatus?page=1&size=10'])
    expect(await refusal(`/internal/snapshotter/${path}`)).toMatchObject([404, { status: 'error', code: 'NODE_STATUS_ABSENT' }])
})
