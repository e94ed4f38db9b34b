import { globSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import type { MutantResult, PartialStrykerOptions } from '@stryker-mutator/api/core'
import { Stryker } from '@stryker-mutator/core'
import { byCodeUnit } from '#domain/ids.ts'

/** Makes every mechanical mutant of `src/domain` and `src/wire`, or of the files named, and says which of them no test there notices. */

const root = join(import.meta.dirname, '../..')
const FOLDERS = ['src/domain', 'src/wire']
/** Nobody writes these by hand. */
const GENERATED = ['src/wire/gen/', 'src/wire/abi/']
const NOTICED = new Set<MutantResult['status']>(['Killed', 'Timeout'])

/** Of this run alone: whatever ends the process takes its copy of the project with it, and no other's. */
const tempDir = `.stryker-tmp/${process.pid}`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, again: { type: 'boolean', default: false } },
})

function filesOf(folder: string): string[] {
  const files = globSync(`${folder}/**/*.ts`, { cwd: root }).sort()
  const isCode = (file: string) => !/\.(test|d)\.ts$/.test(file) && !GENERATED.some((place) => file.startsWith(place))
  const isNamed = (file: string) => positionals.length === 0 || positionals.some((path) => file === path || file.startsWith(`${path}/`))
  return files.filter((file) => isCode(file) && isNamed(file))
}

/** Each folder is judged by tests of its own, and remembers apart. */
async function mutantsOf(folder: string, files: readonly string[]): Promise<MutantResult[]> {
  // Read by `vitest.config.ts`, in the processes that run the tests.
  process.env['WEFT_MUTATED'] = folder
  const options: PartialStrykerOptions = {
    configFile: 'tools/mutation/stryker.json',
    mutate: [...files],
    incrementalFile: `node_modules/.cache/weft-mutation/${folder.replace('/', '-')}.json`,
    force: values.again,
    tempDirName: tempDir,
    ...(values.json ? { reporters: [], logLevel: 'off' as never } : {}),
  }
  const results = await new Stryker(options).runMutationTest()
  // What is remembered of other files is among them.
  return results.filter(({ fileName }) => files.includes(relative(root, fileName)))
}

interface Mutant {
  readonly path: string
  readonly line: number
  readonly column: number
  readonly mutator: string
  /**
   * `uncovered`: no test comes there at all. `explained`: a comment in the code says why it changes nothing. `broken`: not even the test
   * files could be loaded, which nobody overlooks.
   */
  readonly kind: (typeof COLUMNS)[number]
  readonly sound: string
  readonly faulty: string
}

const KINDS = { Survived: 'survived', NoCoverage: 'uncovered', Ignored: 'explained' } as const

function told(result: MutantResult): Mutant {
  const path = relative(root, result.fileName)
  // Both count from 1.
  const { start, end } = result.location
  const lines = readFileSync(join(root, path), 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line)
  const first = lines[0] ?? ''
  const last = lines.at(-1) ?? ''
  return {
    path,
    line: start.line,
    column: start.column,
    mutator: result.mutatorName,
    kind: NOTICED.has(result.status) ? 'noticed' : (KINDS[result.status as keyof typeof KINDS] ?? 'broken'),
    sound: lines.join('\n').trim(),
    faulty: `${first.slice(0, start.column - 1)}${result.replacement}${last.slice(end.column - 1)}`.trim(),
  }
}

const COLUMNS = ['noticed', 'survived', 'uncovered', 'explained', 'broken'] as const
const isUnseen = ({ kind }: Mutant): boolean => kind === 'survived' || kind === 'uncovered'

function print(mutants: readonly Mutant[]): void {
  for (const { path, line, column, mutator, kind, sound, faulty } of mutants.filter(isUnseen)) {
    const where = `${path}:${line}:${column}`
    const text = (mark: string, code: string) => code.replace(/^/gm, `  ${mark} `)
    if (values.json) process.stdout.write(`${JSON.stringify({ mutant: where, mutator, kind, sound, faulty })}\n`)
    else process.stdout.write(`\n${kind.toUpperCase()} ${where} ${mutator}\n${text('-', sound)}\n${text('+', faulty)}\n`)
  }
  const counts = new Map<string, Record<Mutant['kind'], number>>()
  for (const { path, kind } of mutants.toSorted((left, right) => byCodeUnit(left.path, right.path))) {
    const row = counts.get(path) ?? { noticed: 0, survived: 0, uncovered: 0, explained: 0, broken: 0 }
    row[kind] += 1
    counts.set(path, row)
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ summary: Object.fromEntries(counts) })}\n`)
    return
  }
  const width = Math.max(4, ...[...counts.keys()].map((path) => path.length))
  process.stdout.write(`\n${'file'.padEnd(width)} ${COLUMNS.join(' ')}\n`)
  for (const [path, row] of counts)
    process.stdout.write(`${path.padEnd(width)} ${COLUMNS.map((kind) => String(row[kind]).padStart(kind.length)).join(' ')}\n`)
}

async function main(): Promise<number> {
  process.chdir(root)
  const named = FOLDERS.map((folder) => ({ folder, files: filesOf(folder) })).filter(({ files }) => files.length > 0)
  if (named.length === 0)
    throw new Error(`nothing to break at ${positionals.join(', ')}: name a file or folder below ${FOLDERS.join(' or ')}`)
  const mutants: Mutant[] = []
  for (const { folder, files } of named) {
    if (!values.json) process.stdout.write(`Mutants of ${files.length === 1 ? files[0] : `${files.length} files in ${folder}`}\n`)
    mutants.push(...(await mutantsOf(folder, files)).map(told))
  }
  print(mutants)
  return mutants.some(isUnseen) ? 1 : 0
}

function clean(): void {
  rmSync(join(root, tempDir), { recursive: true, force: true })
  try {
    rmdirSync(join(root, '.stryker-tmp'))
  } catch {
    // Another run has its copy there, or nothing was ever made.
  }
}

process.once('exit', clean)
try {
  process.exitCode = await main()
} catch (failure) {
  process.stderr.write(`weft: ${failure instanceof Error ? failure.message : String(failure)}\n`)
  process.exitCode = 1
}
