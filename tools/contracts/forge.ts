// forge with its real exit code. The launcher in node_modules/.bin answers 0 whatever forge answers (1.7.1), which would
// make every failing test pass; so the binary of this platform is run directly.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' }

/** Path of the forge binary that npm installed. */
export function forgeBinary(): string {
  const require = createRequire(import.meta.url)
  const platformPackage = `@foundry-rs/forge-${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`
  const folder = dirname(require.resolve(`${platformPackage}/package.json`))
  return join(folder, 'bin', process.platform === 'win32' ? 'forge.exe' : 'forge')
}

if (import.meta.main) {
  const { status } = spawnSync(forgeBinary(), process.argv.slice(2), { cwd: ROOT, stdio: 'inherit' })
  process.exitCode = status ?? 1
}
