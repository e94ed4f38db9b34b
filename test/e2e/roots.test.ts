import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { EpochLine } from '#devnet/report.ts'
import { within } from './within.ts'

/** A network whose batches are anchored by their roots, on real chains, from the command line. */

const weft = join(import.meta.dirname, '../../src/cli/main.ts')
const NETWORK_MS = 130_000
const PROOF_MS = 40_000
const dataDir = mkdtempSync(join(tmpdir(), 'weft-e2e-roots-'))
const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(dataDir, { recursive: true, force: true })
})

async function run(args: readonly string[], limitMs: number): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', weft, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk) => {
      said[stream] += String(chunk)
    })
  const told = () => `${said.stdout}${said.stderr}`
  const [code] = (await within(once(child, 'close'), { awaited: `the end of weft ${args[0]}`, limitMs, told })) as [number]
  return { code, ...said }
}

test(
  'by their roots: epochs become final with their batches, and a data point is proved from the file under the roots',
  async () => {
    const devnet = await run(['devnet', '--json', '--anchoring', 'roots', '--epochs', '2', '--data-dir', dataDir], NETWORK_MS)
    expect(devnet.code, devnet.stderr).toBe(0)
    const lines = devnet.stdout
      .trim()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as EpochLine)
    for (const line of lines) expect(line).toMatchObject({ finalized: line.projects, attestations: 3 })
    const [, project = '', epoch = ''] = /weft verify (\S+) (\d+)/.exec(devnet.stderr) ?? []
    const proof = await run(['verify', project, epoch, '--data-dir', dataDir], PROOF_MS)
    expect(proof.stdout).toContain('roots over the same projects and CIDs on chain, batch FINALIZED')
    expect(proof.stdout.trimEnd().split('\n').at(-1)).toBe('verified')
    expect(proof.code).toBe(0)
  },
  NETWORK_MS + PROOF_MS,
)
