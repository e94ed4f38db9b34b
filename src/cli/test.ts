import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCommand } from '@stricli/core'
import { EXIT_STOPPED, stopSignal } from '#node/stop.ts'
import { checkout } from './checkout.ts'

interface Tool {
  readonly home: string
  readonly path: string
  readonly args: readonly string[]
  /** The Node.js that runs it; without one it runs by itself. */
  readonly runtime?: string
}

/** Runs one of the tools of `node_modules` to its end; the signal ends it early. */
function runTool({ home, path, args, runtime }: Tool, signal: AbortSignal): Promise<number> {
  if (signal.aborted) return Promise.resolve(1)
  const [program, before] = runtime === undefined ? [join(home, path), []] : [runtime, [join(home, path)]]
  const child = spawn(program, [...before, ...args], { cwd: home, stdio: ['ignore', 'inherit', 'inherit'] })
  signal.addEventListener('abort', () => void child.kill(), { once: true })
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
    const home = checkout('test')
    const signal = stopSignal()
    const runtime = process.execPath
    const scratch = mkdtempSync(join(tmpdir(), 'weft-test-'))
    this.process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
    const reportPath = join(scratch, 'report.json')
    let failures = 0
    if (paths.length === 0) {
      for (const project of ['.', 'dashboard'])
        failures += await runTool({ home, path: 'node_modules/typescript/bin/tsc', args: ['-p', project], runtime }, signal)
      failures += await runTool({ home, path: 'node_modules/.bin/biome', args: ['format', '.'] }, signal)
    }
    const reporting = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`]
    failures += await runTool({ home, path: 'node_modules/vitest/vitest.mjs', args: ['run', ...reporting, ...paths], runtime }, signal)
    if (failures > 0) this.process.exitCode = signal.aborted ? EXIT_STOPPED : 1
    // There is none when the run was stopped.
    if (!existsSync(reportPath)) return
    const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report
    this.process.stdout.write(`${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped\n`)
    if (failures > 0 && report.numFailedTests === 0)
      this.process.stdout.write('It failed all the same: what is above the numbers says where.\n')
  },
  parameters: {
    positional: { kind: 'array', parameter: { brief: 'Only test files whose path holds this text', parse: String, placeholder: 'path' } },
  },
  docs: {
    brief: 'Run every test against real components',
    fullDescription: 'Types, format and walls first, then every test. With paths, only the tests in them.',
  },
})
