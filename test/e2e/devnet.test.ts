import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DevnetEndpoints } from '#devnet/registry.ts'
import type { DevnetSummary, EpochLine } from '#devnet/report.ts'
import { METRICS } from '#domain/metrics.ts'
import type { HomeStatus } from '#node/status.ts'
import { startPrometheus } from '../ops/prometheus.ts'
import { alerts, panels } from '../ops/queries.ts'
import { LIMIT_MS, tailOf, within } from './within.ts'

/** The whole network as a person starts it: real chains, contracts, IPFS, libp2p and gRPC, all from the command line. */

const weft = join(import.meta.dirname, '../../src/cli/main.ts')
const START_AND_THREE_EPOCHS_MS = 110_000
/** A little more, so that the wait above ends first and says why. */
const HOOK_TIMEOUT_MS = START_AND_THREE_EPOCHS_MS + 10_000
const ROLE_NAMES = [
  'api',
  'collector-direct',
  'collector-relayed',
  'epochs',
  'liar',
  'relay',
  'sequencer',
  'snapshotter',
  'snapshotter-2',
  'validator-1',
  'validator-2',
  'validator-3',
]
/** Nothing is lost, late or tied in a devnet, mostly, its endpoints are one each, and ten minutes are not over. */
const UNSEEN = [
  'weft_unready',
  'weft_trouble',
  'weft_rpc_lag_blocks',
  'weft_account_spent_ether_per_day',
  'weft_collector_retries_total',
  'weft_sequencer_ties_total',
  'weft_frames_refused_total',
  'weft_spans_total',
]
const dataDir = mkdtempSync(join(tmpdir(), 'weft-e2e-'))
const folders = [dataDir]
const servers: Server[] = []

function runWeft(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', weft, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function outputOf(args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const child = runWeft(args)
  let stdout = ''
  child.stdout?.on('data', (chunk) => {
    stdout += String(chunk)
  })
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const told = () => `${stdout}${stderr}`
  const [code] = (await within(once(child, 'close'), { awaited: `the end of weft ${args[0]}`, limitMs: LIMIT_MS, told })) as [number]
  return { code, stdout }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
}

/** A gateway that passes on what others serve, and alters a byte of one block. */
async function alteringGateway(cid: string, urls: readonly string[]): Promise<string> {
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://gateway')
    for (const url of urls) {
      const answer = await fetch(`${url}${pathname}${search}`, { headers: { accept: request.headers.accept ?? '' } })
      if (!answer.ok) continue
      const bytes = Buffer.from(await answer.arrayBuffer())
      if (pathname.includes(cid)) bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10)
      return response.writeHead(200, { 'content-type': answer.headers.get('content-type') ?? '' }).end(bytes)
    }
    return response.writeHead(404).end()
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The devnet as a network that was deployed somewhere: by its contracts, endpoint and gateways alone. */
function asAnyNetwork(only?: readonly string[]): string[] {
  const devnet = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as DevnetEndpoints
  const { anchorChainId: chainId, protocolState, dataMarket, nodes, anchorRpcUrl, gateways } = devnet
  const folder = mkdtempSync(join(tmpdir(), 'weft-e2e-network-'))
  const path = join(folder, 'network.json')
  writeFileSync(path, JSON.stringify({ chainId, protocolState, dataMarket, nodes, factory: nodes, deploymentBlock: 0 }))
  folders.push(folder)
  const asked = (only ?? Object.values(gateways)).flatMap((url) => ['--gateway', url])
  return ['--rpc', anchorRpcUrl, '--network', path, '--window-unit', 'blocks', ...asked]
}

