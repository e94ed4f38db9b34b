import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { createClient } from '#client/client.ts'
import { WeftError } from '#domain/errors.ts'
import type { Gate } from '#domain/gate.ts'
import { systemClock } from '#io/clock/system.ts'
import { Answer, type Asking, type HttpRoute } from '#io/http/port.ts'
import { type HttpServer, serveHttp } from '#io/http/server.ts'
import { isLoopback, isLoopbackHost } from './loopback.ts'
import { createCallsGate, createMcpServer, ITEMS, type ToolsDeps } from './mcp-tools.ts'
import { aborted } from './stop.ts'

/** Serves tools for agents, to one over stdin and stdout, or to many of this machine over HTTP. */

export interface McpOptions {
  readonly api: readonly [string, ...string[]]
  /** Endpoints of the anchor chain whose word on a block is taken, and the market that is meant: together they make `verify` prove. */
  readonly rpc: readonly string[]
  readonly dataMarket?: string | undefined
}

/** Throws `CLIENT_OPTIONS_INVALID`. Asks nobody anything yet. */
export function toolsOf({ api, rpc, dataMarket }: McpOptions): ToolsDeps {
  const isProving = rpc.length > 0 || dataMarket !== undefined
  const client = createClient({ api, verify: 'cid', pageLength: ITEMS.usual + 1 })
  return {
    api: api[0].replace(/\/+$/, ''),
    client,
    verifier: isProving
      ? { level: 'proof', client: createClient({ api, rpc, verify: 'proof', market: { dataMarket: dataMarket ?? '' } }) }
      : { level: 'cid', client },
  }
}

/** Until the signal aborts or nothing more can be asked. */
export async function serveStdio(
  tools: ToolsDeps,
  { stdin, stdout }: Pick<NodeJS.Process, 'stdin' | 'stdout'>,
  signal: AbortSignal,
): Promise<void> {
  const server = createMcpServer(tools, createCallsGate())
  const ended = new Promise<void>((resolve) => stdin.once('close', resolve).once('end', resolve))
  await server.connect(new StdioServerTransport(stdin, stdout))
  await Promise.race([ended, aborted(signal)])
  await server.close()
}

/** At `/mcp`, Streamable HTTP without sessions: each question is answered by itself. Throws `LISTEN_FAILED`, `SETTINGS_INVALID` beyond the loopback. */
export function serveMcp(tools: ToolsDeps, listen: string): Promise<HttpServer> {
  if (!isLoopback(listen))
    throw new WeftError('SETTINGS_INVALID', { problems: [`--http ${listen}: the tools are for this machine, as at 127.0.0.1:8090`] })
  const gate = createCallsGate()
  const routes: HttpRoute[] = [
    { method: 'POST', path: '/mcp', answer: (body, asking) => answerTo(body, asking, { tools, gate }) },
    // So clients learn that nothing comes unasked.
    {
      method: 'GET',
      path: '/mcp',
      answer: () => new Answer({ status: 405, headers: { allow: 'POST' }, body: { json: { status: 'error', code: 'ROUTE_UNKNOWN' } } }),
    },
  ]
  return serveHttp(
    { listen, routes, pages: {}, origins: [], isOwnName: isLoopbackHost, isOwnPage: isOfThisMachine },
    { nowMs: systemClock.nowMs, report: () => undefined },
  )
}

/** A page of elsewhere may not use the browser of whoever reads it to ask here, by whatever name it found the way. */
const isOfThisMachine = (origin: string): boolean => URL.canParse(origin) && isLoopbackHost(new URL(origin).hostname)

async function answerTo(
  body: unknown,
  asking: Asking,
  { tools, gate }: { readonly tools: ToolsDeps; readonly gate: Gate },
): Promise<Answer> {
  const headers = Object.fromEntries(
    ['accept', 'content-type', 'mcp-protocol-version'].flatMap((name) => {
      const value = asking.header(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const server = createMcpServer(tools, gate)
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  await server.connect(transport)
  try {
    const response = await transport.handleRequest(new Request('http://localhost/mcp', { method: 'POST', headers }), { parsedBody: body })
    const type = response.headers.get('content-type') ?? 'application/json'
    return new Answer({ status: response.status, type, body: { text: await response.text() } })
  } finally {
    await server.close()
  }
}
