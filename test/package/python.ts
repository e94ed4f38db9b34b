import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** The Python of this machine, if any, with the Python client in its path. */

const root = join(import.meta.dirname, '../..')
const MODULES = join(root, 'node_modules')
/** What pip installs goes where npm's packages are, and with them. */
const INSTALLED = join(MODULES, '.weft-python')
/** The only package that the client may need; the version that it is tested with. */
const KECCAK = 'pycryptodome==3.23.0'

export const PYTHON_CLIENT = join(root, 'clients/python')

export const pythonEnv = (env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  ...env,
  PYTHONPATH: [join(PYTHON_CLIENT, 'src'), INSTALLED].join(process.platform === 'win32' ? ';' : ':'),
  PYTHONDONTWRITEBYTECODE: '1',
})

export const python = (...words: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync('python3', words, { cwd: PYTHON_CLIENT, env: pythonEnv(), encoding: 'utf8' })

export const isPythonThere = (): boolean => python('-c', 'import sys; sys.exit(sys.version_info < (3, 9))').status === 0

/** Whether it can check proofs; what that takes beside its standard library is installed once. */
export function hasKeccak(): boolean {
  const isThere = (): boolean =>
    python('-c', 'import sys; from weft_client.keccak import has_keccak; sys.exit(not has_keccak())').status === 0
  if (isThere()) return true
  // Two tests may do so at once: each in a folder of its own, of which the first takes the place.
  const folder = mkdtempSync(`${INSTALLED}-`)
  try {
    if (python('-m', 'pip', 'install', '--quiet', '--target', folder, '--only-binary', ':all:', KECCAK).status === 0)
      renameSync(folder, INSTALLED)
  } catch {
    // The other one was first: what it has put there is looked for.
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return isThere()
}
