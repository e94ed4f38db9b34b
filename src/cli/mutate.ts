import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { buildCommand } from '@stricli/core'
import { endGroup } from '#node/process-group.ts'
import { EXIT_STOPPED, stopSignal } from '#node/stop.ts'
import { checkout } from './checkout.ts'

const home = join(import.meta.dirname, '../..')
/** Where every mechanical mutant is asked after; elsewhere they are too many to argue about, and the faults of `test/faults` stand instead. */
const MECHANICAL = ['src/domain', 'src/wire']

/** A path as the project has it, wherever it was typed; the name of a fault stays what it is. */
function fromRoot(text: string): string {
  const path = resolve(text)
  return existsSync(path) ? relative(home, path) : text.replace(/^\.\//, '').replace(/\/$/, '')
}

/** Which of the paths each of the two tools is asked about: one above a mechanical folder concerns both. */
export function sharesOf(paths: readonly string[]): { readonly mechanical: readonly string[]; readonly faults: readonly string[] } {
  const isIn = (path: string, folder: string): boolean => folder === '' || path === folder || path.startsWith(`${folder}/`)
  const named = paths.map(fromRoot)
  const mechanical = named.flatMap((path) =>
    MECHANICAL.some((folder) => isIn(path, folder)) ? [path] : MECHANICAL.filter((folder) => isIn(folder, path)),
  )
  return { mechanical: [...new Set(mechanical)], faults: named.filter((path) => !MECHANICAL.some((folder) => isIn(path, folder))) }
}

interface Flags {
  readonly json: boolean
  readonly again: boolean
}

export const mutateCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, ...paths: string[]) {
    checkout('mutate')
    const signal = stopSignal()
    const { mechanical, faults } = sharesOf(paths)
    const run = async (script: string, only: readonly string[]): Promise<void> => {
      if (signal.aborted || (paths.length > 0 && only.length === 0)) return
      const args = [...(flags.json ? ['--json'] : []), ...(flags.again ? ['--again'] : []), ...only]
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(home, script), ...args], {
        cwd: home,
        stdio: ['ignore', 'inherit', 'inherit'],
        // Out of the terminal's group: a Ctrl-C reaches it once, from here, and it has the time to clean up.
        detached: true,
      })
      signal.addEventListener('abort', () => void child.kill('SIGINT'), { once: true })
      const [code] = (await once(child, 'exit')) as [number | null]
      // What a tool that is gone has left running.
      endGroup(child.pid)
      if (code !== 0) this.process.exitCode = 1
    }
    await run('tools/mutation/mechanical.ts', mechanical)
    await run('tools/mutation/faults.ts', faults)
    if (signal.aborted) this.process.exitCode = EXIT_STOPPED
  },
  parameters: {
    flags: {
      json: {
        kind: 'boolean',
        brief: 'One JSON object per planted fault and per mutant that no test notices, then the numbers per file',
        default: false,
      },
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
