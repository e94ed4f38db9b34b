import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { getJson } from './client.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Long enough for a busy machine, unless it is to be waited out. */
const get = (address: string, { timeoutMs = 30_000, signal = new AbortController().signal } = {}) =>
  getJson(address, { timeoutMs, bytesMax: 1_000, signal })

test('an object is had, whatever the status', async () => {
  const url = await serve((_request, response) => response.writeHead(404).end('{"code":"EPOCH_NOT_KEPT"}'))
  expect(await get(url)).toEqual({ code: 'EPOCH_NOT_KEPT' })
})

test('a token goes with the question', async () => {
  const url = await serve(({ headers }, response) => response.end(JSON.stringify({ authorization: headers.authorization })))
  expect(await getJson(url, { timeoutMs: 30_000, bytesMax: 1_000, token: new Secret('abc') })).toEqual({ authorization: 'Bearer abc' })
})

describe('G11: what is no answer is LINK_FAILED:', () => {
  test.each<[string, RequestListener]>([
    ['no JSON', (_request, response) => response.end('<html>')],
    ['no object', (_request, response) => response.end('[1]')],
    ['too much', (_request, response) => response.end(JSON.stringify({ x: 'x'.repeat(1_000) }))],
    [
      'a place elsewhere',
      ({ url }, response) => (url === '/' ? response.writeHead(302, { location: '/other' }).end() : response.end('{}')),
    ],
    ['a closed connection', (request) => request.socket.destroy()],
  ])('%s', async (_what, answer) => {
    await expect(get(await serve(answer))).rejects.toMatchObject({ code: 'LINK_FAILED' })
  })

  test.each<[string, RequestListener]>([
    ['silence', () => undefined],
    ['one that begins and never ends', (_request, response) => void response.write('{"x":')],
  ])('%s, when its time is over', async (_what, answer) => {
    await expect(get(await serve(answer), { timeoutMs: 100 })).rejects.toMatchObject({ code: 'LINK_FAILED' })
  })

  test('nobody there', async () => {
    const url = await serve(() => undefined)
    servers.pop()?.close()
    await expect(get(url)).rejects.toMatchObject({ code: 'LINK_FAILED', facts: { detail: expect.stringContaining('ECONNREFUSED') } })
  })
})

test('a caller who has had enough gets the reason of the signal', async () => {
  const stopping = new AbortController()
  const url = await serve(() => stopping.abort(new Error('enough')))
  await expect(get(url, { signal: stopping.signal })).rejects.toThrow('enough')
})
