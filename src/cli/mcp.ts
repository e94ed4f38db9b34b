import { buildCommand } from '@stricli/core'
import { stopSignal } from '#node/stop.ts'
import { httpUrl } from './asked.ts'

interface Flags {
  readonly api: readonly [string, ...string[]]
  readonly http?: string
  readonly rpc?: readonly string[]
  readonly dataMarket?: string
}

const url = (brief: string) => ({ kind: 'parsed', parse: httpUrl, variadic: true, brief }) as const

export const mcpCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, { api, http, rpc = [], dataMarket }: Flags) {
    const { serveMcp, serveStdio, toolsOf } = await import('#node/mcp.ts')
    const { aborted } = await import('#node/stop.ts')
    const tools = toolsOf({ api, rpc, dataMarket })
    const signal = stopSignal()
    if (http === undefined) return serveStdio(tools, this.process, signal)
    const server = await serveMcp(tools, http)
    this.process.stdout.write(`${server.url}/mcp\n`)
    await aborted(signal)
    await server.stop()
  },
  parameters: {
    flags: {
      api: url('URL of an api to ask; of several the next one is asked where one does not answer, or lies'),
      http: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'host:port of the loopback: many agents ask at /mcp over Streamable HTTP; without it one asks over stdin and stdout',
      },
      rpc: {
        ...url('JSON-RPC endpoint of the anchor chain; more than half of those named must agree on the block of a proof'),
        optional: true,
      },
      dataMarket: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Address of the market that is meant; with --rpc, the tool verify proves down to a block',
      },
    },
  },
  docs: {
    brief: 'Give agents tools that read data and verify them',
    fullDescription:
      'A server of the Model Context Protocol. The tools read and change nothing; each data point says its status and links its proof, and its value has its CID. `verify` proves it down to the hash of a block where --rpc and --data-market are given.',
  },
})
