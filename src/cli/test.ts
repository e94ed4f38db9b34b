import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCommand } from '@stricli/core'

const home = join(import.meta.dirname, '../..')

/** Runs one of the tools of `node_modules` to its end on this very Node.js. */
function runTool(path: string, args: readonly string[], runtime?: string): Promise<number> {
  const [program, before] = runtime === undefined ? [join(home, path), []] : [runtime, [join(home, path)]]
  const child = spawn(program, [...before, ...args], { cwd: home, stdio: ['ignore', 'inherit', 'inherit'] })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

export const testCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, _flags: Record<never, never>, ...paths: string[]) {
    const scratch = mkdtempSync(join(tmpdir(), 'weft-test-'))
    try {
      const reportPath = join(scratch, 'report.json')
      const checks =
        paths.length > 0
          ? 0
          : (await runTool('node_modules/typescript/bin/tsc', ['-p', '.'], process.execPath)) +
            (await runTool('node_modules/.bin/biome', ['format', '.']))
      const tests = await runTool(
        'node_modules/vitest/vitest.mjs',
        ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`, ...paths],
        process.execPath,
      )
      const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report
      this.process.stdout.write(`${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped\n`)
      if (checks !== 0 || tests !== 0) this.process.exitCode = 1
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  },
  parameters: {
    positional: { kind: 'array', parameter: { brief: 'Only test files whose path holds this text', parse: String, placeholder: 'path' } },
  },
  docs: {
    brief: 'Run every test against real components',
    fullDescription: 'Types, format and walls first, then every test. With paths, only the tests in them.',
  },
})
