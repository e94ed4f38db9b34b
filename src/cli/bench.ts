import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildCommand } from '@stricli/core'
import { EXIT_STOPPED, stopSignal } from '#node/stop.ts'
import { checkout } from './checkout.ts'

const benchmarksIn = (folder: string): string[] => readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))

export const benchCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, { json }: { readonly json: boolean }, ...names: string[]) {
    const folder = join(checkout('bench'), 'test/bench')
    const benchmarks = benchmarksIn(folder)
    const benches = benchmarks.filter((file) => names.length === 0 || names.includes(file.slice(0, -3)))
    if (benches.length === 0) {
      this.process.stderr.write(`weft: no such benchmark; there are ${benchmarks.map((file) => file.slice(0, -3)).join(', ')}\n`)
      this.process.exitCode = 1
    }
    const signal = stopSignal()
    // One after the other, each in a process of its own: they measure CPU, and must not warm each other up.
    for (const file of benches) {
      const args = ['--disable-warning=ExperimentalWarning', join(folder, file), ...(json ? ['--json'] : [])]
      const child = spawn(process.execPath, args, { stdio: 'inherit' })
      signal.addEventListener('abort', () => void child.kill(), { once: true })
      const [code] = (await once(child, 'exit')) as [number | null]
      if (code !== 0) this.process.exitCode = 1
      if (signal.aborted) break
    }
    if (signal.aborted) this.process.exitCode = EXIT_STOPPED
  },
  parameters: {
    flags: { json: { kind: 'boolean', default: false, withNegated: false, brief: 'One JSON object a benchmark, where it has one' } },
    positional: { kind: 'array', parameter: { brief: 'Only these benchmarks, for example `intake`', parse: String, placeholder: 'name' } },
  },
  docs: { brief: 'Measure, and print ratios of one run' },
})
