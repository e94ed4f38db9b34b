import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Answered {
  readonly id: number
  result?: unknown
}

/** A node between us and a real one, on loopback: `lie` makes of each result what it says instead. */
export async function startLyingProxy(rpcUrl: string, lie: (method: string, result: unknown) => unknown) {
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString()
    const calls = JSON.parse(body) as readonly { readonly id: number; readonly method: string }[]
    const answers = (await (
      await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    ).json()) as Answered[]
    for (const answer of answers) {
      const method = calls.find(({ id }) => id === answer.id)?.method ?? ''
      if (answer.result !== undefined) answer.result = lie(method, answer.result)
    }
    response.end(JSON.stringify(answers))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
