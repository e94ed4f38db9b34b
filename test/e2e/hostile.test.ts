import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { HostileOutcome } from '../hostile/network.ts'
import { resultsOf, tableOf, unnamedIn } from '../hostile/results.ts'
import { within } from './within.ts'

/** A whole network whose every role reaches its chains through an endpoint of its own that misbehaves, each in another way at any moment. What lies is told of by its word. */

const run = join(import.meta.dirname, '../hostile/run.ts')
/** About 35 s on a machine with nothing else to do. */
const RUN_MS = 120_000

async function play(how: 'alone' | 'beside'): Promise<HostileOutcome> {
  const args = ['--disable-warning=ExperimentalWarning', run, '--how', how, '--epochs', '1', '--json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  try {
    await within(once(child, 'close'), {
      awaited: 'the end of a devnet with hostile endpoints',
      limitMs: RUN_MS,
      told: () => stderr,
    })
    expect(stdout, stderr).not.toBe('')
    return JSON.parse(stdout) as HostileOutcome
  } finally {
    child.kill('SIGKILL')
  }
}

test.each([
  ['of one endpoint each, so long as it can be borne', 'alone'],
  ['of one endpoint beside an honest one, whatever it does', 'beside'],
] as const)(
  '%s: every epoch is whole, nothing is sent twice, and what is wrong is named',
  async (_, how) => {
    const outcome = await play(how)
    const told = tableOf(outcome)
    expect(outcome.summary.unfinished, told).toEqual([])
    for (const [index, line] of outcome.lines.entries())
      expect(line, told).toMatchObject({ epochId: index + 1, finalized: line.projects, missed: [], attestations: 3 })
    expect(outcome.wasted, told).toEqual([])
    expect(unnamedIn(outcome), told).toEqual([])
    for (const { misbehaviour, epochs, whole, attested } of resultsOf(outcome))
      expect([whole, attested], `${misbehaviour}: ${told}`).toEqual([epochs, epochs])
    for (const { role, chain, misbehaviour, named } of outcome.rows)
      expect(new Set(named).size, `${role} of its ${chain} chain, ${misbehaviour}: ${named.join(', ')}`).toBe(named.length)
  },
  RUN_MS + 10_000,
)
