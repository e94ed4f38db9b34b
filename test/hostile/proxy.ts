import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '#io/keys/port.ts'
import { createSeededRandom } from '#io/keys/random.ts'

/** An HTTP JSON-RPC proxy before a real node, which does to its clients whatever it is told to. */

export interface Call {
  readonly id: unknown
  readonly method: string
  readonly params: readonly unknown[]
}
export interface Answer {
  readonly id: unknown
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/** What goes out instead of an answer, or with it. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly delayMs?: number
  /** `cut`: half of the body, and the connection ends. `reset`: it ends at once. */
  readonly how?: 'cut' | 'reset'
}

/** One request of a client. */
export interface Exchange {
  readonly calls: readonly Call[]
  readonly random: Random
  /** Whether the client sent a list. */
  readonly isList: boolean
  /** How many came before it since the proxy began to behave like that. */
  readonly count: number
  /** What the behaviour has noted since then. */
  readonly memory: Map<string, unknown>
  /** URL of the node behind. */
  readonly nodeUrl: string
  /** What the node says. */
  ask(calls: readonly Call[]): Promise<Answer[]>
  /** Answers as the client asked for them: a list for a list. */
  written(answers: readonly Answer[]): string
}
export type Behaviour = (exchange: Exchange) => Promise<Reply>

export const honest: Behaviour = async ({ calls, ask, written }) => ({ body: written(await ask(calls)) })

export interface HostileProxy {
  readonly url: string
  /** From the next request on. */
  behave(behaviour: Behaviour): void
  /** How many requests came since then. */
  asked(): number
  /** How many of them were not answered as the node answers. */
  misled(): number
  stop(): Promise<void>
}

/** Listens on a free loopback port, before it is known where its node is. The same seed draws the same. */
export async function startProxy(node: string | Promise<string>, seed: number): Promise<HostileProxy> {
  const random = createSeededRandom(seed)
  let behaviour = honest
  let count = 0
  let misled = 0
  let memory = new Map<string, unknown>()

  async function ask(calls: readonly Call[]): Promise<Answer[]> {
    if (calls.length === 0) return []
    const body = JSON.stringify(calls.map((call) => ({ jsonrpc: '2.0', ...call })))
    const response = await fetch(await node, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const answers = (await response.json()) as Answer[]
    return calls.map(({ id }) => answers.find((answer) => answer.id === id) as Answer)
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as Call | Call[]
    const written = (answers: readonly Answer[]): string => JSON.stringify(Array.isArray(asked) ? answers : answers[0])
    const isList = Array.isArray(asked)
    // What the node said last, as its client would have it: behaviours change copies.
    let truth: string | undefined
    const askFor = async (calls: readonly Call[]): Promise<Answer[]> => {
      const answers = await ask(calls)
      truth = written(answers)
      return answers
    }
    const nodeUrl = await node
    const reply = await behaviour({ calls: [asked].flat(), isList, random, count: count++, memory, nodeUrl, ask: askFor, written })
    const { status = 200, headers = {}, body = '', delayMs, how } = reply
    if (body !== truth || status !== 200 || delayMs !== undefined || how !== undefined) misled += 1
    if (delayMs !== undefined) await sleep(delayMs, undefined, { ref: false })
    if (how === 'reset') return void response.destroy()
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers })
    if (how !== 'cut') return void response.end(body)
    response.write(body.slice(0, body.length >> 1), () => response.destroy())
  }

  const server = createServer((request, response) => {
    // A node that is gone, or a client: the connection is all that there is to end.
    serve(request, response).catch(() => response.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behave(next) {
      behaviour = next
      count = 0
      misled = 0
      memory = new Map()
    },
    asked: () => count,
    misled: () => misled,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
