import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commitAt } from '#node/commit.ts'
import { dashboardFolder } from '#node/dashboard.ts'

const ROOT = join(import.meta.dirname, '../..')

interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly license: string
  readonly engines: unknown
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}
const ours = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest

/** What goes along as it is. */
const BROUGHT = ['weft', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs', 'ops', 'contracts/artifacts', 'computes/templates']

/**
 * Writes the package that others install into the folder, which is emptied: the command, and `weft/client`, `weft/compute` and what else is exported, as
 * JavaScript with declarations, since Node.js strips no types below `node_modules`. Everything lies where it lies here, so that it finds itself alike. Types
 * are not checked: `./weft test` does that.
 */
export async function buildPackage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(import.meta.dirname, 'tsconfig.all.json')]
  execFileSync(process.execPath, [...tsc, '--outDir', folder], { stdio: ['ignore', 'inherit', 'inherit'] })
  for (const path of BROUGHT) cpSync(join(ROOT, path), join(folder, path), { recursive: true })
  chmodSync(join(folder, 'weft'), 0o755)
  cpSync(await dashboardFolder(), join(folder, 'dashboard/dist'), { recursive: true })
  // Pages are built in a checkout alone.
  const isDeclared = (name: string): boolean => name === ours.name || name === 'vite' || ours.dependencies[name] !== undefined
  const undeclared = importedBy(folder).filter((name) => !isDeclared(name))
  if (undeclared.length > 0) throw new Error(`${undeclared.join(', ')}: imported, and no dependency of ours`)
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
}

/** Packs it into the folder above its own; the path of the tarball. */
export function pack(folder: string): string {
  const above = join(folder, '..')
  // On Windows npm is a script of the shell.
  const run = { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' } as const
  const printed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', above], run)
  return join(above, (JSON.parse(printed) as { filename: string }[])[0]?.filename ?? '')
}

function manifest() {
  const { name, version, description, license, engines, exports, dependencies } = ours
  const gitHead = commitAt(ROOT)
  return {
    name,
    version,
    description,
    license,
    ...(gitHead !== undefined && { gitHead }),
    type: 'module',
    // All else may be left out where it is not used.
    sideEffects: ['./src/client/older-engines.js', './src/cli/main.js'],
    engines,
    bin: { weft: './weft' },
    // In every place the sources name each other as they do at home.
    imports: { '#*.ts': './src/*.js' },
    exports: Object.fromEntries(
      Object.entries(exports).map(([entry, path]) => [
        entry,
        { types: path.replace(/\.ts$/, '.d.ts'), default: path.replace(/\.ts$/, '.js') },
      ]),
    ),
    dependencies,
  }
}

/** Packages that code and declarations name. */
function importedBy(folder: string): string[] {
  const names = new Set<string>()
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(js|d\.ts)$/.test(path) || path.startsWith('dashboard')) continue
    // Comments may speak of it.
    const code = readFileSync(join(folder, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*/gm, '')
    for (const [, specifier = ''] of code.matchAll(/(?:\bfrom |\bimport |\bimport\()['"]([^'"\n]+)['"]/g)) {
      const name = /^(?:@[^/]+\/)?[^./#$][^/]*/.exec(specifier)?.[0]
      if (name !== undefined && !name.startsWith('node:')) names.add(name)
    }
  }
  return [...names].sort()
}

/** What the package stands on, in CycloneDX's form, as package-lock.json has it. */
function billOfMaterials(): string {
  const flags = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only', '--omit', 'dev']
  const printed = execFileSync('npm', ['sbom', ...flags], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    shell: process.platform === 'win32',
  })
  const bill = JSON.parse(printed) as { readonly metadata: { readonly component: { name: string } } }
  // npm takes the name of the folder.
  bill.metadata.component.name = ours.name
  return `${JSON.stringify(bill, null, 2)}\n`
}

if (import.meta.main) {
  const dist = join(ROOT, 'dist')
  await buildPackage(join(dist, 'package'))
  console.info(pack(join(dist, 'package')))
  const path = join(dist, `${ours.name}-${ours.version}.cdx.json`)
  writeFileSync(path, billOfMaterials())
  console.info(path)
}
