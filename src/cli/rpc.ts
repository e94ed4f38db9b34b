import { buildCommand, buildRouteMap } from '@stricli/core'
import { paceInWords } from '#domain/beat.ts'
import { printable } from '#domain/printable.ts'
import type { EndpointReport, RpcUse } from '#operator/rpc-check.ts'

interface Flags {
  readonly json: boolean
}

const USES: Readonly<Record<RpcUse, string>> = {
  anchor: 'anchor chain of every role',
  'source of epochs': 'source chain of epochs',
  'source of a snapshotter': 'source chain of a snapshotter',
}
const yes = (is: boolean | undefined): string => (is === true ? 'yes' : 'no')
const back = (blocks: number | undefined): string => (blocks === undefined ? 'no' : `${counted(blocks, 'block')} back`)
const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function rowsOf(report: EndpointReport): readonly (readonly [string, string])[] {
  const { lagBlocks = 0, headAgeSeconds = 0, logsRangeBlocks = 0, logsResults = 0, logsResultsRefusal, batchLength = 1 } = report
  const refusal = logsResultsRefusal === undefined ? 'or more' : `then: ${printable(logsResultsRefusal).slice(0, 100)}`
  return [
    ['chain id', String(report.chainId)],
    [
      'head',
      `${report.head}, ${headAgeSeconds} s old${paceInWords(report.blockSeconds)}, ${counted(lagBlocks, 'block')} behind the others`,
    ],
    ['latency', `${report.latencyMs} ms`],
    ['eth_getLogs', `${logsRangeBlocks === 10_000 ? '10000 blocks or more' : counted(logsRangeBlocks, 'block')} at once`],
    ['results', `${logsResults} ${refusal}`],
    ['batch', `${batchLength === 100 ? '100 calls or more' : counted(batchLength, 'call')} at once`],
    ['state', `${counted(report.stateDepthBlocks ?? 0, 'block')} back`],
    ['eth_getProof', yes(report.hasProof)],
    ['safe, finalized', [report.safeBlocksBack, report.finalizedBlocksBack].map(back).join(', ')],
  ]
}

/** One endpoint in lines: what it can do, then what it can be used for. */
function reportInWords(report: EndpointReport): string {
  const rows = report.failure === undefined ? rowsOf(report).map(([name, value]) => `  ${name.padEnd(16)} ${value}`) : []
  const uses = (Object.keys(USES) as RpcUse[]).map((use) => {
    const problems = report.problems[use]
    return problems.length === 0 ? `  ✔ ${USES[use]}` : `  ✘ ${USES[use]}: ${printable(problems.join('; '))}`
  })
  return [`${report.endpoint} (${counted(report.requests, 'request')})`, ...rows, ...uses].join('\n')
}

const checkCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, ...urls: string[]) {
    const { checkEndpoints } = await import('#operator/rpc-check.ts')
    const reports = await checkEndpoints(urls)
    const text = flags.json ? JSON.stringify({ endpoints: reports }) : reports.map(reportInWords).join('\n\n')
    this.process.stdout.write(`${text}\n`)
    this.process.exitCode = reports.every(({ problems }) => Object.values(problems).every(({ length }) => length === 0)) ? 0 : 1
  },
  parameters: {
    flags: { json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print one JSON object and nothing else' } },
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { brief: 'JSON-RPC endpoint, as in the settings of a role', parse: String, placeholder: 'url' },
    },
  },
  docs: {
    brief: 'Say what RPC endpoints can do, and for which role each will do',
    fullDescription:
      'Asks each for its head, at the same moment as the others, its chain id, how long a range of logs, how many results and how long a batch it takes, how far back it has state, eth_getProof, the tags safe and finalized, and compares the time of its newest block with the clock here. About two dozen requests to each, within a minute. Exit code 0: each can serve every role; 1: one cannot.',
  },
})

export const rpcRoutes = buildRouteMap({
  routes: { check: checkCommand },
  docs: { brief: 'Look at RPC endpoints' },
})
