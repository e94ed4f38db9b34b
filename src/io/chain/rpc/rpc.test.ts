import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { CERTIFICATE, KEY } from '#io/http/self-signed.test-world.ts'
import { systemClock } from '#io/clock/system.ts'
import type { EndpointTrouble } from './health.ts'
import { assertChainId, createRpc } from './rpc.ts'

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}
type Respond = (calls: readonly Call[], response: ServerResponse, request: IncomingMessage) => void

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A node that answers each request with the next of `responses`, the last one for ever. */
async function serve(...responses: readonly [Respond, ...Respond[]]) {
  const requests: (readonly Call[])[] = []
  const server = createServer(async (request, response) => {
    const body: Buffer[] = []
    for await (const chunk of request) body.push(chunk as Buffer)
    const calls = [JSON.parse(Buffer.concat(body).toString()) as Call | Call[]].flat()
    requests.push(calls)
    const respond = responses[Math.min(requests.length, responses.length) - 1] as Respond
    respond(calls, response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return { port: (server.address() as AddressInfo).port, requests }
}

const echo: Respond = (calls, response) => {
  response.end(JSON.stringify(calls.map(({ id, params }) => ({ jsonrpc: '2.0', id, result: params[0] })).reverse()))
}
const status =
  (code: number, headers: Record<string, string> = {}): Respond =>
  (_calls, response) => {
    response.writeHead(code, headers)
    response.end('busy')
  }

function connect(port: number, path = '') {
  const sleeps: number[] = []
  const pause = {
    nowMs: () => 0,
    sleep: async (durationMs: number) => {
      sleeps.push(durationMs)
    },
  }
  return { rpc: createRpc({ rpcUrl: `http://127.0.0.1:${port}${path}`, pause }), sleeps }
}

describe('rpc', () => {
  test('calls of one turn are one request, answers are matched by id', async () => {
    const { port, requests } = await serve(echo)
    const { rpc } = connect(port)
    expect(await Promise.all([1, 2, 3].map((value) => rpc.call('echo', [value])))).toEqual([1, 2, 3])
    expect(requests).toHaveLength(1)
  })

  test('more calls than a batch holds are several requests', async () => {
    const { port, requests } = await serve(echo)
    const { rpc } = connect(port)
    const values = Array.from({ length: 250 }, (_, index) => index)
    expect(await rpc.all(values.map((value) => ({ method: 'echo', params: [value] })))).toEqual(values)
    expect(requests.map((calls) => calls.length)).toEqual([100, 100, 50])
  })

  test('a busy node is given the time it asks for', async () => {
    const { port, requests } = await serve(status(429, { 'retry-after': '3' }), status(503), echo)
    const { rpc, sleeps } = connect(port)
    expect(await rpc.call('echo', ['x'])).toBe('x')
    expect([requests.length, sleeps]).toEqual([3, [3_000, 400]])
  })

  test.each([301, 302, 307, 308])('HTTP %i is followed to another server, with the same calls and without credentials', async (code) => {
    const headers: (string | undefined)[] = []
    const there = await serve((calls, response, request) => {
      headers.push(request.method, request.headers.authorization, request.headers['content-type'])
      echo(calls, response, request)
    })
    const here = await serve(status(code, { location: `http://localhost:${there.port}/elsewhere` }))
    const pause = { nowMs: () => 0, sleep: async () => undefined }
    const rpc = createRpc({ rpcUrl: `http://user:pass@127.0.0.1:${here.port}`, pause })
    expect(await Promise.all([rpc.call('echo', ['x']), rpc.call('echo', ['y'])])).toEqual(['x', 'y'])
    expect(there.requests).toEqual(here.requests)
    expect(headers).toEqual(['POST', undefined, 'application/json'])
  })

  test('a node that stays busy is unreachable', async () => {
    const { port, requests } = await serve(status(500))
    await expect(connect(port).rpc.call('echo', [1])).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE', facts: { method: 'echo' } })
    expect(requests).toHaveLength(3)
  })

  test.each<[string, Respond]>([
    ['one answer too few', (calls, response) => response.end(JSON.stringify(calls.slice(1).map(({ id }) => ({ id, result: 1 }))))],
    ['ids of others', (calls, response) => response.end(JSON.stringify(calls.map(({ id }) => ({ id: id + 1_000, result: 1 }))))],
    ['neither result nor error', (calls, response) => response.end(JSON.stringify(calls.map(({ id }) => ({ id }))))],
    ['one error for all', (_calls, response) => response.end(JSON.stringify({ error: { code: -32005, message: 'batch too large' } }))],
    ['null', (_calls, response) => response.end('null')],
    ['no JSON', (_calls, response) => response.end('<html>')],
  ])('%s is an invalid answer', async (_name, respond) => {
    const { port } = await serve(respond)
    const { rpc } = connect(port)
    await expect(Promise.all([rpc.call('echo', [1]), rpc.call('echo', [2])])).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })

  test('a refusal is a value for who asks and an invalid answer for who calls, and concerns its own call only', async () => {
    const { port } = await serve((calls, response) => {
      const error = { code: 3, message: 'execution reverted', data: '0x08c379a0' }
      response.end(JSON.stringify(calls.map(({ id, params }) => (params[0] === 'bad' ? { id, error } : { id, result: params[0] }))))
    })
    const { rpc } = connect(port)
    const [good, asked, called] = await Promise.all([
      rpc.call('echo', ['good']),
      rpc.ask('echo', ['bad']),
      rpc.call('echo', ['bad']).catch((cause: unknown) => cause),
    ])
    expect(good).toBe('good')
    expect(asked).toEqual({ isOk: false, refusal: { code: 3, message: 'execution reverted', data: '0x08c379a0' } })
    expect(called).toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })

  test.each([
    ['pa%20ss', 'pa ss'],
    ['100%', '100%'],
    ['%zz%41', '%zzA'],
    ['%ff', '%ff'],
  ])('a password %s is sent as %j: what escapes nothing stands for itself', async (written, meant) => {
    let authorization: string | undefined
    const { port } = await serve((calls, response, request) => {
      authorization = request.headers.authorization
      echo(calls, response, request)
    })
    const rpc = createRpc({ rpcUrl: `http://user:${written}@127.0.0.1:${port}`, pause: { nowMs: () => 0, sleep: async () => undefined } })
    expect(await rpc.call('echo', [1])).toBe(1)
    expect(Buffer.from(String(authorization).replace('Basic ', ''), 'base64').toString()).toBe(`user:${meant}`)
  })

  test('credentials travel as a header, and neither they nor the path are printed', async () => {
    let authorization: string | undefined
    const { port } = await serve((calls, response, request) => {
      authorization = request.headers.authorization
      echo(calls, response, request)
    })
    const pause = { nowMs: () => 0, sleep: async () => undefined }
    const rpc = createRpc({ rpcUrl: `http://user:pa%20ss@127.0.0.1:${port}/v3/api-key?token=query-key`, pause })
    expect(await rpc.call('echo', [1])).toBe(1)
    expect(Buffer.from(String(authorization).replace('Basic ', ''), 'base64').toString()).toBe('user:pa ss')
    for (const close of closing.splice(0)) close()
    const dead = createRpc({ rpcUrl: `http://user:pa%20ss@127.0.0.1:1/v3/api-key?token=query-key`, pause })
    const failure = await dead.call('echo', [1]).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'CHAIN_UNREACHABLE', facts: { endpoint: 'http://127.0.0.1:1' } })
    expect(inspect(failure, { depth: 10 })).not.toMatch(/user|pa%20ss|pa ss|api-key|query-key/)
  })

  test.each(['', 'not a url', 'ftp://host', 'file:///etc/passwd'])('%s is not an endpoint', (rpcUrl) => {
    expect(() => createRpc({ rpcUrl, pause: { nowMs: () => 0, sleep: async () => undefined } })).toThrow('SETTINGS_INVALID')
  })

  test('a node of another chain is refused', async () => {
    const { port } = await serve((calls, response) => response.end(JSON.stringify(calls.map(({ id }) => ({ id, result: '0x2' })))))
    await expect(assertChainId(connect(port).rpc, 1)).rejects.toMatchObject({
      code: 'CHAIN_WRONG',
      facts: { expectedChainId: 1, gotChainId: 2 },
    })
  })
})

test('G7: an endpoint whose certificate nobody vouches for is asked nothing, and told of', async () => {
  const asked: unknown[] = []
  const server = createSecureServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
    asked.push(request.headers)
    response.end('[]')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const troubles: EndpointTrouble[] = []
  const rpcUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pause = { ...systemClock, sleep: async () => undefined }
  const rpc = createRpc({ rpcUrl, pause, onEndpointTrouble: (trouble) => troubles.push(trouble) })
  await expect(rpc.call('eth_chainId', [])).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
  expect(troubles).toMatchObject([{ trouble: 'unreachable', detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' }])
  expect(asked).toEqual([])
})
