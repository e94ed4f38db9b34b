import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { expect, test } from 'vitest'
import { absent, apiOf, type Host, json, netOf, PROJECT, pointOf, textOf } from '#client/api.test-world.ts'
import { createClient } from '#client/client.ts'
import { BLOCK_HASH, DATA_MARKET, OTHER, PROVEN, provingApi, rpcOf, toldOf } from '#client/proven.test-world.ts'
import type { Point } from '#wire/api.ts'
import { createCallsGate, createMcpServer } from './mcp-tools.ts'

/** An agent, the tools, and an api that says what the test wants. */
async function agentOf(host: Host, rpc: Host = rpcOf(BLOCK_HASH)) {
  const net = netOf({ api: host, rpc })
  const [api, market] = ['http://api', { dataMarket: DATA_MARKET }]
  const verifier = createClient({ api, rpc: 'http://rpc', market, verify: 'proof', fetch: net.fetch })
  const client = createClient({ api, verify: 'cid', fetch: net.fetch })
  const agent = new Client({ name: 'agent', version: '1' })
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await createMcpServer({ api, client, verifier: { client: verifier, level: 'proof' } }, createCallsGate()).connect(ours)
  await agent.connect(theirs)
  async function call(name: string, given: Record<string, unknown>) {
    const { content, isError = false } = await agent.callTool({ name, arguments: given })
    const { text } = (content as { text: string }[])[0] ?? { text: '' }
    return { text, isError, answer: isError ? undefined : (JSON.parse(text) as Record<string, unknown>) }
  }
  return { agent, call, asked: net.asked }
}

const links = (epochId: number) => `http://api/v1/proofs/${encodeURIComponent(PROJECT)}/${epochId}`
const project = (projectId: string, told: object = {}) => ({
  projectId,
  projectType: 'pair',
  namespace: 'N',
  kind: 'single',
  firstEpochId: 1,
  lastEpochId: 3,
  ...told,
})

test('all tools say that they read and change nothing', async () => {
  const { agent } = await agentOf(apiOf([]))
  const { tools } = await agent.listTools()
  expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual(
    ['projects', 'latest', 'range', 'proof', 'verify'].map((name) => [name, true]),
  )
})

test('a data point comes with status and proof, and with every digit', async () => {
  const { call } = await agentOf(apiOf([await pointOf(3), await pointOf(4, { status: 'pending' })]))
  const latest = await call('latest', { project: PROJECT })
  expect(latest.answer).toMatchObject({ epochId: 3, status: 'finalized', verified: 'cid', proof: links(3) })
  expect(latest.text).toContain(`"data":${textOf(3)}`)
  expect((await call('latest', { project: PROJECT, path: 'raw' })).answer).toMatchObject({ data: '12345678901234567890' })
  const { answer } = await call('range', { project: PROJECT, from: 1, to: 9 })
  expect(answer?.['points']).toMatchObject([
    { epochId: 3, proof: links(3) },
    { epochId: 4, status: 'pending', proof: null },
  ])
  expect(answer).not.toHaveProperty('nextFrom')
})

test('what is absent says why, and what cannot be asked is refused with a code', async () => {
  const { call } = await agentOf(apiOf([absent(9)]))
  expect((await call('verify', { project: PROJECT, epoch: 9 })).answer).toMatchObject({
    status: 'absent',
    reason: { code: 'epoch_not_released' },
    ok: false,
    proof: null,
  })
  for (const [name, given] of [
    ['latest', { project: '' }],
    ['range', { project: PROJECT, limit: 101 }],
    ['range', { project: PROJECT, last: 0 }],
    ['verify', { project: PROJECT, epoch: -1 }],
  ] as const)
    expect(await call(name, given)).toMatchObject({ isError: true })
  const dead = await agentOf(() => json({ status: 'error', code: 'QUEUE_FULL', message: 'come again' }, 429))
  expect(await dead.call('latest', { project: PROJECT })).toMatchObject({
    isError: true,
    text: expect.stringMatching(/API_FAILED.*come again/),
  })
})