describe('a devnet of three epochs', () => {
  const lines: EpochLine[] = []
  let devnet: ChildProcess
  let exited: Promise<unknown>
  let troubles = ''
  /** What it said, and the end of what each of its roles did. */
  const told = (): string => {
    const logs = filesBelow(dataDir).filter((path) => path.endsWith('.log'))
    return [
      `epochs so far: ${JSON.stringify(lines)}`,
      troubles,
      ...logs.map((path) => `${path}:\n${readFileSync(path, 'utf8').slice(-300)}`),
    ].join('\n')
  }

  beforeAll(async () => {
    devnet = runWeft(['devnet', '--json', '--data-dir', dataDir])
    devnet.stderr?.on('data', (chunk) => {
      troubles += String(chunk)
    })
    exited = once(devnet, 'exit')
    const output = createInterface({ input: devnet.stdout as NodeJS.ReadableStream })
    async function readThree(): Promise<void> {
      for await (const line of output) {
        lines.push(JSON.parse(line) as EpochLine)
        if (lines.length === 3) break
      }
    }
    await within(readThree(), { awaited: 'three epochs', limitMs: START_AND_THREE_EPOCHS_MS, told, ended: exited })
    expect(lines, tailOf(told())).toHaveLength(3)
  }, HOOK_TIMEOUT_MS)

  afterAll(async () => {
    devnet.kill('SIGKILL')
    for (const server of servers) server.close()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })

  test('every epoch has all its projects finalized and three attestations', () => {
    for (const line of lines) {
      expect(line.projects).toBeGreaterThanOrEqual(12)
      expect(line).toMatchObject({ finalized: line.projects, attestations: 3, rejected: 0 })
      expect(line.accepted).toBe(line.projects * 6)
      expect(line.batches).toBeGreaterThanOrEqual(1)
      expect(line.releasedToFinalizedMs).toBeGreaterThan(0)
    }
    expect(lines.map(({ epochId }) => epochId)).toEqual([1, 2, 3])
    // Of both markets.
    const { projects } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as { projects: string[] }
    expect(projects).toHaveLength(lines[0]?.projects ?? 0)
    for (const type of ['pairContract_trade_volume', 'aggregate_24h_top_pairs', 'poolContract_total_supply', 'aggregate_top_volume'])
      expect(
        projects.some((id) => id.startsWith(`${type}:`)),
        type,
      ).toBe(true)
  })

  test('each role says that it is ready, what it has done and what is wrong, to a person and to a scraper', async () => {
    let roles: readonly HomeStatus[] = []
    const unready = async () => {
      const { stdout } = await outputOf(['status', '--data-dir', dataDir, '--json'])
      roles = (JSON.parse(stdout) as { roles: HomeStatus[] }).roles
      return roles.map(({ name, status }) => [name, status?.unready])
    }
    // A busy machine may just have kept a collector from answering in time.
    await expect.poll(unready, { timeout: LIMIT_MS, interval: 1_000 }).toEqual(ROLE_NAMES.map((name) => [name, []]))
    const of = new Map(roles.map(({ name, status }) => [name, status]))
    // The collector of the liar is told that its votes are good: they are outvoted, not refused.
    expect(of.get('snapshotter')?.slots).toEqual([
      expect.objectContaining({ outvoted: 0, leftOut: 0 }),
      expect.anything(),
      expect.anything(),
    ])
    expect(of.get('liar')?.slots?.[0]?.outvoted).toBeGreaterThan(0)
    expect(of.get('sequencer')?.money?.balanceEther).toBeGreaterThan(1)
    const pages = await Promise.all(roles.map(async ({ run }) => (await fetch(`${run?.url}/metrics`)).text()))
    const shown = new Set(pages.flatMap((page) => [...page.matchAll(/^([a-z_]+)[{ ]/gm)].map(([, metric = '']) => metric)))
    // All panels of the dashboard have something to show, but for what has not happened here.
    expect(UNSEEN).toEqual(expect.arrayContaining(Object.keys(METRICS).filter((metric) => !shown.has(metric))))
    const words = await outputOf(['status', '--data-dir', dataDir])
    expect(words.stdout).toMatch(/^sequencer: ready, process \d+, up /m)
    expect(words.stdout).toMatch(/^ {2}slots {8}1.*: epoch \d+, .* of \d+ today$/m)
    const logs = await outputOf(['logs', '--data-dir', dataDir, '--role', 'sequencer'])
    expect(logs.stdout).toMatch(/^\d\d:\d\d:\d\d info {2}sequencer {3}epoch_sealed epochId=1 /m)
  })

  test('a real Prometheus, where there is one, has data for every panel, and takes every alert', async (context) => {
    const { stdout } = await outputOf(['status', '--data-dir', dataDir, '--json'])
    const urls = (JSON.parse(stdout) as { roles: HomeStatus[] }).roles.flatMap(({ run }) => run?.url ?? [])
    const prometheus = await startPrometheus(urls.map((url) => new URL(url).host))
    if (prometheus === undefined) {
      await context.annotate('There is no `prometheus` on this machine: the queries were parsed (test/ops), and nobody was asked.')
      return
    }
    try {
      const answers = await Promise.all(panels.map(async ([title, expr]) => ({ title, expr, ...(await prometheus.query(expr)) })))
      expect(answers.filter(({ status }) => status !== 'success')).toEqual([])
      const silent = answers.filter(({ data }) => data?.result.length === 0)
      expect(
        silent.filter(({ expr }) => !UNSEEN.some((metric) => expr.includes(metric))).map(({ title, expr }) => `${title}: ${expr}`),
      ).toEqual([])
      const rules = await prometheus.rules()
      expect(rules.map(({ name }) => name).sort()).toEqual(alerts.map(([name]) => name).sort())
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    } finally {
      await prometheus.stop()
    }
  })

  test('a second devnet leaves the folder of the first one alone', async () => {
    const second = runWeft(['devnet', '--data-dir', dataDir])
    let said = ''
    second.stderr?.on('data', (chunk) => {
      said += String(chunk)
    })
    const closed = within(once(second, 'close'), { awaited: 'the end of the second devnet', limitMs: LIMIT_MS, told: () => said })
    expect(await closed).toEqual([1, null])
    expect(said).toContain('weft: DATA_DIR_LOCKED (')
    expect(readdirSync(dataDir)).toContain('devnet.json')
  })

  test('the lying slot is outvoted in every epoch', () => {
    for (const line of lines) expect(line.outvotedSlots).toBe(1)
  })

  test('the market says what it asks for, and every role that judges or is judged has it from there', async () => {
    const { anchorRpcUrl } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as { anchorRpcUrl: string }
    const { stdout } = await outputOf(['market', 'show', '--rpc', anchorRpcUrl, '--data-dir', dataDir, '--json'])
    const [market] = (JSON.parse(stdout) as { markets: { manifest: { cid: string } }[] }).markets
    expect(market).toMatchObject({
      manifest: {
        fromEpochId: 0,
        content: {
          namespace: 'devnet-UNISWAPV2-ETH',
          window: { unit: 'blocks' },
          tally: { minVotes: 2, minShareBp: 3_334 },
          availability: 'required',
          completeness: 'required',
          batch: { projectsPerBatch: 25 },
          computes: [{ name: 'uniswap-v2' }, { name: 'aave-v3' }],
        },
      },
    })
    const roles = ['sequencer', 'snapshotter', 'snapshotter-2', 'liar', 'validator-1', 'validator-2', 'validator-3']
    for (const role of roles) expect(readdirSync(join(dataDir, role, 'manifests')), role).toEqual([`${market?.manifest.cid}.json`])
  })

  test('its sequencer answers over HTTP, and each vote it tells of is proved to be in an anchored batch', async () => {
    const { sequencerHttp, dataMarket } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as DevnetEndpoints
    const asked = await fetch(`${sequencerHttp}/batchCount`, {
      method: 'POST',
      body: JSON.stringify({ token: '', epochID: 2, dataMarketAddress: dataMarket }),
    })
    expect(await asked.json()).toMatchObject({ info: { success: true, response: { totalBatches: lines[1]?.batches } } })
    const { items } = (await (await fetch(`${sequencerHttp}/v1/epochs/2/submissions?limit=500`)).json()) as {
      items: { submissionId: string }[]
    }
    expect(items).toHaveLength(lines[1]?.accepted ?? 0)
    const submissionId = items.at(-1)?.submissionId ?? ''
    const proof = (await (await fetch(`${sequencerHttp}/submissions/${submissionId}/proof`)).json()) as Record<string, unknown>
    // Which epoch it is of the sequencer says, and nothing else.
    const asDevnet = await outputOf(['inclusion', submissionId, '--data-dir', dataDir, '--json'])
    expect(asDevnet, asDevnet.stdout).toMatchObject({ code: 0 })
    const { batchCid, submission, result } = proof
    expect(JSON.parse(asDevnet.stdout)).toMatchObject({ ok: true, epochId: 2, status: 'finalized', batchCid, submission, result })
    const elsewhere = asAnyNetwork().filter((word) => word !== '--window-unit' && word !== 'blocks')
    const asAny = await outputOf(['inclusion', submissionId, '--epoch', '2', ...elsewhere])
    expect(asAny, asAny.stdout).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nincluded\n$/) })
  })

  test('what its slots deliver is counted by day, over HTTP and on chain', async () => {
    const { sequencerHttp } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as DevnetEndpoints
    const asked = async (path: string) => (await fetch(`${sequencerHttp}/v1/${path}`)).json()
    // The sixth is the liar.
    expect(await asked('days/1/eligible-slots')).toEqual({ items: [1, 2, 3, 4, 5] })
    expect(await asked('slots/6/days?pastDays=1')).toEqual({ items: [{ day: 1, isWhole: true, total: expect.any(Number), eligible: 0 }] })
    const { anchorRpcUrl } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as Record<string, string>
    const shown = await outputOf(['market', 'show', '--data-dir', dataDir, '--rpc', anchorRpcUrl ?? ''])
    expect(shown, shown.stdout).toMatchObject({ code: 0, stdout: expect.stringMatching(/day 1: \d+ submissions of 5 slots told/) })
  })

  test('a data point is proved, and an altered byte is found', async () => {
    const { projects } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as { projects: string[] }
    const projectId = projects.find((id) => id.startsWith('pairContract_trade_volume')) as string
    const proved = await outputOf(['verify', projectId, '2', '--data-dir', dataDir, '--json'])
    expect(proved, proved.stdout).toMatchObject({ code: 0 })
    const proof = JSON.parse(proved.stdout) as { ok: boolean; steps: { step: string; detail: string }[] }
    expect(proof).toMatchObject({ ok: true, status: 'finalized', projectId, epochId: 2 })
    expect(proof.steps).toHaveLength(10)
    // Six slots vote, and the liar's vote is for another CID.
    expect(proof.steps.find(({ step }) => step === 'signatures')?.detail).toBe('5 valid for it of 6 valid')

    const part = projectId.slice(0, -'NAMESPACE'.length).toUpperCase()
    const latest = await outputOf(['verify', part, 'latest', '--show', '--data-dir', dataDir])
    expect(latest, latest.stdout).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nverified\n\{.*\}\n$/s) })
    expect(latest.stdout).toContain(`${projectId}, epoch `)
    const elsewhere = await outputOf(['verify', projectId, '2', ...asAnyNetwork()])
    expect(elsewhere, elsewhere.stdout).toMatchObject({ code: 0, stdout: expect.stringContaining('verified') })
    const ambiguous = await outputOf(['verify', 'pairContract', '2', '--data-dir', dataDir])
    expect(ambiguous.code).toBe(1)

    // Whoever serves it may alter it: the first byte of the data that goes out is another.
    const cid = /bafkrei[a-z2-7]+/.exec(proof.steps[0]?.detail ?? '')?.[0] as string
    const { gateways } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as DevnetEndpoints
    const liar = await alteringGateway(cid, Object.values(gateways))
    const altered = await outputOf(['verify', projectId, '2', '--json', ...asAnyNetwork([liar])])
    expect(JSON.parse(altered.stdout)).toMatchObject({ ok: false, failed: 'cid' })

    // On the disks of all who keep it, those that computed it and those that spoke for it, it passes nobody: served is what some hold whole in memory.
    const holders = filesBelow(dataDir).filter((file) => file.includes(cid) && file.includes('blocks'))
    expect(holders.length).toBeGreaterThanOrEqual(6)
    for (const path of holders) {
      const bytes = readFileSync(path)
      bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10)
      writeFileSync(path, bytes)
    }
    const whole = await outputOf(['verify', projectId, '2', '--data-dir', dataDir, '--show'])
    expect(whole, whole.stdout).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nverified\n\{.*\}\n$/s) })
  })

  test('Ctrl-C ends it with a summary, leaves nothing running, and what was kept is proved afterwards', async () => {
    const { anchorRpcUrl, sourceRpcUrl } = JSON.parse(readFileSync(join(dataDir, 'devnet.json'), 'utf8')) as Record<string, string>
    const last: string[] = []
    createInterface({ input: devnet.stdout as NodeJS.ReadableStream }).on('line', (line) => last.push(line))
    devnet.kill('SIGINT')
    const [code] = (await within(exited, { awaited: 'the end of the devnet', limitMs: LIMIT_MS, told })) as [number]
    expect(code, troubles).toBe(0)
    const { summary } = JSON.parse(last.at(-1) ?? '{}') as { summary: DevnetSummary }
    expect(summary.epochs).toBeGreaterThanOrEqual(3)
    expect(summary.outvoted).toHaveLength(1)
    for (const url of [anchorRpcUrl, sourceRpcUrl]) await expect(fetch(url as string, { method: 'POST' })).rejects.toThrow()
    const proofLine = troubles.split('\n').find((line) => line.startsWith('./weft verify '))
    expect(proofLine).toBeDefined()
    const afterwards = await outputOf(proofLine?.slice('./weft '.length).split(' ') ?? [])
    expect(afterwards, afterwards.stdout).toMatchObject({ code: 0, stdout: expect.stringContaining('verified') })
  })
})
