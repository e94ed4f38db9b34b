import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BLOCK_HASH, DATA_MARKET, PROVEN, provingApi, rpcOf, toldOf } from '#client/proven.test-world.ts'
import type { Host } from '#client/api.test-world.ts'
import { serveMcp, toolsOf } from '#node/mcp.ts'
import { weft } from './cli.test-world.ts'

const servers: Server[] = []
async function listening(host: Host): Promise<string> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://host')
    const answer = await host(decodeURIComponent(url.pathname), { url, init: {} })
    response.writeHead(answer.status).end(await answer.text())
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
let [api, rpc] = ['', '']
beforeAll(async () => {
  api = await listening(provingApi([toldOf(PROVEN)], PROVEN))
  rpc = await listening(rpcOf(BLOCK_HASH))
})
afterAll(() => {
  for (const server of servers) server.close()
})

const { projectId, epochId } = PROVEN
async function answerOf(agent: Client, name: string, given: Record<string, unknown>) {
  const { content } = await agent.callTool({ name, arguments: given })
  return JSON.parse((content as { text: string }[])[0]?.text ?? '') as unknown
}

test('an agent over stdin and stdout reads and verifies, and the process ends with it', async () => {
  const main = join(import.meta.dirname, 'main.ts')
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', main, 'mcp', '--api', api, '--rpc', rpc, '--data-market', DATA_MARKET],
  })
  const agent = new Client({ name: 'agent', version: '1' })
  const ended = new Promise<void>((resolve) => {
    agent.onclose = resolve
  })
  await agent.connect(transport)
  expect((await agent.listTools()).tools.map(({ name }) => name)).toEqual(['projects', 'latest', 'range', 'proof', 'verify'])
  const proof = `${api}/v1/proofs/${encodeURIComponent(projectId)}/${epochId}`
  expect(await answerOf(agent, 'latest', { project: projectId })).toMatchObject({
    epochId,
    status: 'finalized',
    proof,
    data: { price: 1.5 },
  })
  expect(await answerOf(agent, 'range', { project: projectId, last: 5 })).toMatchObject({ points: [{ epochId, proof }] })
  expect(await answerOf(agent, 'proof', { project: projectId, epoch: epochId })).toMatchObject({ blockHash: BLOCK_HASH, proof })
  expect(await answerOf(agent, 'verify', { project: projectId, epoch: epochId })).toMatchObject({ ok: true, verified: 'proof', proof })
  await agent.close()
  await ended
})

test('agents over HTTP are answered one question at a time, and pages of elsewhere are not', async () => {
  const server = await serveMcp(toolsOf({ api: [api], rpc: [] }), '127.0.0.1:0')
  const agent = new Client({ name: 'agent', version: '1' })
  try {
    await agent.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`)))
    // Nobody said whose word on a block is taken: the CID is all that can be shown.
    expect(await answerOf(agent, 'verify', { project: projectId, epoch: epochId })).toMatchObject({
      ok: true,
      verified: 'cid',
      shown: expect.stringContaining('the word of the api'),
    })
    const ask = (headers: Record<string, string>, body: string) =>
      fetch(`${server.url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
        body,
      })
    const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect([(await ask({}, ping)).status, (await ask({ origin: 'http://localhost:3000' }, ping)).status]).toEqual([200, 200])
    const foreign = await ask({ origin: 'https://page.example' }, ping)
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null])
    expect((await ask({}, 'x'.repeat(20_000))).status).toBe(413)
    expect((await ask({}, '{"no":"question"}')).status).toBe(400)
    expect((await fetch(`${server.url}/mcp`)).status).toBe(405)
  } finally {
    await agent.close()
    await server.stop()
  }
})

test('the tools are for this machine, and what cannot be proved with is said at the start', async () => {
  const { err } = await weft({}, 'mcp', '--api', api, '--http', '0.0.0.0:0')
  expect(err).toContain('SETTINGS_INVALID')
  expect(err).toContain('for this machine')
  expect((await weft({}, 'mcp', '--api', api, '--rpc', rpc)).err).toContain('dataMarket')
  expect((await weft({}, 'mcp', '--api', api, '--data-market', DATA_MARKET)).err).toContain('rpc:')
})
