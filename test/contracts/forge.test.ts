// Runs the contracts' own tests, and checks that what is committed of them is what the sources say.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { forgeBinary } from '../../tools/contracts/forge.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A cold compiler cache and two busy cores. */
const TIMEOUT_MS = 600_000

function run(command: string, args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', timeout: TIMEOUT_MS })
  return { status, output: `${stdout}\n${stderr}` }
}

// One after the other in one test: both compile into the same folder.
test('the committed ABI and code are current, and all contract tests pass', { timeout: TIMEOUT_MS }, () => {
  const build = run(process.execPath, [join(ROOT, 'tools/contracts/build.ts'), '--check'])
  expect(build.output.trim()).toBe('')
  expect(build.status).toBe(0)

  const forge = run(forgeBinary(), ['test', '--offline', '--threads', '2', '--gas-snapshot-check=true'])
  expect(forge.status, forge.output.slice(-8_000)).toBe(0)
  expect(forge.output).toMatch(/[1-9]\d* tests passed, 0 failed, 0 skipped/)
})

test('the Solidity is formatted', { timeout: TIMEOUT_MS }, () => {
  const fmt = run(forgeBinary(), ['fmt', '--check'])
  expect(fmt.output.trim()).toBe('')
  expect(fmt.status).toBe(0)
})
