import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** What others import, and the module that it is. */
const ENTRIES = { './client': 'client/client', './compute': 'domain/compute' } as const

/**
 * Writes the package that others install into the folder, which is emptied: `weft/client` and `weft/compute` as JavaScript with declarations,
 * and what they stand on. Type checks them as a browser would, where there is nothing of Node.js.
 */
export function buildPackage(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(import.meta.dirname, 'tsconfig.json')]
  execFileSync(process.execPath, [...tsc, '--outDir', join(folder, 'dist')], { stdio: ['ignore', 'inherit', 'inherit'] })
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifestOf(folder), null, 2)}\n`)
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))
  copyFileSync(join(ROOT, 'src/client/README.md'), join(folder, 'README.md'))
}

/** Packs it into the folder above its own; the path of the tarball. */
export function pack(folder: string): string {
  const above = join(folder, '..')
  // On Windows npm is a script of the shell.
  const run = { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' } as const
  const printed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', above], run)
  return join(above, (JSON.parse(printed) as { filename: string }[])[0]?.filename ?? '')
}

function manifestOf(folder: string) {
  const ours = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license: string
    dependencies: Record<string, string>
  }
  const used = importedBy(join(folder, 'dist'))
  return {
    name: ours.name,
    version: ours.version,
    description: 'Reads and proves data of a Powerloom Protocol V2 network, and the interface of its computes.',
    license: ours.license,
    type: 'module',
    // All else may be left out where it is not used.
    sideEffects: ['./dist/client/older-engines.js'],
    engines: { node: '>=20' },
    // In every place the sources name each other as they do at home.
    imports: { '#*.ts': './dist/*.js' },
    exports: Object.fromEntries(
      Object.entries(ENTRIES).map(([name, path]) => [name, { types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` }]),
    ),
    files: ['dist'],
    dependencies: Object.fromEntries(used.map((name) => [name, ours.dependencies[name] ?? fail(`${name} is no dependency of ours`)])),
  }
}

/** Packages that code and declarations name. */
function importedBy(folder: string): string[] {
  const names = new Set<string>()
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(js|d\.ts)$/.test(path)) continue
    // Comments may speak of it.
    const code = readFileSync(join(folder, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*/gm, '')
    for (const [, specifier = ''] of code.matchAll(/(?:\bfrom |\bimport |\bimport\()['"]([^'"\n]+)['"]/g)) {
      const name = /^(?:@[^/]+\/)?[^./#][^/]*/.exec(specifier)?.[0]
      if (name !== undefined) names.add(name)
    }
  }
  return [...names].sort()
}

function fail(message: string): never {
  throw new Error(message)
}

if (import.meta.main) {
  const folder = join(ROOT, 'dist/package')
  buildPackage(folder)
  console.info(pack(folder))
}