test('projects are listed with the proof of what is final, as many as asked for', async () => {
  const items = [project('pair:1:N', { lastFinalizedEpochId: 2 }), project('pair:2:N'), project('pair:3:N')]
  const { call, asked } = await agentOf(apiOf([], { projects: { items } }))
  expect((await call('projects', { search: 'pair', limit: 2 })).answer).toMatchObject({
    projects: [
      { projectId: 'pair:1:N', status: 'finalized', proof: `http://api/v1/proofs/${encodeURIComponent('pair:1:N')}/2` },
      { projectId: 'pair:2:N', status: 'pending', proof: null },
    ],
    isMore: true,
  })
  expect(asked).toEqual(['api/v1/projects?limit=3&search=pair'])
})

test('G7: an answer is no longer than a model can read: a large value is left out, a range goes on elsewhere', async () => {
  const large = (epochId: number) => pointOf(epochId, { text: `{"epochId":${epochId},"pad":"${'x'.repeat(60_000)}"}` })
  const { call } = await agentOf(apiOf([await large(1), await large(2), await pointOf(3, { text: `{"pad":"${'x'.repeat(200_000)}"}` })]))
  const range = await call('range', { project: PROJECT, from: 1 })
  expect([range.answer?.['points'], range.answer?.['nextFrom'], range.text.length < 101_000]).toMatchObject([[{ epochId: 1 }], 2, true])
  const latest = await call('latest', { project: PROJECT })
  expect([latest.answer?.['data'], latest.text.length < 2_000]).toEqual([expect.stringContaining('left out'), true])
  const few = await call('range', { project: PROJECT, from: 1, limit: 2, path: 'epochId' })
  expect(few.answer).toMatchObject({ points: [{ data: 1 }, { data: 2 }], nextFrom: 3 })
})

const { projectId, epochId } = PROVEN

test('a proof says which block it rests on, and is there', async () => {
  const { call } = await agentOf(provingApi([toldOf(PROVEN)], PROVEN))
  expect((await call('proof', { project: projectId, epoch: 'latest' })).answer).toMatchObject({
    projectId,
    epochId,
    status: 'finalized',
    blockHash: BLOCK_HASH,
    dataMarket: DATA_MARKET,
    snapshotCid: PROVEN.snapshotCid,
    file: PROVEN,
  })
})

test('G8: verify believes the api nothing: the truth is shown, and a lie names the step where it ends', async () => {
  const told = async (points: readonly Point[], proof: unknown, rpc?: Host) =>
    (await (await agentOf(provingApi(points, proof), rpc)).call('verify', { project: projectId, epoch: epochId })).answer
  expect(await told([toldOf(PROVEN)], PROVEN)).toMatchObject({ ok: true, verified: 'proof', status: 'finalized' })
  expect(await told([toldOf(PROVEN, { text: '{"price":9}' })], PROVEN)).toMatchObject({ ok: false, step: 'cid', status: 'unproved' })
  expect(await told([toldOf(PROVEN)], OTHER)).toMatchObject({ ok: false })
  expect(await told([toldOf(PROVEN)], PROVEN, rpcOf(`0x${'11'.repeat(32)}`))).toMatchObject({ ok: false, step: 'block' })
})

test('G11: so many calls are under way at once, and one more is told to come again', async () => {
  const isOpen = Promise.withResolvers<void>()
  const point = await pointOf(3)
  const { call, asked } = await agentOf(async (...question) => {
    await isOpen.promise
    return apiOf([point])(...question)
  })
  const calls = Array.from({ length: 8 }, () => call('latest', { project: PROJECT }))
  await expect.poll(() => asked.length).toBe(8)
  expect(await call('latest', { project: PROJECT })).toMatchObject({ isError: true, text: expect.stringContaining('QUEUE_FULL') })
  isOpen.resolve()
  expect((await Promise.all(calls)).every(({ isError }) => !isError)).toBe(true)
})
