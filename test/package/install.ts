import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** As npm would, without a registry: the tarball and its command, and beside it the packages that it declares, which are those of this repository. */
export function install(tarball: string, app: string): void {
  const modules = join(app, 'node_modules')
  const installed = join(modules, 'weft')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  for (const name of Object.keys(dependenciesOf(installed))) {
    const link = join(modules, name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), link, 'junction')
  }
  mkdirSync(join(modules, '.bin'))
  symlinkSync('../weft/weft', join(modules, '.bin/weft'))
  symlinkSync('../node/bin/node', join(modules, '.bin/node'))
}

export const dependenciesOf = (folder: string): Record<string, string> =>
  (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }).dependencies
