import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { buildCommand } from '@stricli/core'
import { stopSignal } from '#node/stop.ts'

const home = join(import.meta.dirname, '../..')
/** Where every mechanical mutant is asked after; elsewhere they are too many to argue about, and the faults of `test/faults` stand instead. */
const MECHANICAL = ['src/domain', 'src/wire']

interface Flags {
  readonly json: boolean
  readonly again: boolean
}

export const mutateCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, ...paths: string[]) {
    const signal = stopSignal()
    const isMechanical = (path: string) => MECHANICAL.some((folder) => path.startsWith(folder))
    const mechanical = paths.filter(isMechanical)
    const others = paths.filter((path) => !isMechanical(path))
    const run = async (script: string, args: readonly string[]): Promise<void> => {
      if (signal.aborted) return
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(home, script), ...args], {
        cwd: home,
        stdio: 'inherit',
      })
      signal.addEventListener('abort', () => void child.kill('SIGINT'), { once: true })
      const [code] = (await once(child, 'exit')) as [number | null]
      if (code !== 0) this.process.exitCode = 1
    }
    const again = flags.again ? ['--force'] : []
    // Mutants of these two folders only; a folder named alone stands for all of its files.
    const mutate = mechanical.map((path) => (path.endsWith('.ts') ? path : `${path.replace(/\/$/, '')}/**/*.ts`))
    const only =
      mechanical.length > 0
        ? ['--mutate', [...mutate, '!src/wire/gen/**', '!src/wire/abi/**', '!**/*.test.ts', '!**/*.d.ts'].join(',')]
        : []
    if (paths.length === 0 || mechanical.length > 0)
      await run('node_modules/@stryker-mutator/core/bin/stryker.js', ['run', 'tools/mutation/stryker.json', ...only, ...again])
    if (paths.length === 0 || others.length > 0)
      await run('tools/mutation/faults.ts', [...(flags.json ? ['--json'] : []), ...(flags.again ? ['--again'] : []), ...others])
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', brief: 'One JSON object per planted fault', default: false },
      again: { kind: 'boolean', brief: 'Ask again what was already noticed and has not changed since', default: false },
    },
    positional: {
      kind: 'array',
      parameter: {
        brief: 'Only in this file or folder, or only faults of this name: `src/wire`, `src/io/chain`, `chain/03`',
        parse: String,
        placeholder: 'path',
      },
    },
  },
  docs: {
    brief: 'Break the code on purpose, and see which breaks no test notices',
    fullDescription:
      'In src/domain and src/wire every mechanical mutant, by Stryker; in src/roles and src/io the faults kept in test/faults. ' +
      'Exits 1 when one goes unseen. What was noticed is remembered until the code or the test that noticed changes.',
  },
})
