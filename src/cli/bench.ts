import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { EXIT_STOPPED, stopSignal } from '#node/stop.ts'
import { checkout } from './checkout.ts'

export const benchCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, { json }: { readonly json: boolean }, ...names: string[]) {
    const folder = join(checkout('bench'), 'test/bench')
    const all = readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => file.slice(0, -'.ts'.length))
    const unknown = names.filter((name) => !all.includes(name))
    if (unknown.length > 0)
      throw new WeftError('SETTINGS_INVALID', { problems: [`there is no benchmark ${unknown.join(', ')}; there are ${all.join(', ')}`] })
    const signal = stopSignal()
    // One after the other, each in a process of its own: they measure CPU, and must not warm each other up.
    for (const name of names.length > 0 ? names : all) {
      const args = [...process.execArgv, join(folder, `${name}.ts`), ...(json ? ['--json'] : [])]
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
