import { vi } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import type { RpcCall } from './answer.ts'
import type { EndpointTrouble, EndpointUse } from './health.ts'
import { createRpc } from './rpc.ts'
import { createScriptedNode, headerOf, hex } from './scripted.test-node.ts'
import type { Script, ScriptedNode } from './scripted.test-node.ts'

/** Several endpoints of one chain in memory, each behind a host of its own, in virtual time. */

type Reply = (calls: readonly RpcCall[]) => Response | Promise<Response> | undefined

export interface WorldNode extends ScriptedNode {
  head: number
  /** Answers instead of the scripts, while it returns something. */
  reply: Reply
  /** Each request as it came, with its calls. */
  readonly requests: { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly calls: readonly RpcCall[] }[]
}

function createNode(name: string, scripts: Record<string, Script>): WorldNode {
  const node: WorldNode = {
    ...createScriptedNode({
      eth_chainId: () => hex(1),
      eth_blockNumber: () => hex(node.head),
      eth_getBlockByNumber: (block: string) => {
        const number = block === 'latest' ? node.head : Number(block)
        return number > node.head ? null : headerOf(number)
      },
      name: () => name,
      ...scripts,
    }),
    head: 100,
    reply: () => undefined,
    requests: [],
  }
  return node
}

/** Endpoints `https://a.test`, `https://b.test` and so on; `suffixes` go behind the URL of each. */
export function openEndpoints(options: {
  readonly names: readonly string[]
  readonly scripts?: Readonly<Record<string, Record<string, Script>>>
  readonly suffixes?: Readonly<Record<string, string>>
  readonly chainId?: number
}) {
  const { names, scripts = {}, suffixes = {} } = options
  const nodes = Object.fromEntries(names.map((name) => [name, createNode(name, scripts[name] ?? {})])) as Record<string, WorldNode>
  const clock = createVirtualClock({ startMs: 0 })
  const troubles: EndpointTrouble[] = []
  const uses: EndpointUse[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const node = nodes[new URL(url).hostname.split('.')[0] ?? ''] as WorldNode
    const calls = [JSON.parse(String(init.body)) as RpcCall | RpcCall[]].flat()
    node.requests.push({ url, headers: init.headers as Record<string, string>, calls })
    return (await node.reply(calls)) ?? node.fetch(url, { ...init, body: JSON.stringify(calls) })
  })
  const rpc = createRpc({
    rpcUrl: names.map((name) => `https://${name}.test/secret-key${suffixes[name] ?? ''}`).join(', '),
    pause: clock,
    ...(options.chainId === undefined ? {} : { chainId: options.chainId }),
    onEndpointTrouble: (trouble) => troubles.push(trouble),
    onEndpointUse: (use) => uses.push(use),
  })
  /** Lets virtual time run until the work is done. */
  const run = <Value>(work: Promise<Value>): Promise<Value> => clock.runUntil(work, { limitMs: 600_000 })
  /** Which endpoint answers just now. */
  const whoAnswers = (): Promise<unknown> => run(rpc.call('name', []))
  const told = (): string[] =>
    troubles.map(({ endpoint, trouble, times }) => `${endpoint} ${trouble}${times === undefined ? '' : ` is over after ${times}`}`)
  return { rpc, clock, nodes, troubles, uses, told, run, whoAnswers }
}

export const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  () =>
    new Response('', { status: code, headers })
/** No answer, ever. */
export const hangs: Reply = () => new Promise<Response>(() => undefined)
