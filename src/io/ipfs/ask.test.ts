import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { CERTIFICATE, KEY } from '#io/http/self-signed.test-world.ts'
import { ask, jsonOf } from './ask.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
})

async function listening(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
const serve = async (answer: RequestListener) => `http://127.0.0.1:${await listening(createServer(answer))}`
const headers = { authorization: 'Bearer hunter2' }
const askAt = (url: string, signal = new AbortController().signal) =>
  ask({ place: 'kubo:a', url, method: 'POST', headers, bytesMax: 1_000 }, signal)

test('G7: a redirect is an answer, and what was asked goes nowhere else', async () => {
  const asked: unknown[] = []
  const elsewhere = await serve((request, response) => {
    asked.push(request.headers)
    response.end('{}')
  })
  const url = await serve((_, response) => response.writeHead(307, { location: elsewhere }).end())
  const answer = await askAt(url)
  expect([answer.status, asked]).toEqual([307, []])
  expect(() => jsonOf('kubo:a', answer)).toThrow(
    expect.objectContaining({ code: 'PLACE_FAILED', facts: { place: 'kubo:a', detail: 'HTTP 307' } }),
  )
})

test('G7: no more than the bound is read, however much comes', async () => {
  let sent = 0
  const url = await serve((_, response) => {
    const more = (): void => {
      while (!response.destroyed && sent < 100_000_000 && response.write('x'.repeat(10_000))) sent += 10_000
    }
    response.on('drain', more)
    more()
  })
  await expect(askAt(url)).rejects.toMatchObject({ code: 'PLACE_FAILED', facts: { detail: 'more than 1000 bytes' } })
  expect(sent).toBeLessThan(100_000_000)
  const exact = await serve((_, response) => response.end('x'.repeat(1_000)))
  expect((await askAt(exact)).bytes.length).toBe(1_000)
})

test('nobody there is told by the code of the system, and nothing of the request', async () => {
  const url = await serve((_, response) => response.end())
  await new Promise((resolve) => servers.pop()?.close(resolve))
  const failure = await askAt(url).catch((refused: unknown) => refused)
  expect(failure).toMatchObject({ code: 'PLACE_FAILED', facts: { detail: 'ECONNREFUSED' } })
  expect(inspect(failure, { depth: 10, showHidden: true })).not.toMatch(/hunter2|authorization/i)
})

test('G7: a certificate that nobody vouches for is refused before anything is asked', async () => {
  const asked: unknown[] = []
  const server = createSecureServer({ key: KEY, cert: CERTIFICATE }, (request, response) => {
    asked.push(request.headers)
    response.end('{}')
  })
  await expect(askAt(`https://127.0.0.1:${await listening(server)}`)).rejects.toMatchObject({
    code: 'PLACE_FAILED',
    facts: { detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  })
  expect(asked).toEqual([])
})

test('who gives up is not answered with a failure of the place', async () => {
  const url = await serve(() => undefined)
  const leaving = new AbortController()
  const asking = askAt(url, leaving.signal)
  leaving.abort(new Error('enough'))
  await expect(asking).rejects.toThrow('enough')
  ;(servers[0] as ReturnType<typeof createServer>).closeAllConnections()
})

test.each(['', '{', '<html>'])('%j is no JSON', (body) => {
  const answer = { status: 200, bytes: new TextEncoder().encode(body) }
  expect(() => jsonOf('kubo:a', answer)).toThrow(expect.objectContaining({ facts: { place: 'kubo:a', detail: 'no JSON' } }))
})
